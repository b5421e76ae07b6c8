import { WrappingTotals } from './wrapping-totals.js'

// What is counted of queries and responses beside `counters.ts`: a row a thread, of
//
//   | queries: zone × protocol × type | durations: protocol × (bucket, sum) | sizes: protocol × (bucket, sum) |
//
// The last zone stands for names in none of them. All words are u32 and wrap; sums are in units that take minutes to go round.

/** Over what a query comes, in the order of the rows. */
export const FIGURE_PROTOCOLS = ['udp', 'tcp', 'dot', 'doh'] as const
export type FigureProtocol = (typeof FIGURE_PROTOCOLS)[number]

/** The types that are told apart, with their numbers; all others are `other`, so that nobody can make us count 65 536 of them. */
const TYPE_NUMBERS = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  SVCB: 64,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const
export const FIGURE_TYPES = [...Object.keys(TYPE_NUMBERS), 'other']
const OTHER_TYPE = FIGURE_TYPES.length - 1
const TYPE_INDEXES = new Uint8Array(256).fill(OTHER_TYPE)
for (const [index, number] of Object.values(TYPE_NUMBERS).entries()) TYPE_INDEXES[number] = index

/**
 * Upper bounds of a query's time here, in seconds, doubling. From a quarter of a millisecond on they are CoreDNS's; below it, where
 * nearly all of ours are, there are more.
 */
export const DURATION_BOUNDS = Array.from({ length: 21 }, (_, i) => 0.000_007_812_5 * 2 ** i)
const BOUNDS_PER_MS = 1 / (1000 * DURATION_BOUNDS[0]!)
/** A batch of 64 that takes a second makes 64 s of time: in units of 16 µs, the sum goes round in 18 minutes of that. */
const DURATION_UNIT_MS = 0.016

/** Upper bounds of a response's size in octets: CoreDNS's. */
export const SIZE_BOUNDS = [100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16_000, 32_000, 48_000, 64_000]
/** 650 MB/s, in units of 64 octets, go round in seven minutes. */
const SIZE_UNIT = 64
const MAX_SIZE = 65_535
const SIZE_BUCKETS = Uint8Array.from({ length: MAX_SIZE + 1 }, (_, size) => bucketOf(SIZE_BOUNDS, size))

function bucketOf(bounds: readonly number[], value: number): number {
  const bucket = bounds.findIndex((bound) => value <= bound)
  return bucket === -1 ? bounds.length : bucket
}

// A distribution: | a word for each bound | above all bounds | sum |
const DURATION_WORDS = DURATION_BOUNDS.length + 2
const SIZE_WORDS = SIZE_BOUNDS.length + 2

/** The queries for one zone. */
const ZONE_WORDS = FIGURE_PROTOCOLS.length * FIGURE_TYPES.length

interface RowLayout {
  readonly durations: number
  readonly sizes: number
  readonly words: number
}

function rowLayout(zones: number): RowLayout {
  const durations = (zones + 1) * ZONE_WORDS
  const sizes = durations + FIGURE_PROTOCOLS.length * DURATION_WORDS
  const end = sizes + FIGURE_PROTOCOLS.length * SIZE_WORDS
  // Whole cache lines.
  return { durations, sizes, words: 16 * Math.ceil(end / 16) }
}

export function createFigureRows(zones: number, threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * rowLayout(zones).words * threads)
}

/**
 * One thread's figures, counted where the main thread reads them: with plain stores, as `ThreadCounters` are. Goes on from what stands
 * there, for the thread may be taking the place of a dead one.
 */
export class QueryFigures {
  readonly #row: Int32Array
  readonly #zones: number
  readonly #layout: RowLayout
  #protocol = 0
  /** Where the words of the protocol begin: its types in the first zone, its durations, its sizes. */
  #types = 0
  #durations = 0
  #sizes = 0
  /** Octets that are not in the row yet. */
  #sizeSum = 0
  /** What is left of sums whose units are not full. That of the protocol in hand stands in `#sizeSum`. */
  readonly #durationRest = new Float64Array(FIGURE_PROTOCOLS.length)
  readonly #sizeRest = new Uint32Array(FIGURE_PROTOCOLS.length)

  constructor(rows: SharedArrayBuffer, zones: number, thread: number) {
    this.#zones = zones
    this.#layout = rowLayout(zones)
    const { words } = this.#layout
    this.#row = new Int32Array(rows, 4 * words * thread, words)
    this.#begin(0)
  }

  /** Over what the queries come that are counted from here on. */
  set protocol(protocol: FigureProtocol) {
    const number = FIGURE_PROTOCOLS.indexOf(protocol)
    if (number !== this.#protocol) this.#begin(number)
  }

  /** `zone` is its number, or -1 for none; `type` 0 for a query whose type could not be read. */
  countQuery(zone: number, type: number): void {
    const zoneIndex = zone < 0 ? this.#zones : zone
    const typeIndex = type < TYPE_INDEXES.length ? TYPE_INDEXES[type]! : OTHER_TYPE
    this.#row[this.#types + zoneIndex * ZONE_WORDS + typeIndex]!++
  }

  countResponse(sizeBytes: number): void {
    this.#row[this.#sizes + SIZE_BUCKETS[sizeBytes]!]!++
    this.#sizeSum += sizeBytes
  }

  /** `responses` that were all here for as long. */
  countDuration(durationMs: number, responses: number): void {
    const row = this.#row
    row[this.#durations + durationBucket(durationMs)]! += responses
    const sum = this.#durationRest[this.#protocol]! + (durationMs * responses) / DURATION_UNIT_MS
    const units = Math.floor(sum)
    this.#durationRest[this.#protocol] = sum - units
    row[this.#durations + DURATION_WORDS - 1]! += units
  }

  /** Once a batch: what is summed up apart goes to where it is read. */
  flush(): void {
    const sum = this.#sizeSum
    if (sum < SIZE_UNIT) return
    this.#sizeSum = sum % SIZE_UNIT
    this.#row[this.#sizes + SIZE_WORDS - 1]! += Math.floor(sum / SIZE_UNIT)
  }

  #begin(protocol: number): void {
    this.flush()
    this.#sizeRest[this.#protocol] = this.#sizeSum
    this.#sizeSum = this.#sizeRest[protocol]!
    this.#protocol = protocol
    this.#types = protocol * FIGURE_TYPES.length
    this.#durations = this.#layout.durations + protocol * DURATION_WORDS
    this.#sizes = this.#layout.sizes + protocol * SIZE_WORDS
  }
}

/** The bounds double, so that the bucket is a logarithm. */
function durationBucket(durationMs: number): number {
  const lowestBounds = Math.min(Math.max(Math.ceil(durationMs * BOUNDS_PER_MS), 1), 2 ** 31)
  return Math.min(32 - Math.clz32(lowestBounds - 1), DURATION_BOUNDS.length)
}

/** How many of what was counted lie at or below each bound, how many there are, and what they add up to. */
export interface Distribution {
  /** Each with those of the bounds before it. */
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[]
  readonly count: number
  readonly sum: number
}

/** Queries of one kind: `zone` is undefined where the name is in none. */
export interface QueryCount {
  readonly zone: string | undefined
  readonly protocol: FigureProtocol
  readonly type: string
  readonly queries: number
}

/** Sums over all threads since the start; protocols over which nothing came are left out. */
export interface QueryFigureTotals {
  /** Those that are not 0. */
  readonly queries: readonly QueryCount[]
  /** Seconds from the receive call that brought a query to the end of the send call that took its response. */
  readonly durations: Readonly<Partial<Record<FigureProtocol, Distribution>>>
  /** Octets of responses. */
  readonly sizes: Readonly<Partial<Record<FigureProtocol, Distribution>>>
}

/** Main thread: reads the rows of all threads. */
export class QueryFigureReader {
  readonly #zones: readonly string[]
  readonly #layout: RowLayout
  readonly #totals: WrappingTotals

  /** `zones` may grow, up to as many as the rows have room for. */
  constructor(rows: SharedArrayBuffer, zones: readonly string[], room = zones.length) {
    this.#zones = zones
    this.#layout = rowLayout(room)
    this.#totals = new WrappingTotals(rows, this.#layout.words, this.#layout.durations, this.#layout.sizes)
  }

  sample(): void {
    this.#totals.sample()
  }

  read(): QueryFigureTotals {
    this.sample()
    const { durations, sizes } = this.#layout
    return {
      queries: this.#queries(),
      durations: this.#distributions(durations, DURATION_BOUNDS, DURATION_UNIT_MS / 1000),
      sizes: this.#distributions(sizes, SIZE_BOUNDS, SIZE_UNIT),
    }
  }

  /** How long one thread's responses took, over whatever they came: its part of what `read` has seen last. */
  durationsOf(thread: number): Distribution {
    const word = (place: number) =>
      FIGURE_PROTOCOLS.reduce(
        (sum, _, i) => sum + this.#totals.ofThread(thread, this.#layout.durations + i * DURATION_WORDS + place),
        0,
      )
    return distributionOf(word, DURATION_BOUNDS, DURATION_UNIT_MS / 1000)
  }

  #queries(): QueryCount[] {
    const { sums } = this.#totals
    const counts: QueryCount[] = []
    for (let i = 0; i < this.#layout.durations; i++) {
      if (sums[i] === 0) continue
      const group = Math.floor(i / FIGURE_TYPES.length)
      counts.push({
        zone: this.#zones[Math.floor(group / FIGURE_PROTOCOLS.length)],
        protocol: FIGURE_PROTOCOLS[group % FIGURE_PROTOCOLS.length]!,
        type: FIGURE_TYPES[i % FIGURE_TYPES.length]!,
        queries: sums[i]!,
      })
    }
    return counts
  }

  #distributions(start: number, bounds: readonly number[], unit: number): QueryFigureTotals['sizes'] {
    const found: Partial<Record<FigureProtocol, Distribution>> = {}
    for (const [i, protocol] of FIGURE_PROTOCOLS.entries()) {
      const at = start + i * (bounds.length + 2)
      const distribution = distributionOf((place) => this.#totals.sums[at + place]!, bounds, unit)
      if (distribution.count > 0) found[protocol] = distribution
    }
    return found
  }
}

/** `word` gives those of a distribution by their places in it. */
function distributionOf(word: (place: number) => number, bounds: readonly number[], unit: number): Distribution {
  let count = 0
  const buckets = bounds.map((upTo, i) => {
    count += word(i)
    return { upTo, count }
  })
  return { buckets, count: count + word(bounds.length), sum: word(bounds.length + 1) * unit }
}
