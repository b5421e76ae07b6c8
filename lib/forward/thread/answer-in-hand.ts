import type { AnswerCacheReader } from '../../answer-cache/answer-cache-reader.js'
import type { QueryContext } from '../../query/query-context.js'
import type { QueryForwarding } from '../../query/query-forwarding.js'
import { CLASS_IN, Rcode } from '../../wire/constants.js'
import { ExtendedError } from '../../wire/edns.js'
import { FLAG_RA } from '../../wire/header.js'
import type { CheckedReply } from '../reply/checked-reply.js'
import { cacheFlags, nxdomainHash, passFlags, refuse, writeCached } from './thread-forwarding.js'

/** What the queries in hand are answered with: a reply that has just come, what the cache has, what it has had, or a failure. */
export type Hand = 'reply' | 'cached' | 'stale' | 'failure'

/** The forwarding of the forward thread itself, whose queries have all been let through before: it has the answer, and writes it. */
export class AnswerInHand implements QueryForwarding {
  hand: Hand = 'failure'
  /** Of a failure. */
  extendedError: number = ExtendedError.NETWORK_ERROR
  nowSeconds = 0
  readonly #reply: CheckedReply
  readonly #cache: AnswerCacheReader

  constructor(reply: CheckedReply, cache: AnswerCacheReader) {
    this.#reply = reply
    this.#cache = cache
  }

  begin(context: QueryContext): void {
    context.forwardFlags = FLAG_RA
  }

  takes(): boolean {
    return true
  }

  answer(context: QueryContext): void {
    context.limitHash = context.question.name.hash
    switch (this.hand) {
      case 'reply':
        this.#writeReply(context)
        break
      case 'cached':
        this.#writeCached(context)
        break
      case 'stale':
        this.#writeStale(context)
        break
      case 'failure':
        refuse(context, Rcode.SERVFAIL, this.extendedError)
        break
      default:
        this.hand satisfies never
    }
  }

  #writeCached(context: QueryContext): void {
    const { question, view } = context
    const cache = this.#cache
    if (cache.find(question.name, question.type, CLASS_IN, cacheFlags(context), view, this.nowSeconds)) {
      writeCached(context, cache)
    } else refuse(context, Rcode.SERVFAIL, ExtendedError.NETWORK_ERROR)
  }

  #writeStale(context: QueryContext): void {
    const { question, view } = context
    const cache = this.#cache
    if (cache.findStale(question.name, question.type, CLASS_IN, cacheFlags(context), view, this.nowSeconds)) {
      writeCached(context, cache)
      context.extendedError = staleError(cache.rcode)
    } else refuse(context, Rcode.SERVFAIL, ExtendedError.NETWORK_ERROR)
  }

  /** Its names point to a question whose name is as long as that of each who waits. */
  #writeReply(context: QueryContext): void {
    const reply = this.#reply
    const { response } = context
    context.rcode = reply.rcode
    context.isNodata = reply.isNodata
    passFlags(context, reply.isAuthenticated)
    if (reply.rcode === Rcode.NXDOMAIN) context.limitHash = nxdomainHash(context)
    const room = response.limit - response.position
    const isWhole = reply.bodyEnd - reply.bodyStart <= room
    const end = isWhole ? reply.bodyEnd : reply.answerEnd
    const isNegative = reply.isNodata || reply.rcode === Rcode.NXDOMAIN
    context.isTruncated = !isWhole && (isNegative || end - reply.bodyStart > room)
    if (end - reply.bodyStart > room) return
    response.copy(reply.bytes, reply.bodyStart, end - reply.bodyStart)
    response.answerCount = reply.answerCount
    response.authorityCount = isWhole ? reply.authorityCount : 0
  }
}

/** RFC 8914 §4.4 and §4.20. */
export function staleError(rcode: number): number {
  return rcode === Rcode.NXDOMAIN ? ExtendedError.STALE_NXDOMAIN : ExtendedError.STALE_ANSWER
}
