/** Numbers in network order. */

export function getU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

export function getU32(bytes: Uint8Array, at: number): number {
  return ((getU16(bytes, at) << 16) | getU16(bytes, at + 2)) >>> 0
}

export function putU16(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 8
  target[at + 1] = value
}

export function putU32(target: Uint8Array, at: number, value: number): void {
  putU16(target, at, value >>> 16)
  putU16(target, at + 2, value & 0xffff)
}
