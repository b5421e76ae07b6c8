/** Values below this have a bucket each; above, each doubling has half as many, so that no value is off by more than 1.6 %. */
const EXACT = 128
const PER_DOUBLING = EXACT / 2
const DOUBLINGS = 24

/** Counts whole numbers up to 2 147 483 647 (of microseconds: 35 minutes) in fixed memory. */
export class Histogram {
  readonly #buckets = new Uint32Array(EXACT + DOUBLINGS * PER_DOUBLING)
  #count = 0
  #highest = 0

  get count(): number {
    return this.#count
  }

  get highest(): number {
    return this.#highest
  }

  record(value: number): void {
    this.#buckets[bucketOf(value)]!++
    this.#count++
    if (value > this.#highest) this.#highest = value
  }

  reset(): void {
    this.#buckets.fill(0)
    this.#count = 0
    this.#highest = 0
  }

  /** A value that the given share of what was recorded does not exceed; NaN if nothing was. */
  percentile(percent: number): number {
    if (this.#count === 0) return Number.NaN
    const wanted = Math.max(1, Math.ceil((percent / 100) * this.#count))
    let seen = 0
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      seen += this.#buckets[bucket]!
      if (seen >= wanted) return Math.min(highestOf(bucket), this.#highest)
    }
    return this.#highest
  }
}

function bucketOf(value: number): number {
  if (value < EXACT) return value
  const doubling = 31 - Math.clz32(value) - EXACT_BITS
  return EXACT + doubling * PER_DOUBLING + ((value >>> (doubling + 1)) - PER_DOUBLING)
}

const EXACT_BITS = Math.log2(EXACT)

/** The highest value that falls into a bucket. */
function highestOf(bucket: number): number {
  if (bucket < EXACT) return bucket
  const doubling = Math.floor((bucket - EXACT) / PER_DOUBLING)
  const step = (bucket - EXACT) % PER_DOUBLING
  return (PER_DOUBLING + step + 1) * 2 ** (doubling + 1) - 1
}
