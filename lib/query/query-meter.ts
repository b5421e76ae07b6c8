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
 * Names and clients are counted when all of a batch have been read, in a row each, before the tables of the answers come into the caches.
 * The rest is counted with each answer, while the context of its query is at hand.
 */
export class QueryMeter {
  #settings: QuerySettings
  readonly #figures: QueryFigures
  readonly #names: TopKeysCounter | undefined
  readonly #clients: TopKeysCounter | undefined
  /** Of the batch in hand: the hashes of the queries' names, 0 for one that could not be read. Of 4 billion names, one has that hash, and is not counted. */
  readonly #nameHashes = new Int32Array(MAX_BATCH)
  /** Of those that have an address; likewise. */
  readonly #clientHashes = new Int32Array(MAX_BATCH)
  readonly #clientWords = new Int32Array(MAX_BATCH * ADDRESS_WORDS)
  readonly #octets = new Uint8Array(4 * ADDRESS_WORDS)
  /** The places of keys that want an entry. */
  readonly #wanting = new Uint8Array(MAX_BATCH)
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
    if (protocol === this.#protocol) return
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

  /** Request `i` of a batch has been read. Short, so that it is compiled into its caller. */
  note(i: number, nameHash: number): void {
    this.#nameHashes[i] = nameHash
  }

  /** All of a batch have been read, and none is answered yet: once it is, its client's address may be another's. */
  countKeys(count: number, contexts: readonly QueryContext[], clients: ClientAddresses): void {
    if (this.#names !== undefined) this.#countNames(this.#names, count, contexts)
    if (this.#clients !== undefined) this.#countClients(this.#clients, count, clients)
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

  /** The last response of a batch has been handed to the kernel. */
  endBatch(): void {
    this.#durationMs = performance.now() - this.#begunMs
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

  #countNames(counter: TopKeysCounter, count: number, contexts: readonly QueryContext[]): void {
    const hashes = this.#nameHashes
    const wants = counter.countHashes(hashes, count, this.#now, this.#wanting)
    for (let w = 0; w < wants; w++) {
      const i = this.#wanting[w]!
      const { name } = contexts[i]!.question
      counter.countNew(name.words, 0, name.length, hashes[i]!, this.#now)
    }
  }

  #countClients(counter: TopKeysCounter, count: number, clients: ClientAddresses): void {
    const addresses = this.#readClients(count, clients)
    const hashes = this.#clientHashes
    const wants = counter.countHashes(hashes, addresses, this.#now, this.#wanting)
    for (let w = 0; w < wants; w++) {
      const i = this.#wanting[w]!
      counter.countNew(this.#clientWords, ADDRESS_WORDS * i, 4 * ADDRESS_WORDS, hashes[i]!, this.#now)
    }
  }

  /** Returns how many have an address. The contexts have read theirs only where something goes by them. */
  #readClients(count: number, clients: ClientAddresses): number {
    const words = this.#clientWords
    const octets = this.#octets
    const { seed } = this.#settings.index
    let addresses = 0
    for (let i = 0; i < count; i++) {
      const length = clients.clientAddress(i, octets)
      if (length === 0) continue
      const at = ADDRESS_WORDS * addresses
      writeClient(words, at, octets, length)
      this.#clientHashes[addresses++] = hashClient(words, at, IPV4_PREFIX, IPV6_PREFIX, seed)
    }
    return addresses
  }

  #readWallClock(): void {
    this.#wallReadMs = this.#begunMs
    this.#now = Math.floor(Date.now() / 1000)
  }
}
