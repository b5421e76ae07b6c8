import { FrameSocket } from '../../transport/xdp/raw-frames.js'
import { NOT_OURS } from './fuzzed-frames.js'

/**
 * Sees each answer to a frame that must not be answered, among any number of others: the kernel looks for their id, so that only they take room
 * in the socket's buffer. To be made on the client's side.
 */
export class WrongAnswers implements Disposable {
  readonly #socket: FrameSocket

  constructor(interfaceName: string) {
    this.#socket = new FrameSocket(interfaceName)
    this.#socket.filter(hasId(NOT_OURS))
    // What came before there was a filter.
    while (this.#socket.receive().length > 0);
  }

  /** Those that came since the last call. */
  take(): Buffer[] {
    return this.#socket.receive()
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }
}

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number]

// Of classic BPF: load a half word or a byte from an offset, go on or jump ahead, return.
const LOAD_HALF = 0x28
const LOAD_BYTE = 0x30
const JUMP_IF_EQUAL = 0x15
const RETURN = 0x06
/** Tags that an answer may come with, and one more; the kernel takes the first one off before packet sockets see the frame. */
const TAGS = 3

/** Passes datagrams whose message has this id, and that did not go out from here: those have the type of packet 4, at -4096. */
function hasId(id: number): Instruction[] {
  const program: Instruction[] = [
    [LOAD_HALF, 0, 0, PACKET_TYPE],
    [JUMP_IF_EQUAL, 0, 1, PACKET_OUTGOING],
    [RETURN, 0, 0, 0],
  ]
  for (let tags = 0; tags <= TAGS; tags++) program.push(...untagged(4 * tags, id))
  return [...program, [RETURN, 0, 0, 0]]
}

const PACKET_TYPE = 0xfffff004
const PACKET_OUTGOING = 4
const UDP = 17

/** Returns for IPv4 and IPv6, and goes on behind its end for anything else: for a tag, and for what has no such type further on either. */
function untagged(shift: number, id: number): Instruction[] {
  return [
    [LOAD_HALF, 0, 0, shift + 12],
    [JUMP_IF_EQUAL, 0, 4, 0x0800],
    [LOAD_BYTE, 0, 0, shift + 14 + 9],
    [JUMP_IF_EQUAL, 0, 8, UDP],
    [LOAD_HALF, 0, 0, shift + 14 + 20 + 8],
    [JUMP_IF_EQUAL, 5, 6, id],
    [JUMP_IF_EQUAL, 0, 6, 0x86dd],
    [LOAD_BYTE, 0, 0, shift + 14 + 6],
    [JUMP_IF_EQUAL, 0, 3, UDP],
    [LOAD_HALF, 0, 0, shift + 14 + 40 + 8],
    [JUMP_IF_EQUAL, 0, 1, id],
    [RETURN, 0, 0, 0xffff],
    [RETURN, 0, 0, 0],
  ]
}
