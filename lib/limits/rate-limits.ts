import { CidrTable, NO_VALUE } from '../clients/cidr-table.js'
import { hashClient, mixWord } from '../clients/client-address.js'
import type { FastRandom } from '../fast-random.js'
import { hashEnd } from '../wire/name.js'
import { Rate } from './rate.js'
import type { ParsedRateLimitOptions } from './rate-limit-options.js'
import { RateTable } from './rate-table.js'

/** What a thread needs to keep the limits. A plain object: it is posted to the thread. */
export interface RateLimitHandle {
  readonly memory: SharedArrayBuffer
  /** A secret, so that nobody can work out whose bucket theirs is. */
  readonly seed: number
  readonly settings: Omit<ParsedRateLimitOptions, 'allow' | 'entries'>
  /** The data of a `CidrTable`; undefined where nobody is without limits. */
  readonly allow: Int32Array | undefined
}

/** Which responses are like each other: those of one class to one network that go by the same name. */
export const ResponseClass = Object.freeze({
  /** By the name that was answered: the wildcard's where there was one, or random names would each have a limit of their own. */
  answer: 1,
  /** By the name that was asked. */
  nodata: 2,
  /** By the zone, since the names are often random. */
  nxdomain: 3,
  /** All errors are alike, whatever was asked. */
  error: 4,
} as const)
export type ResponseClass = (typeof ResponseClass)[keyof typeof ResponseClass]

export type ResponseVerdict = 'send' | 'slip' | 'drop'

/** What tells the kinds of limit apart in the table; ResponseClass goes on from here. */
const KIND_QUERY = 11
const KIND_FORWARDED = 12
/** Responses in a batch. */
const MAX_EXPECTED = 64
const IPV4_BITS = 32
const IPV6_BITS = 128

/**
 * Who may have how much, in one thread; what the others have given counts as well. No call waits, allocates or fails.
 *
 * `nowMs` is of a clock that all threads share, read once a batch.
 */
export class RateLimits {
  readonly #settings: RateLimitHandle['settings']
  readonly #seed: number
  readonly #allow: CidrTable | undefined
  readonly #random: FastRandom
  readonly #queries: Rate | undefined
  readonly #forwarded: Rate | undefined
  readonly #responses: Rate | undefined
  readonly #table: RateTable
  /** By which buckets the responses to a batch will most likely go. */
  readonly #expected = new Int32Array(MAX_EXPECTED)
  /** What was read ahead has to go somewhere, or the compiler would leave out reading it. */
  prefetched = 0

  constructor(handle: RateLimitHandle, random: FastRandom) {
    const { settings } = handle
    this.#settings = settings
    this.#seed = handle.seed
    this.#allow = handle.allow && new CidrTable(handle.allow)
    this.#random = random
    const table = new RateTable(handle.memory)
    this.#table = table
    const rate = (perSecond: number) => (perSecond === 0 ? undefined : new Rate(table, perSecond, random))
    this.#queries = rate(settings.queriesPerSecond)
    this.#forwarded = rate(settings.forwardedPerSecond)
    this.#responses = rate(settings.responsesPerSecond)
  }

  /** Whether a client, whose address stands at `at`, may ask one more query. */
  admitsQuery(words: Int32Array, at: number, nowMs: number): boolean {
    return this.#admits(this.#queries, KIND_QUERY, words, at, nowMs)
  }

  /** Whether a query of this client may be forwarded. */
  admitsForwarded(words: Int32Array, at: number, nowMs: number): boolean {
    return this.#admits(this.#forwarded, KIND_FORWARDED, words, at, nowMs)
  }

  /** Announces that response `i` of a batch will most likely be an answer of this name to this client; see `prefetch`. */
  expectAnswer(i: number, words: Int32Array, at: number, nameHash: number): void {
    this.#expected[i] = this.#responseHash(words, at, ResponseClass.answer, nameHash)
  }

  /** Announces that response `i` will most likely not be counted. */
  expectNothing(i: number): void {
    this.#expected[i] = 0
  }

  /** Reads ahead for responses 0 to `count - 1`: their buckets are all over the table, and nothing is done while waiting for one. */
  prefetch(count: number): void {
    let sum = 0
    for (let i = 0; i < count; i++) sum += this.#table.prefetch(this.#expected[i]!)
    this.prefetched = sum | 0
  }

  /**
   * Whether a response may be sent to whoever the client says it is: as it is, truncated and empty, or not at all.
   *
   * Not to be asked about a client that has proved its address, by TCP or a valid cookie. `nameHash` is of the name that
   * the class goes by; see ResponseClass.
   */
  judgeResponse(
    words: Int32Array,
    at: number,
    responseClass: ResponseClass,
    nameHash: number,
    nowMs: number,
  ): ResponseVerdict {
    if (this.#responses === undefined || this.#isAllowed(words, at)) return 'send'
    if (this.#responses.admits(this.#responseHash(words, at, responseClass, nameHash), nowMs)) return 'send'
    const { slip } = this.#settings
    // By chance and not by turns: with turns, of two clients that ask alternately one would never get through.
    return slip !== 0 && this.#random.below(slip) === 0 ? 'slip' : 'drop'
  }

  #responseHash(words: Int32Array, at: number, responseClass: ResponseClass, nameHash: number): number {
    const { ipv4Prefix, ipv6Prefix } = this.#settings
    const network = hashClient(words, at, ipv4Prefix, ipv6Prefix, this.#seed)
    const byName = responseClass === ResponseClass.error ? 0 : nameHash
    return hashEnd(mixWord(mixWord(network, responseClass), byName))
  }

  #admits(rate: Rate | undefined, kind: number, words: Int32Array, at: number, nowMs: number): boolean {
    // Who is allowed is not counted either: its neighbours may share its bucket.
    if (rate === undefined || this.#isAllowed(words, at)) return true
    const client = hashClient(words, at, IPV4_BITS, IPV6_BITS, this.#seed)
    return rate.admits(hashEnd(mixWord(client, kind)), nowMs)
  }

  #isAllowed(words: Int32Array, at: number): boolean {
    return this.#allow !== undefined && this.#allow.find(words, at) !== NO_VALUE
  }
}
