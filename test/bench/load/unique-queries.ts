import { randomBytes } from 'node:crypto'
import { HEADER_SIZE } from '../../../lib/wire/constants.js'
import { queryMessage } from '../../../lib/wire/query-message.js'
import { FOREIGN_ZONE } from '../names.js'
import { QUERY_STRIDE, type QuerySource } from './query-source.js'

const TYPE_A = 1
/** As many as a batch can hold, and more. */
const RING = 1024
const DIGITS = 8
/** Behind the header, the length of the label and the `u` before the digits. */
const FIRST_DIGIT = HEADER_SIZE + 2
const [ZERO, NINE] = [0x30, 0x39]
const FLAG_RD_HIGH = 0x01

/** Queries for names that nobody has asked for before: 100 million of them, others in each process. */
export class UniqueQueries implements QuerySource {
  readonly words = new Uint32Array((RING * QUERY_STRIDE) >>> 2)
  readonly lengths = new Uint8Array(RING)
  readonly #bytes = new Uint8Array(this.words.buffer)
  readonly #digits = new Uint8Array(DIGITS).fill(ZERO)
  #next = 0

  constructor() {
    const run = randomBytes(4).toString('hex')
    const query = queryMessage(`u${'0'.repeat(DIGITS)}-${run}.${FOREIGN_ZONE}`, TYPE_A, 0)
    query[2]! |= FLAG_RD_HIGH
    for (let i = 0; i < RING; i++) this.#bytes.set(query, i * QUERY_STRIDE)
    this.lengths.fill(query.length)
  }

  next(): number {
    const query = this.#next
    this.#next = query + 1 === RING ? 0 : query + 1
    this.#countUp()
    const at = query * QUERY_STRIDE + FIRST_DIGIT
    for (let i = 0; i < DIGITS; i++) this.#bytes[at + i] = this.#digits[i]!
    return query
  }

  #countUp(): void {
    const digits = this.#digits
    let place = DIGITS - 1
    while (place > 0 && digits[place] === NINE) digits[place--] = ZERO
    digits[place]!++
  }
}
