import type { AnswerCacheReader } from '../../answer-cache/answer-cache-reader.js'
import type { QueryContext } from '../../query/query-context.js'
import type { QueryForwarding } from '../../query/query-forwarding.js'
import { CLASS_IN, Rcode } from '../../wire/constants.js'
import { ExtendedError } from '../../wire/edns.js'
import { FoldedName } from '../../wire/folded-name.js'
import { FLAG_RA } from '../../wire/header.js'
import type { CheckedReply } from '../reply/checked-reply.js'
import { ChainedAnswer } from './chained-answer.js'
import type { ForwardSlot } from './forward-slot.js'
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
  readonly #target = new FoldedName()
  #hasTarget = false
  readonly #chained = new ChainedAnswer()

  constructor(reply: CheckedReply, cache: AnswerCacheReader) {
    this.#reply = reply
    this.#cache = cache
  }

  begin(context: QueryContext): void {
    context.forwardFlags = FLAG_RA
  }

  expect(): void {}

  expectNothing(): void {}

  prefetch(): void {}

  /** The query to come is about a name to which CNAMEs of ours lead; without one, about the name in its question. */
  aim({ bytes, targetStart, targetLength }: ForwardSlot): void {
    this.#hasTarget = targetLength > 0
    if (this.#hasTarget) this.#target.read(bytes, targetStart, targetStart + targetLength, this.#cache.seed)
  }

  /** CNAMEs may have changed meanwhile: what is in hand is about one name. */
  takes(name: FoldedName): boolean {
    return !this.#hasTarget || (name.length === this.#target.length && name.isAtOrBelow(this.#target, 0))
  }

  answer(context: QueryContext): void {
    context.limitHash = context.question.name.hash
    this.#write(context, context.question.name)
  }

  answerTarget(context: QueryContext, target: FoldedName, offset: number): void {
    this.#chained.begin(context, target, offset)
    this.#write(context, target)
    if (context.rcode === Rcode.SERVFAIL) refuse(context, Rcode.SERVFAIL, context.extendedError)
    else this.#chained.end(context)
  }

  #write(context: QueryContext, name: FoldedName): void {
    switch (this.hand) {
      case 'reply':
        this.#writeReply(context, name)
        break
      case 'cached':
        this.#writeCached(context, name)
        break
      case 'stale':
        this.#writeStale(context, name)
        break
      case 'failure':
        refuse(context, Rcode.SERVFAIL, this.extendedError)
        break
      default:
        this.hand satisfies never
    }
  }

  #writeCached(context: QueryContext, name: FoldedName): void {
    const { question, view } = context
    const cache = this.#cache
    if (cache.find(name, question.type, CLASS_IN, cacheFlags(context), view, this.nowSeconds)) {
      writeCached(context, cache, name)
    } else refuse(context, Rcode.SERVFAIL, ExtendedError.NETWORK_ERROR)
  }

  #writeStale(context: QueryContext, name: FoldedName): void {
    const { question, view } = context
    const cache = this.#cache
    if (cache.findStale(name, question.type, CLASS_IN, cacheFlags(context), view, this.nowSeconds)) {
      writeCached(context, cache, name)
      context.extendedError = staleError(cache.rcode)
    } else refuse(context, Rcode.SERVFAIL, ExtendedError.NETWORK_ERROR)
  }

  /** Its names point to a question whose name is as long as that of each who waits. */
  #writeReply(context: QueryContext, name: FoldedName): void {
    const reply = this.#reply
    const { response } = context
    context.rcode = reply.rcode
    context.isNodata = reply.isNodata
    passFlags(context, reply.isAuthenticated)
    if (reply.rcode === Rcode.NXDOMAIN) context.limitHash = nxdomainHash(name)
    const room = response.limit - response.position
    const isWhole = reply.body.end - reply.body.start <= room
    const end = isWhole ? reply.body.end : reply.body.answerEnd
    // What is beside the answer is what proves it (RFC 4035 §3.1.3).
    context.isTruncated = !isWhole
    if (end - reply.body.start > room) return
    response.copy(reply.body.bytes, reply.body.start, end - reply.body.start)
    response.answerCount += reply.body.answerCount
    response.authorityCount = isWhole ? reply.body.authorityCount : 0
  }
}

/** RFC 8914 §4.4 and §4.20. */
export function staleError(rcode: number): number {
  return rcode === Rcode.NXDOMAIN ? ExtendedError.STALE_NXDOMAIN : ExtendedError.STALE_ANSWER
}
