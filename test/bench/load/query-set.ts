import { queryMessage } from '../../../lib/wire/query-message.js'
import { hostName } from '../names.js'

/** Room for one query; `host-999999.bench.example` takes 43 bytes. */
export const QUERY_STRIDE = 64
const TYPE_A = 1

/** At least so many, so that no query is in flight twice and few names are asked again soon. */
const FEWEST = 1 << 16

/** Ready-made queries for addresses of random hosts, as many as there are hosts, walked round and round. */
export class QuerySet {
  /** `QUERY_STRIDE` bytes for each query. */
  readonly words: Uint32Array
  readonly lengths: Uint8Array
  readonly count: number
  #next = 0

  constructor(names: number) {
    this.count = Math.max(FEWEST, names)
    this.words = new Uint32Array((this.count * QUERY_STRIDE) >>> 2)
    this.lengths = new Uint8Array(this.count)
    const bytes = new Uint8Array(this.words.buffer)
    for (let i = 0; i < this.count; i++) {
      const query = queryMessage(hostName(Math.floor(Math.random() * names)), TYPE_A, 0)
      bytes.set(query, i * QUERY_STRIDE)
      this.lengths[i] = query.length
    }
  }

  next(): number {
    const query = this.#next
    this.#next = query + 1 === this.count ? 0 : query + 1
    return query
  }
}
