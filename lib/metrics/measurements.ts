import { type Bounds, numberWithin } from '../bounds.js'
import { ADDRESS_WORDS, clientToText } from '../clients/client-address.js'
import type { Clock } from '../clock.js'
import { MAX_NAME_LENGTH } from '../wire/constants.js'
import { foldName, nameFromText, nameToText } from '../wire/name.js'
import type { ParsedMetrics } from './options.js'
import { createFigureRows, type Distribution, QueryFigureReader, type QueryFigureTotals } from './query-figures.js'
import { createTopKeys, type TopKeysHandle } from './top-keys-layout.js'
import { type KeyTotal, TopKeysTotals } from './top-keys-totals.js'

/** What a thread measures in. A plain object: it is posted to it. */
export interface MeterHandle {
  readonly figures: SharedArrayBuffer
  /** Zones that it has room for. */
  readonly zones: number
  /** Left out where they are not to be counted. */
  readonly names?: TopKeysHandle
  readonly clients?: TopKeysHandle
}

interface TopEntry {
  /** Since the name or client was first counted, which may be after it was forgotten for others that came more often. */
  readonly queries: number
  /** In whole seconds, as `lastSeen` is. */
  readonly firstSeen: Date
  readonly lastSeen: Date
}

/** Zones that reloads may bring: 64 take 20 KiB a thread. Queries for those beyond are counted as in none. */
const SPARE_ZONES = 64

/** How often a name was asked for, of whatever type. */
export interface TopName extends TopEntry {
  /** In lower case, without a dot at the end. */
  readonly name: string
}

/** How often a client has asked. */
export interface TopClient extends TopEntry {
  readonly address: string
}

export const TOP_COUNT: Bounds = { default: 10, min: 1, max: 1000 }

/** One thread's tables are collected at a time, which takes 2 ms at most; of eight threads, each is within two seconds. */
const COLLECT_INTERVAL_MS = 250
/** For more threads than eight, to be within two seconds as well, up to twenty. */
const LEAST_COLLECT_INTERVAL_MS = 100
const ROUND_MS = 2_000

/** Main thread: gives the threads what they measure in, and reads it. */
export class Measurements {
  readonly #handles: readonly MeterHandle[]
  readonly #figures: QueryFigureReader
  readonly #names: TopKeysTotals
  readonly #clients: TopKeysTotals
  readonly #clock: Clock
  readonly #timer: NodeJS.Timeout | undefined
  /** By their numbers. Those that are gone keep theirs: counts only go up. */
  readonly #zones: string[]
  readonly #zoneRoom: number
  #nextThread = 0

  /** `zones` are those of the query threads, in their order. */
  constructor(threads: number, zones: readonly { readonly name: string }[], options: ParsedMetrics, clock: Clock) {
    const room = zones.length + SPARE_ZONES
    this.#zoneRoom = room
    this.#zones = zones.map(({ name }) => name)
    const figures = createFigureRows(room, threads)
    this.#figures = new QueryFigureReader(figures, this.#zones, room)
    this.#handles = Array.from({ length: threads }, () => ({
      figures,
      zones: room,
      ...(options.topNames ? { names: createTopKeys(Math.ceil((MAX_NAME_LENGTH + 1) / 4)) } : {}),
      ...(options.topClients ? { clients: createTopKeys(ADDRESS_WORDS) } : {}),
    }))
    this.#names = new TopKeysTotals(this.#handles.flatMap(({ names }) => names ?? []))
    this.#clients = new TopKeysTotals(this.#handles.flatMap(({ clients }) => clients ?? []))
    this.#clock = clock
    if (!options.topNames && !options.topClients) return
    const intervalMs = Math.max(LEAST_COLLECT_INTERVAL_MS, Math.min(COLLECT_INTERVAL_MS, ROUND_MS / threads))
    this.#timer = setInterval(() => this.collect(), intervalMs).unref()
  }

  handle(thread: number): MeterHandle {
    return this.#handles[thread]!
  }

  /** As what the queries for zones are to be counted; -1 where there is no room. */
  zoneNumbers(zones: readonly { readonly name: string }[]): number[] {
    return zones.map(({ name }) => {
      const known = this.#zones.indexOf(name)
      if (known >= 0 || this.#zones.length === this.#zoneRoom) return known
      return this.#zones.push(name) - 1
    })
  }

  sample(): void {
    this.#figures.sample()
  }

  read(): QueryFigureTotals {
    return this.#figures.read()
  }

  /** How long the responses of one thread took; its part of what `read` has seen last. */
  durationsOf(thread: number): Distribution {
    return this.#figures.durationsOf(thread)
  }

  /** Throws CDNS_OPTION_INVALID. */
  topNames(n?: number): TopName[] {
    return this.#names
      .top(numberWithin('n', n, TOP_COUNT))
      .map(([key, total]) => ({ name: nameToText(octetsOf(key)), ...entryOf(total) }))
  }

  /** Throws CDNS_OPTION_INVALID. */
  topClients(n?: number): TopClient[] {
    return this.#clients
      .top(numberWithin('n', n, TOP_COUNT))
      .map(([key, total]) => ({ address: clientToText(wordsOf(key)), ...entryOf(total) }))
  }

  /** Throws CDNS_NAME_INVALID. */
  nameQueries(name: string): TopName | undefined {
    const octets = nameFromText(name)
    foldName(octets, 0, octets.length)
    const total = this.#names.get(Buffer.from(octets).toString('latin1'))
    return total && { name: nameToText(octets), ...entryOf(total) }
  }

  /** Takes the names and clients that one thread has counted, and asks it for more: the threads in turns. */
  collect(): void {
    const thread = this.#nextThread
    this.#nextThread = (thread + 1) % this.#handles.length
    const nowMs = this.#clock.monotonicMs()
    if (this.#handles[thread]!.names !== undefined) this.#names.collect(thread, nowMs)
    if (this.#handles[thread]!.clients !== undefined) this.#clients.collect(thread, nowMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

function entryOf({ queries, first, last }: Readonly<KeyTotal>): TopEntry {
  return { queries, firstSeen: new Date(1000 * first), lastSeen: new Date(1000 * last) }
}

function octetsOf(key: string): Uint8Array {
  return Buffer.from(key, 'latin1')
}

function wordsOf(key: string): Int32Array {
  // A copy that begins at a whole word.
  return new Int32Array(Uint8Array.from(octetsOf(key)).buffer)
}
