import { BATCH_SIZE } from './datagram-transport.js'
import type { Libc } from './libc.js'
import { SlotMemory, writeAddress } from './slot-memory.js'

// mmsghdr, in bytes: | name ptr 8 | nameLength u32, pad | iovec ptr 8 | iovecCount 8 | control ptr 8 | controlLength 8
//                    | flags i32, pad | length u32, pad |
const NAME = 0
const NAME_LENGTH = NAME + 8
const IOVEC = NAME_LENGTH + 8
const IOVEC_COUNT = IOVEC + 8
const CONTROL = IOVEC_COUNT + 8
const CONTROL_LENGTH = CONTROL + 8
const FLAGS = CONTROL_LENGTH + 8
const LENGTH = FLAGS + 8
export const HEADER_SIZE = LENGTH + 8

// iovec: | base ptr 8 | length 8 |
const IOVEC_BASE = 0
const IOVEC_LENGTH = IOVEC_BASE + 8
const IOVEC_SIZE = IOVEC_LENGTH + 8

/** Where the messages of a batch keep their parts: slot i of each belongs to message i. */
export interface MessageParts {
  readonly payloads: SlotMemory
  readonly names: SlotMemory
  readonly controls: SlotMemory
}

/**
 * The array of `mmsghdr` that recvmmsg and sendmmsg take, one for each message of a batch.
 *
 * Pointers are written once. The upper halves of lengths stay 0, so that setting one is one store. Whoever makes one
 * keeps the parts, too: the kernel is told where they are, and the garbage collector is not.
 */
export class MessageHeaders {
  readonly address: number
  readonly #words: Uint32Array
  readonly #iovecs: Uint32Array

  constructor(libc: Pick<Libc, 'addressOf'>, parts: MessageParts) {
    const headers = new SlotMemory(libc, BATCH_SIZE, HEADER_SIZE)
    const iovecs = new SlotMemory(libc, BATCH_SIZE, IOVEC_SIZE)
    for (let i = 0; i < BATCH_SIZE; i++) {
      const at = (i * HEADER_SIZE) >>> 2
      writeAddress(headers.words, at + (NAME >>> 2), parts.names.addressOf(i))
      writeAddress(headers.words, at + (IOVEC >>> 2), iovecs.addressOf(i))
      headers.words[at + (IOVEC_COUNT >>> 2)] = 1
      writeAddress(headers.words, at + (CONTROL >>> 2), parts.controls.addressOf(i))
      writeAddress(iovecs.words, (i * IOVEC_SIZE + IOVEC_BASE) >>> 2, parts.payloads.addressOf(i))
    }
    this.address = headers.address
    this.#words = headers.words
    this.#iovecs = iovecs.words
  }

  /** Before a message is received: how much room there is. The kernel overwrites it with what it used. */
  setRoom(message: number, nameLength: number, controlLength: number): void {
    const at = (message * HEADER_SIZE) >>> 2
    this.#words[at + (NAME_LENGTH >>> 2)] = nameLength
    this.#words[at + (CONTROL_LENGTH >>> 2)] = controlLength
  }

  /** How many bytes of payload may be read into, or are to be sent from, the message's slot. */
  setPayloadLength(message: number, length: number): void {
    this.#iovecs[(message * IOVEC_SIZE + IOVEC_LENGTH) >>> 2] = length
  }

  /** How many bytes of payload were received. */
  receivedLength(message: number): number {
    return this.#words[(message * HEADER_SIZE + LENGTH) >>> 2]!
  }

  receivedControlLength(message: number): number {
    return this.#words[(message * HEADER_SIZE + CONTROL_LENGTH) >>> 2]!
  }
}
