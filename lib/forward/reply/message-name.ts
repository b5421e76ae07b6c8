import { MAX_LABEL_LENGTH, MAX_LABELS, MAX_NAME_LENGTH } from '../../wire/constants.js'

/** RFC 1035 §4.1.4: the two upper bits of a pointer. */
export const POINTER = 0xc000
export const POINTER_MASK = 0x3fff
const POINTER_BYTE = POINTER >>> 8

/**
 * A name out of a message that somebody else has made, without its pointers. Made once, and read into again and again.
 *
 * A pointer must lead to before the name, or the part of it, in which it stands, so that every name comes to an end; and there are no
 * more of them than labels, so that it comes to an end soon.
 */
export class MessageName {
  /** In wire form, spelled as in the message. */
  readonly bytes = new Uint8Array(MAX_NAME_LENGTH + 1)
  length = 0
  /** Where in the message it ends. */
  end = 0

  /** Reads the name at `position` of a message that begins at 0. False when it breaks a rule, or does not end before `limit`. */
  read(message: Uint8Array, position: number, limit: number): boolean {
    const { bytes } = this
    let at = position
    let from = position
    let length = 0
    let jumps = 0
    this.end = 0
    for (;;) {
      if (at >= limit) return false
      const first = message[at]!
      if (first >= POINTER_BYTE) {
        if (at + 2 > limit || ++jumps > MAX_LABELS) return false
        if (this.end === 0) this.end = at + 2
        const target = ((first << 8) | message[at + 1]!) & POINTER_MASK
        if (target >= from) return false
        at = target
        from = target
        continue
      }
      if (first > MAX_LABEL_LENGTH || at + 1 + first > limit) return false
      if (length + 1 + first > MAX_NAME_LENGTH) return false
      for (let i = 0; i <= first; i++) bytes[length + i] = message[at + i]!
      length += 1 + first
      at += 1 + first
      if (first === 0) break
    }
    if (this.end === 0) this.end = at
    this.length = length
    return true
  }
}
