import { queryMessage } from '../../../lib/wire/query-message.js'
import { hostName, ZONE } from '../names.js'
import { QUERY_STRIDE, type QuerySource } from './query-source.js'

const TYPE_A = 1
/** RD, in the high octet of a header's flags. */
const FLAG_RD_HIGH = 0x01

/** At least so many, so that no query is in flight twice and few names are asked again soon. */
const FEWEST = 1 << 16

/** Ready-made queries for addresses of random hosts, as many as there are hosts, walked round and round. */
export class QuerySet implements QuerySource {
  readonly words: Uint32Array
  readonly lengths: Uint8Array
  readonly count: number
  #next = 0

  constructor(names: number, zone = ZONE) {
    this.count = Math.max(FEWEST, names)
    this.words = new Uint32Array((this.count * QUERY_STRIDE) >>> 2)
    this.lengths = new Uint8Array(this.count)
    const bytes = new Uint8Array(this.words.buffer)
    for (let i = 0; i < this.count; i++) {
      const query = queryMessage(hostName(Math.floor(Math.random() * names), zone), TYPE_A, 0)
      // Nobody is asked to look further for what is here.
      if (zone !== ZONE) query[2]! |= FLAG_RD_HIGH
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
