import { CidrTable, NO_VALUE } from '../clients/cidr-table.js'
import type { FastRandom } from '../fast-random.js'
import { ACL_ACTIONS } from '../limits/acl.js'
import type { ParsedAmplification } from '../limits/amplification.js'
import { type RateLimitHandle, RateLimits, ResponseClass, type ResponseVerdict } from '../limits/rate-limits.js'
import { BOTH_COOKIES_SIZE } from '../limits/server-cookies.js'
import { HEADER_SIZE, Rcode } from '../wire/constants.js'
import { NO_EXTENDED_ERROR, OPT_SIZE, OPTION_HEADER_SIZE } from '../wire/edns.js'
import { ANY_AMPLIFICATION, asksForAny, EXTENDED_ERROR_SIZE, optSize } from './finish.js'
import type { ClientAddresses, QueryContext } from './query-context.js'

/** What goes by the client's address. A plain object: it is posted to each thread. */
export interface ClientPolicy {
  /** The data of tables: see `parseAcl` and `parseViews`. */
  readonly acl: Int32Array | undefined
  readonly views: Int32Array | undefined
  readonly rateLimits: RateLimitHandle | undefined
  readonly amplification: ParsedAmplification
}

/** Of an OPT record for a query whose own has no options: an Extended DNS Error is all that it can hold. */
const PLAIN_OPT_SIZE = OPT_SIZE + OPTION_HEADER_SIZE + EXTENDED_ERROR_SIZE

/** Who may ask, which records they see, and how much they get. Made once per thread. */
export class ClientRules {
  /** Whether anything has to be known of a client before its query is read. */
  readonly areAtTake: boolean
  readonly limitResponses: boolean
  readonly #acl: CidrTable | undefined
  readonly #views: CidrTable | undefined
  readonly #limits: RateLimits | undefined
  readonly #ratio: number
  readonly #wholeRatio: number
  readonly #trusted: CidrTable
  readonly #wallMs: () => number
  /** When the batch in hand was begun, by the one clock that all threads have. */
  #nowMs = 0

  constructor({ acl, views, rateLimits, amplification }: ClientPolicy, wallMs: () => number, random: FastRandom) {
    this.areAtTake = acl !== undefined || views !== undefined || rateLimits !== undefined
    this.limitResponses = rateLimits !== undefined && rateLimits.settings.responsesPerSecond > 0
    this.#acl = acl && new CidrTable(acl)
    this.#views = views && new CidrTable(views)
    this.#limits = rateLimits && new RateLimits(rateLimits, random)
    this.#ratio = amplification.ratio
    this.#wholeRatio = Math.floor(amplification.ratio)
    this.#trusted = new CidrTable(amplification.trusted)
    this.#wallMs = wallMs
  }

  /** Before the first query of a batch. */
  beginBatch(): void {
    // 32 bits are enough, and a small integer is nothing that has to be made anew.
    if (this.#limits !== undefined) this.#nowMs = this.#wallMs() | 0
  }

  /** Finds out what request `i` may have, and whose records it sees. Queries of this process may have all. */
  meet(context: QueryContext, clients: ClientAddresses, i: number): void {
    if (!context.readClient(clients, i)) return
    const words = context.client
    if (this.#acl !== undefined) {
      const action = this.#acl.find(words, 0)
      if (action !== NO_VALUE) context.access = ACL_ACTIONS[action]!
      if (context.access === 'drop') return
    }
    if (this.#limits !== undefined && !this.#limits.admitsQuery(words, 0, this.#nowMs)) context.access = 'limit'
    this.#findView(context)
  }

  /** The same for a request that was met before, and let in: it is not charged for twice. */
  meetAgain(context: QueryContext, clients: ClientAddresses, i: number): void {
    if (context.readClient(clients, i)) this.#findView(context)
  }

  /** Whether a query of this client may be forwarded. */
  admitsForwarded(context: QueryContext): boolean {
    if (this.#limits === undefined || !context.hasClient) return true
    return this.#limits.admitsForwarded(context.client, 0, this.#nowMs)
  }

  /** Announces the response to request `i` of a batch, which has been read. Who comes with a whole cookie is most likely not limited. */
  expect(context: QueryContext, i: number): void {
    const { hasCookie, cookieLength } = context.edns
    if (hasCookie && cookieLength === BOTH_COOKIES_SIZE) this.#limits!.expectNothing(i)
    else if (context.hasClient) this.#limits!.expectAnswer(i, context.client, 0, context.question.name.hash)
  }

  /** Reads ahead for what was announced of requests 0 to `count - 1`. */
  prefetch(count: number): void {
    this.#limits!.prefetch(count)
  }

  /** Whether the response in hand, to a client that has not proved its address, may go out. */
  judge(context: QueryContext): ResponseVerdict {
    if (!context.hasClient) return 'send'
    return this.#limits!.judgeResponse(context.client, 0, classOf(context), context.limitHash, this.#nowMs)
  }

  /** Whether the response in hand may be larger than `mostBytes` will say: whole multiples tell for nearly all. */
  mayBeTooLarge({ edns, reader, response }: QueryContext): boolean {
    return edns.hasOptions || response.length + PLAIN_OPT_SIZE > this.#wholeRatio * (reader.end - reader.start)
  }

  /** How large the response in hand may be for a client that has not proved its address; called when it has been written. */
  mostBytes(context: QueryContext, clients: ClientAddresses, i: number): number {
    const { question, response, edns } = context
    const most = this.#shareOf(context)
    if (response.length + optSize(context) <= most) return Number.POSITIVE_INFINITY
    if (!context.readClient(clients, i)) return Number.POSITIVE_INFINITY
    if (this.#trusted.find(context.client, 0) !== NO_VALUE) return Number.POSITIVE_INFINITY
    const head = HEADER_SIZE + (context.hasQuestion ? question.length : 0)
    // What this server is called is all that a response without records can have too much of.
    if (head + optSize(context) > most) edns.wantsNsid = false
    return Math.max(most, head + optSize(context))
  }

  /** Of a response without records, to such a client: to ANY for a name of four octets, beside a cookie, there is no room for an Extended DNS Error. */
  leaveOutError(context: QueryContext): void {
    if (context.response.length + optSize(context) > this.#shareOf(context)) context.extendedError = NO_EXTENDED_ERROR
  }

  /** How many octets the query in hand may bring to who may not have sent it. */
  #shareOf(context: QueryContext): number {
    const { reader } = context
    return Math.floor((asksForAny(context) ? ANY_AMPLIFICATION : this.#ratio) * (reader.end - reader.start))
  }

  #findView(context: QueryContext): void {
    if (this.#views === undefined) return
    const view = this.#views.find(context.client, 0)
    if (view !== NO_VALUE) context.view = view
  }
}

function classOf({ rcode, isNodata }: QueryContext): ResponseClass {
  if (rcode === Rcode.NXDOMAIN) return ResponseClass.nxdomain
  if (rcode !== Rcode.NOERROR) return ResponseClass.error
  return isNodata ? ResponseClass.nodata : ResponseClass.answer
}
