// Protocol Buffers (protobuf.dev/programming-guides/encoding): a field is a key, its number and the kind of its value, and the value.

const VARINT = 0
const LENGTH_DELIMITED = 2
const FIXED32 = 5
const KIND_BITS = 3
/** Of a length that is not known when its message begins: lengths up to 2^21 take no more, and may be written with leading zeros. */
const LENGTH_BYTES = 3

/** Writes fields one behind the other. Whoever writes has seen to it that there is room. */
export class ProtobufWriter {
  bytes: Uint8Array = new Uint8Array(0)
  position = 0

  reset(bytes: Uint8Array, start: number): void {
    this.bytes = bytes
    this.position = start
  }

  /** A whole number from 0 up to what a double holds exactly. */
  integer(field: number, value: number): void {
    this.#key(field, VARINT)
    this.#varint(value)
  }

  fixed32(field: number, value: number): void {
    this.#key(field, FIXED32)
    for (let shift = 0; shift < 32; shift += 8) this.bytes[this.position++] = value >>> shift
  }

  octets(field: number, value: Uint8Array): void {
    this.#key(field, LENGTH_DELIMITED)
    this.#varint(value.length)
    this.bytes.set(value, this.position)
    this.position += value.length
  }

  /** Begins a message within this one, of less than 2 MiB. Returns what `endMessage` wants. */
  beginMessage(field: number): number {
    this.#key(field, LENGTH_DELIMITED)
    this.position += LENGTH_BYTES
    return this.position
  }

  endMessage(start: number): void {
    const length = this.position - start
    this.bytes[start - 3] = (length & 0x7f) | 0x80
    this.bytes[start - 2] = ((length >>> 7) & 0x7f) | 0x80
    this.bytes[start - 1] = length >>> 14
  }

  #key(field: number, kind: number): void {
    this.#varint((field << KIND_BITS) | kind)
  }

  /** Seven bits an octet, the lowest first; times of 64 bits would not survive a shift. */
  #varint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.bytes[this.position++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.bytes[this.position++] = rest
  }
}
