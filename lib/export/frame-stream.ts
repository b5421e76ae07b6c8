// Frame Streams (farsightsec/fstrm): data frames stand behind their lengths, control frames behind a length of 0 and then theirs:
//
//   data      | length u32 | payload |
//   control   | 0 u32 | length u32 | type u32 | fields: type u32, length u32, value |
//
// The writer says READY, with the kinds of content that it has; the reader says ACCEPT, with those that it takes; then START, data, STOP,
// to which the reader says FINISH. All numbers are big-endian.

export const FrameControl = { ACCEPT: 1, START: 2, STOP: 3, READY: 4, FINISH: 5 } as const
export type FrameControlType = (typeof FrameControl)[keyof typeof FrameControl]

const LENGTH_SIZE = 4
/** What stands before a data frame's payload. */
export const DATA_HEAD_SIZE = LENGTH_SIZE
const FIELD_CONTENT_TYPE = 1
/** fstrm takes no longer ones, and neither do we. */
const MAX_CONTROL_SIZE = 512
const HEAD_SIZE = 2 * LENGTH_SIZE

const CONTENT_TYPE = 'protobuf:dnstap.Dnstap'
/** Those that name the kind of content. */
const TYPED: readonly FrameControlType[] = [FrameControl.READY, FrameControl.ACCEPT, FrameControl.START]

/** A control frame of a stream of dnstap. */
export function controlFrame(type: FrameControlType): Buffer {
  const content = Buffer.from(TYPED.includes(type) ? CONTENT_TYPE : '')
  const fields = content.length === 0 ? 0 : 2 * LENGTH_SIZE + content.length
  const frame = Buffer.alloc(HEAD_SIZE + LENGTH_SIZE + fields)
  frame.writeUInt32BE(LENGTH_SIZE + fields, LENGTH_SIZE)
  frame.writeUInt32BE(type, HEAD_SIZE)
  if (fields === 0) return frame
  frame.writeUInt32BE(FIELD_CONTENT_TYPE, HEAD_SIZE + LENGTH_SIZE)
  frame.writeUInt32BE(content.length, HEAD_SIZE + 2 * LENGTH_SIZE)
  content.copy(frame, HEAD_SIZE + 3 * LENGTH_SIZE)
  return frame
}

/** Reads the control frames that a reader sends, however their bytes come. */
export class ControlFrameReader {
  #held: Buffer = Buffer.alloc(0)
  /** What came is no control frame: nothing behind it can be trusted. */
  failed = false

  feed(chunk: Buffer): void {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
  }

  /** The type of the next control frame; undefined when there is no whole one. An ACCEPT that takes something else is a failure. */
  next(): FrameControlType | undefined {
    const held = this.#held
    if (this.failed || held.length < HEAD_SIZE) return undefined
    const size = held.readUInt32BE(LENGTH_SIZE)
    if (held.readUInt32BE(0) !== 0 || size < LENGTH_SIZE || size > MAX_CONTROL_SIZE) return this.#fail()
    if (held.length < HEAD_SIZE + size) return undefined
    const frame = held.subarray(HEAD_SIZE, HEAD_SIZE + size)
    this.#held = held.subarray(HEAD_SIZE + size)
    const type = frame.readUInt32BE(0)
    if (type !== FrameControl.ACCEPT && type !== FrameControl.FINISH) return this.#fail()
    return type === FrameControl.ACCEPT && !takesDnstap(frame.subarray(LENGTH_SIZE)) ? this.#fail() : type
  }

  #fail(): undefined {
    this.failed = true
    return undefined
  }
}

/** A reader that names no kind of content takes all. */
function takesDnstap(fields: Buffer): boolean {
  if (fields.length === 0) return true
  for (let at = 0; at + 2 * LENGTH_SIZE <= fields.length; ) {
    const type = fields.readUInt32BE(at)
    const start = at + 2 * LENGTH_SIZE
    const end = start + fields.readUInt32BE(at + LENGTH_SIZE)
    if (type === FIELD_CONTENT_TYPE && fields.toString('latin1', start, end) === CONTENT_TYPE) return true
    at = end
  }
  return false
}
