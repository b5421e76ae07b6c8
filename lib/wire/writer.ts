/**
 * A cursor that writes one message. A write past the limit writes nothing and sets `failed`.
 *
 * Made once per thread and `reset` for each response. Offsets in a message (for compression) are `position - start`.
 */
export class WireWriter {
  bytes: Uint8Array
  start = 0
  position = 0
  limit = 0
  failed = false

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.bytes = bytes
    this.limit = bytes.length
  }

  /** `limit` is where writing must end, as a position in `bytes`. */
  reset(bytes: Uint8Array, start: number, limit: number): void {
    this.bytes = bytes
    this.start = start
    this.position = start
    this.limit = limit
    this.failed = false
  }

  /** Bytes written so far. */
  get length(): number {
    return this.position - this.start
  }

  u8(value: number): void {
    if (!this.#fits(1)) return
    const at = this.position
    this.bytes[at] = value
    this.position = at + 1
  }

  u16(value: number): void {
    if (!this.#fits(2)) return
    const at = this.position
    this.bytes[at] = value >>> 8
    this.bytes[at + 1] = value
    this.position = at + 2
  }

  u32(value: number): void {
    if (!this.#fits(4)) return
    const at = this.position
    const bytes = this.bytes
    bytes[at] = value >>> 24
    bytes[at + 1] = value >>> 16
    bytes[at + 2] = value >>> 8
    bytes[at + 3] = value
    this.position = at + 4
  }

  /** Copies `length` bytes. A loop, because records are short: `set(subarray())` allocates and wins only from about 100 bytes on. */
  copy(source: Uint8Array, from: number, length: number): void {
    if (!this.#fits(length)) return
    const at = this.position
    const bytes = this.bytes
    for (let i = 0; i < length; i++) bytes[at + i] = source[from + i]!
    this.position = at + length
  }

  #fits(size: number): boolean {
    if (this.position + size <= this.limit) return true
    this.failed = true
    return false
  }
}
