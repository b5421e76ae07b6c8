import { RDLENGTH_SIZE } from '../wire/constants.js'
import { RDATA_OFFSET } from './response-writer.js'

// RFC 2782: an SRV record's rdata is | priority 2 | weight 2 | port 2 | target |
const WEIGHT = 2

/** What the weights of one priority come to. */
const WHOLE = 100

/**
 * SRV weights as the origin answers them: of the records of one priority, each has its share of 100, rounded down. Clients choose by
 * the same shares either way (RFC 2782), so long as none is under a hundredth.
 *
 * The origin takes a weight of 0 for 100; with us it stays what RFC 2782 makes it, a server that is hardly ever chosen.
 */
export class SrvWeights {
  /** By priority; all 0 between one RRset and the next. */
  readonly #sums = new Float64Array(0x10000)

  /** Rewrites the weights of the `count` SRV records that stand one behind the other from `start` on, with pointers for owners. */
  normalize(bytes: Uint8Array, start: number, count: number): void {
    const sums = this.#sums
    for (let i = 0, at = start; i < count; i++, at = nextRecord(bytes, at)) {
      const rdata = at + RDATA_OFFSET
      sums[u16(bytes, rdata)]! += u16(bytes, rdata + WEIGHT)
    }
    for (let i = 0, at = start; i < count; i++, at = nextRecord(bytes, at)) {
      const rdata = at + RDATA_OFFSET
      const sum = sums[u16(bytes, rdata)]!
      if (sum === 0) continue
      const share = Math.floor((WHOLE * u16(bytes, rdata + WEIGHT)) / sum)
      bytes[rdata + WEIGHT] = 0
      bytes[rdata + WEIGHT + 1] = share
    }
    for (let i = 0, at = start; i < count; i++, at = nextRecord(bytes, at)) sums[u16(bytes, at + RDATA_OFFSET)] = 0
  }
}

function nextRecord(bytes: Uint8Array, at: number): number {
  return at + RDATA_OFFSET + u16(bytes, at + RDATA_OFFSET - RDLENGTH_SIZE)
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
