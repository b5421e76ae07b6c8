import type { Writable } from 'node:stream'
import { LATER } from '../handoff/layout.js'
import { FRAME_HEAD_SIZE, MAX_FRAME_SIZE } from './stream-frames.js'
import type { StreamHandler } from './stream-transport.js'

const MAX_FRAME_BYTES = FRAME_HEAD_SIZE + MAX_FRAME_SIZE

/** Collects the responses of a burst, so that they go out in one write. One for each thread: a burst is over before the next begins. */
export class ResponseStream {
  /** Room for the largest response behind others that make a write worth its while. */
  readonly #bytes = Buffer.allocUnsafeSlow(2 * MAX_FRAME_BYTES)
  #end = 0

  /** Whether there is room for any response. */
  get hasRoom(): boolean {
    return this.#bytes.length - this.#end >= MAX_FRAME_BYTES
  }

  /** Adds the response to a message, if it gets one; false when it comes later. Only where there is room. */
  answer(handler: StreamHandler, request: Uint8Array, start: number, length: number): boolean {
    const responseStart = this.#end + FRAME_HEAD_SIZE
    const size = handler.answer(request, start, length, this.#bytes, responseStart, MAX_FRAME_SIZE)
    if (size > 0) {
      this.#bytes.writeUInt16BE(size, this.#end)
      this.#end = responseStart + size
    }
    return size !== LATER
  }

  /** Adds a response that came later. Only where there is room. */
  add(response: Uint8Array, start: number, length: number): void {
    this.#end = this.#bytes.writeUInt16BE(length, this.#end)
    this.#bytes.set(response.subarray(start, start + length), this.#end)
    this.#end += length
  }

  /** Writes what was collected. It is copied: the stream may have to wait with it. */
  flush(to: Writable): void {
    if (this.#end === 0) return
    to.write(Buffer.from(this.#bytes.subarray(0, this.#end)))
    this.#end = 0
  }
}
