import { ADDRESS_WORDS, hashClient } from '../clients/client-address.js'
import type { MeterHandle } from '../metrics/measurements.js'
import { type FigureProtocol, QueryFigures } from '../metrics/query-figures.js'
import { TopKeysCounter } from '../metrics/top-keys-counter.js'
import type { QueryContext, QuerySettings } from './query-context.js'
import { NO_ZONE } from './zone.js'

const IPV4_PREFIX = 32
const IPV6_PREFIX = 128
/** Names and clients have their times in whole seconds: a clock less to read for each batch. */
const WALL_CLOCK_MS = 200
/** Of a query without a question that could be read. */
const NO_TYPE = 0

/**
 * Measures what one thread answers: how many queries of which kind, for how long they are here, how large the responses are, and which
 * names and clients come most. The clock is read twice a batch.
 */
export class QueryMeter {
  /** Whether a query's client must have been read when it is counted. */
  readonly countsClients: boolean
  #settings: QuerySettings
  readonly #figures: QueryFigures
  readonly #names: TopKeysCounter | undefined
  readonly #clients: TopKeysCounter | undefined
  #responses = 0
  #protocol: FigureProtocol = 'udp'
  #lateSinceMs = 0
  #begunMs = 0
  #durationMs = 0
  /** Seconds since 1970, as they were at `#wallReadMs`. */
  #now = 0
  #wallReadMs = Number.NEGATIVE_INFINITY

  constructor(handle: MeterHandle, thread: number, settings: QuerySettings, randomSeed: number) {
    this.countsClients = handle.clients !== undefined
    this.#settings = settings
    this.#figures = new QueryFigures(handle.figures, handle.zones, thread)
    this.#names = handle.names && new TopKeysCounter(handle.names, randomSeed)
    this.#clients = handle.clients && new TopKeysCounter(handle.clients, randomSeed)
  }

  /** Over what the queries in hand came. */
  get protocol(): FigureProtocol {
    return this.#protocol
  }

  set protocol(protocol: FigureProtocol) {
    this.#protocol = protocol
    this.#figures.protocol = protocol
  }

  /** As `QueryPipeline.use`. */
  use(settings: QuerySettings): void {
    this.#settings = settings
  }

  /** When the batch in hand came, as `performance.now()` has it. */
  get begunMs(): number {
    return this.#begunMs
  }

  /** The same for the query that is answered later; not finite where nobody knows any more. */
  get lateSinceMs(): number {
    return this.#lateSinceMs
  }

  /** Between batches, several times a second. */
  tick(): void {
    this.#names?.tick()
    this.#clients?.tick()
  }

  /** When a batch has just been received. */
  begin(): void {
    this.#begunMs = performance.now()
    if (this.#begunMs >= this.#wallReadMs + WALL_CLOCK_MS) this.#readWallClock()
  }

  /** When its last response has been handed to the kernel, and before its queries are counted. */
  end(): void {
    this.#durationMs = performance.now() - this.#begunMs
  }

  /** Shows what has been counted. */
  flush(): void {
    if (this.#responses > 0) this.#figures.countDuration(this.#durationMs, this.#responses)
    this.#responses = 0
    this.#figures.flush()
  }

  /** A query has been looked at for the first time, whatever came of it. */
  countQuery(context: QueryContext): void {
    const { question, hasQuestion, responseLength } = context
    if (this.#clients !== undefined && context.hasClient) this.#countClient(this.#clients, context.client)
    if (responseLength > 0) {
      this.#responses++
      this.#figures.countResponse(responseLength)
    }
    if (!hasQuestion) {
      this.#figures.countQuery(NO_ZONE, NO_TYPE)
      return
    }
    this.#figures.countQuery(this.#zoneOf(context), question.type)
    const { name } = question
    this.#names?.count(name.words, name.length, name.hash, this.#now)
  }

  /** A query is answered later than its batch, which came at `sinceMs`, as `performance.now()` has it. */
  beginLate(sinceMs: number): void {
    this.#lateSinceMs = sinceMs
  }

  countLateResponse(sizeBytes: number): void {
    this.#figures.countResponse(sizeBytes)
    // Of those that a closing server gives up, nobody knows any more.
    if (Number.isFinite(this.#lateSinceMs)) this.#figures.countDuration(performance.now() - this.#lateSinceMs, 1)
  }

  /** Of a query that somebody else answers, nobody has looked for the zone. */
  #zoneOf({ zone, verdict, isParked, question }: QueryContext): number {
    if (zone !== NO_ZONE || (verdict !== 'hooked' && !isParked)) return zone
    return this.#settings.zones.match(question.name)?.number ?? NO_ZONE
  }

  #countClient(counter: TopKeysCounter, words: Int32Array): void {
    const hash = hashClient(words, 0, IPV4_PREFIX, IPV6_PREFIX, this.#settings.index.seed)
    counter.count(words, 4 * ADDRESS_WORDS, hash, this.#now)
  }

  #readWallClock(): void {
    this.#wallReadMs = this.#begunMs
    this.#now = Math.floor(Date.now() / 1000)
  }
}
