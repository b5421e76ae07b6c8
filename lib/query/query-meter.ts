import { ADDRESS_WORDS, hashClient, writeClient } from '../clients/client-address.js'
import type { MeterHandle } from '../metrics/measurements.js'
import { type FigureProtocol, QueryFigures } from '../metrics/query-figures.js'
import { TopKeysCounter } from '../metrics/top-keys-counter.js'
import type { ClientAddresses, QueryContext, QuerySettings } from './query-context.js'
import { NO_ZONE } from './zone.js'

const IPV4_PREFIX = 32
const IPV6_PREFIX = 128
/** Names and clients have their times in whole seconds: a clock less to read for each batch. */
const WALL_CLOCK_MS = 200
/** Of a query without a question that could be read. */
const NO_TYPE = 0

/** Queries in a batch, at most. */
const MAX_BATCH = 64

/**
 * Measures what one thread answers: how many queries of which kind, for how long they are here, how large the responses are, and which
 * names and clients come most. The clock is read twice a batch.
 *
 * What is cheap to count is counted with each answer. Names and clients are only noted with their queries, by their hashes, and
 * counted when the batch is over: between the answers, their tables would push those of the answers out of the caches, and
 * afterwards, the contexts of the queries would have to come back into them.
 */
export class QueryMeter {
  #settings: QuerySettings
  readonly #figures: QueryFigures
  readonly #names: TopKeysCounter | undefined
  readonly #clients: TopKeysCounter | undefined
  /** Of the batch in hand. */
  readonly #notedNames = new NotedKeys()
  readonly #notedClients = new NotedKeys()
  readonly #clientWords = new Int32Array(MAX_BATCH * ADDRESS_WORDS)
  readonly #octets = new Uint8Array(4 * ADDRESS_WORDS)
  #responses = 0
  #protocol: FigureProtocol = 'udp'
  #lateSinceMs = 0
  #begunMs = 0
  #durationMs = 0
  /** Seconds since 1970, as they were at `#wallReadMs`. */
  #now = 0
  #wallReadMs = Number.NEGATIVE_INFINITY

  constructor(handle: MeterHandle, thread: number, settings: QuerySettings, randomSeed: number) {
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

  /** Request `i` of a batch has been read. Once it is answered, its client's address may be another's. */
  note(context: QueryContext, i: number, clients: ClientAddresses): void {
    if (i === 0) this.#notedNames.count = this.#notedClients.count = 0
    if (this.#names !== undefined && context.hasQuestion) this.#notedNames.add(i, context.question.name.hash)
    if (this.#clients !== undefined) this.#noteClient(context, i, clients)
  }

  /** Its address goes where those of the batch stand together, for the context's own is only read where something goes by it. */
  #noteClient(context: QueryContext, i: number, clients: ClientAddresses): void {
    const words = this.#clientWords
    const at = ADDRESS_WORDS * i
    if (context.hasClient) {
      for (let word = 0; word < ADDRESS_WORDS; word++) words[at + word] = context.client[word]!
    } else {
      const length = clients.clientAddress(i, this.#octets)
      if (length === 0) return
      writeClient(words, at, this.#octets, length)
    }
    this.#notedClients.add(i, hashClient(words, at, IPV4_PREFIX, IPV6_PREFIX, this.#settings.index.seed))
  }

  /** A query has been answered for the first time, whatever came of it. */
  countQuery(context: QueryContext): void {
    const { hasQuestion, responseLength } = context
    if (responseLength > 0) {
      this.#responses++
      this.#figures.countResponse(responseLength)
    }
    if (hasQuestion) this.#figures.countQuery(this.#zoneOf(context), context.question.type)
    else this.#figures.countQuery(NO_ZONE, NO_TYPE)
  }

  /** The last response of a batch has been handed to the kernel: counts and shows what has been noted of it. */
  endBatch(contexts: readonly QueryContext[]): void {
    this.#durationMs = performance.now() - this.#begunMs
    if (this.#names !== undefined) this.#countNames(this.#names, contexts)
    if (this.#clients !== undefined) this.#countClients(this.#clients)
    this.flush()
  }

  /** Shows what has been counted. */
  flush(): void {
    if (this.#responses > 0) this.#figures.countDuration(this.#durationMs, this.#responses)
    this.#responses = 0
    this.#figures.flush()
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

  #countNames(counter: TopKeysCounter, contexts: readonly QueryContext[]): void {
    const { count, hashes, queries } = this.#notedNames
    const now = this.#now
    for (let n = 0; n < count; n++) {
      const hash = hashes[n]!
      if (counter.countKnown(hash, now)) continue
      const { name } = contexts[queries[n]!]!.question
      counter.countNew(name.words, 0, name.length, hash, now)
    }
    this.#notedNames.count = 0
  }

  #countClients(counter: TopKeysCounter): void {
    const { count, hashes, queries } = this.#notedClients
    const now = this.#now
    for (let n = 0; n < count; n++) {
      const hash = hashes[n]!
      if (counter.countKnown(hash, now)) continue
      counter.countNew(this.#clientWords, ADDRESS_WORDS * queries[n]!, 4 * ADDRESS_WORDS, hash, now)
    }
    this.#notedClients.count = 0
  }

  #readWallClock(): void {
    this.#wallReadMs = this.#begunMs
    this.#now = Math.floor(Date.now() / 1000)
  }
}

/** Keys of a batch that are still to be counted. */
class NotedKeys {
  count = 0
  readonly hashes = new Int32Array(MAX_BATCH)
  /** The numbers of the queries that they are from. */
  readonly queries = new Uint8Array(MAX_BATCH)

  add(query: number, hash: number): void {
    const n = this.count++
    this.hashes[n] = hash
    this.queries[n] = query
  }
}
