/**
 * A cursor over one message. Reads past the end give 0 and set `failed`: read all the fields, then ask once.
 *
 * Made once per thread and `reset` for each message. Positions are those of the underlying bytes, not of the message.
 */
export class WireReader {
  bytes: Uint8Array
  start = 0
  position = 0
  end = 0
  failed = false

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.bytes = bytes
    this.end = bytes.length
  }

  reset(bytes: Uint8Array, start: number, length: number): void {
    this.bytes = bytes
    this.start = start
    this.position = start
    this.end = start + length
    this.failed = false
  }

  get remaining(): number {
    return this.end - this.position
  }

  u8(): number {
    const at = this.position
    if (at + 1 > this.end) return this.fail()
    this.position = at + 1
    return this.bytes[at]!
  }

  u16(): number {
    const at = this.position
    if (at + 2 > this.end) return this.fail()
    this.position = at + 2
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!
  }

  u32(): number {
    const at = this.position
    if (at + 4 > this.end) return this.fail()
    this.position = at + 4
    const bytes = this.bytes
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  }

  skip(count: number): void {
    if (this.position + count > this.end) this.fail()
    else this.position += count
  }

  /** What was read is no message: nothing more can be read. */
  fail(): 0 {
    this.failed = true
    this.position = this.end
    return 0
  }
}
