import { CLASS_IN, HEADER_SIZE, MAX_NAME_LENGTH } from './constants.js'
import { writeNameFromText } from './name.js'

/** A query without EDNS, with one question of class IN and RD clear. Throws CDNS_NAME_INVALID. */
export function queryMessage(name: string, type: number, id: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE + MAX_NAME_LENGTH + 1 + 4)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, id)
  // QDCOUNT.
  view.setUint16(4, 1)
  const typeAt = HEADER_SIZE + writeNameFromText(name, bytes, HEADER_SIZE)
  view.setUint16(typeAt, type)
  view.setUint16(typeAt + 2, CLASS_IN)
  return bytes.subarray(0, typeAt + 4)
}
