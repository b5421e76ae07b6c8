import { FastRandom } from '../../../lib/fast-random.js'
import type { RRset } from '../../../lib/records/rrset.js'
import type { Answering } from '../../support/answering.js'
import { buildQuery } from '../../support/build-query.js'
import { Zipf } from '../../support/zipf.js'

const ASKED = 1 << 16
const name = (i: number) => `service-${i}.example`

/** One server that is measured, and whoever is shown its answers. */
export interface Measured {
  readonly server: Answering
  readonly tap?: { flush(): void } | undefined
}

/** Queries for many names by Zipf, or evenly where the exponent is 0, answered in batches. */
export class ZipfQueries {
  readonly rrsets: RRset[]
  readonly #requests: Uint8Array[]
  readonly #ranks: Uint32Array
  readonly #response = new Uint8Array(4096)
  readonly #batchSize: number
  /** How many queries have been answered. To be set back for the same ones again. */
  position = 0

  constructor(batchSize: number, names = 10_000, exponent = 1) {
    this.#batchSize = batchSize
    this.rrsets = Array.from({ length: names }, (_, i) => ({ name: name(i), type: 'A', data: ['192.0.2.1'] }))
    this.#requests = this.rrsets.map((rrset) => buildQuery(rrset.name, 'A'))
    const zipf = new Zipf(names, exponent, new FastRandom(5))
    this.#ranks = Uint32Array.from({ length: ASKED }, () => zipf.next())
  }

  /** Which name request `i` of the batch in hand is for. */
  rank(i: number): number {
    return this.#ranks[(this.position + i) & (ASKED - 1)]!
  }

  answerBatch({ server: { pipeline, meter, index }, tap }: Measured): void {
    index.reader.enter()
    meter?.begin()
    for (let i = 0; i < this.#batchSize; i++) {
      const request = this.#requests[this.rank(i)]!
      pipeline.take(i, request, 0, request.length)
    }
    pipeline.prefetch(this.#batchSize)
    for (let i = 0; i < this.#batchSize; i++) pipeline.answerDatagram(i, this.#response, 0, 1232)
    pipeline.measure()
    tap?.flush()
    index.reader.leave()
    this.position += this.#batchSize
  }

  /** Nanoseconds of a query, by `batches` of them. */
  time(measured: Measured, batches: number): number {
    const start = process.hrtime.bigint()
    for (let n = 0; n < batches; n++) this.answerBatch(measured)
    return Number(process.hrtime.bigint() - start) / (batches * this.#batchSize)
  }
}
