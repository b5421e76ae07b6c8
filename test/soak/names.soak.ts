import { FastRandom } from '../../lib/fast-random.js'
import { TopKeysCounter } from '../../lib/metrics/top-keys-counter.js'
import { createTopKeys } from '../../lib/metrics/top-keys-layout.js'
import { TopKeysTotals } from '../../lib/metrics/top-keys-totals.js'
import { FoldedName } from '../../lib/wire/folded-name.js'
import { number } from '../bench/table.js'
import { Zipf } from '../support/zipf.js'
import type { Soak } from './soak.js'

const NAMES = 10_000_000
/** Of each thread, as a core answers them; a crowded table is taken every ten seconds. */
const QUERIES_PER_SECOND = 150_000
const COLLECT_SECONDS = 10
const THREADS = 2
const NAME_WORDS = 64
/** Of the largest, so many are to be exact to this. */
const EXACT = 100
const MOST_ERROR = 0.01
/** The main thread keeps 4096, and twice as many between two looks. */
const MOST_KEPT = 8192
/** A name that is kept and what is known of it, in the main thread, with room for what is not collected yet. */
const MOST_GROWTH_BYTES = 32 * 2 ** 20

/** Queries for ten million names by Zipf's law, in the time of the counters: the hundred largest are exact to 1 %, and memory stays what it was. */
export const soak: Soak = {
  name: 'names',
  minutes: 1,
  async run(report, minutes) {
    const counting = new Counting()
    const deadline = performance.now() + minutes * 60_000
    let seconds = 0
    let earlyBytes = 0
    do {
      for (let i = 0; i < COLLECT_SECONDS; i++) counting.ask(QUERIES_PER_SECOND * THREADS)
      counting.collect()
      seconds += COLLECT_SECONDS
      if (seconds === 2 * COLLECT_SECONDS) earlyBytes = heapBytes()
    } while (performance.now() < deadline || seconds < 3 * COLLECT_SECONDS)
    const { asked, distinct, highest, lowest, kept } = counting.result()
    const growth = heapBytes() - earlyBytes
    report(
      `${number(asked)} queries in ${number(seconds)} s, ${number(distinct)} names: the ${EXACT} largest are too low by ${number(100 * highest, 2)} % at most, too high by ${number(-100 * lowest, 2)} %; ` +
        `${number(kept)} names are kept, the heap grew by ${number(growth / 2 ** 20, 1)} MB`,
    )
    if (lowest < 0) throw new Error('a name has more queries than it had')
    if (highest > MOST_ERROR) throw new Error('one of the largest names is not exact to 1 %')
    if (kept > MOST_KEPT || growth > MOST_GROWTH_BYTES) throw new Error('memory is not bounded')
  },
}

/** Threads that count, the main thread that collects, and what was really asked. */
class Counting {
  readonly #handles = Array.from({ length: THREADS }, () => createTopKeys(NAME_WORDS))
  readonly #counters = this.#handles.map((handle, i) => new TopKeysCounter(handle, 1 + i))
  readonly #totals = new TopKeysTotals(this.#handles)
  readonly #zipf = new Zipf(NAMES, 1, new FastRandom(7))
  readonly #asked = new Uint32Array(NAMES)
  readonly #name = new FoldedName()
  readonly #bytes = Uint8Array.from([8, ...Buffer.from('n0000000'), 7, ...Buffer.from('example'), 0])
  #nowSeconds = 1_000_000
  #nowMs = 0

  /** One second. */
  ask(queries: number): void {
    this.#nowSeconds++
    for (let i = 0; i < queries; i++) {
      const rank = this.#zipf.next()
      this.#asked[rank]!++
      this.#write(rank)
      const name = this.#name
      name.read(this.#bytes, 0, this.#bytes.length, 4711)
      this.#counters[i % THREADS]!.count(name.words, name.length, name.hash, this.#nowSeconds)
    }
  }

  collect(): void {
    this.#nowMs += COLLECT_SECONDS * 1000
    for (const [thread, counter] of this.#counters.entries()) {
      this.#totals.collect(thread, this.#nowMs)
      counter.tick()
    }
  }

  /** Errors as parts of what was asked: above 0 where queries are missing. */
  result() {
    for (let i = 0; i < 3; i++) this.collect()
    const ranks = Array.from({ length: EXACT }, (_, rank) => rank)
    const errors = ranks.map((rank) => {
      this.#write(rank)
      const counted = this.#totals.get(Buffer.from(this.#bytes).toString('latin1'))?.queries ?? 0
      return 1 - counted / this.#asked[rank]!
    })
    return {
      asked: this.#asked.reduce((sum, each) => sum + each, 0),
      distinct: this.#asked.reduce((sum, each) => sum + Number(each > 0), 0),
      highest: Math.max(...errors),
      lowest: Math.min(...errors),
      kept: this.#totals.top(Number.POSITIVE_INFINITY).length,
    }
  }

  #write(rank: number): void {
    for (let at = 8, rest = rank; at > 1; at--, rest = Math.floor(rest / 10)) this.#bytes[at] = 48 + (rest % 10)
  }
}

function heapBytes(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
