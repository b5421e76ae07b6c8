import type { RecordData } from './record-data.js'

/** RFC 1035 §3.2.1: the length of rdata is 16 bits. */
export const MAX_RDATA_SIZE = 65535

/** Rdata of one type, between what a program writes and what goes over the wire. */
export interface RdataCodec {
  /**
   * Writes the wire form at `at` and returns its length. `target` has room for MAX_RDATA_SIZE bytes from there; where it has less, a
   * RangeError or a length that goes beyond its end says so.
   * Throws the code of what is wrong, CDNS_DATA_INVALID where there is none for it.
   */
  encode(data: RecordData, target: Uint8Array, at: number): number
  /** The reverse, for bytes that `encode` has written. */
  decode(bytes: Uint8Array, start: number, length: number): RecordData
}
