import type { Libc } from '../libc.js'
import { writeAddress } from '../slot-memory.js'
import { INSTRUCTION_SIZE } from './bpf-assembler.js'

/** The calls of bpf(2) that attaching a program takes. Each returns a descriptor or 0, and -1 with `errno` where it fails. */
export class Bpf {
  readonly #libc: Libc
  readonly #number: number

  constructor(libc: Libc, architecture: string = process.arch) {
    this.#libc = libc
    this.#number = architecture === 'x64' ? BPF_CALL_X64 : BPF_CALL_GENERIC
  }

  createHashMap(keySize: number, valueSize: number, entries: number): number {
    return this.#call(BPF_MAP_CREATE, [MAP_TYPE_HASH, keySize, valueSize, entries])
  }

  /** From the numbers of rx queues to AF_XDP sockets. */
  createSocketMap(entries: number): number {
    return this.#call(BPF_MAP_CREATE, [MAP_TYPE_XSKMAP, 4, 4, entries])
  }

  setElement(mapFd: number, key: Uint8Array, value: Uint8Array): number {
    return this.#call(BPF_MAP_UPDATE_ELEM, [mapFd, 0, copyOf(key), copyOf(value), 0, 0])
  }

  deleteElement(mapFd: number, key: Uint8Array): number {
    return this.#call(BPF_MAP_DELETE_ELEM, [mapFd, 0, copyOf(key)])
  }

  /** `log` takes what the verifier says of a program that it refuses; the kernel wants room for all of it. */
  loadXdpProgram(instructions: Uint8Array, log?: ArrayBuffer): number {
    const count = instructions.length / INSTRUCTION_SIZE
    const logging = log === undefined ? [0, 0, NOWHERE] : [1, log.byteLength, log]
    const unused = [0, 0, 0, 0, 0, 0, 0]
    const attribute = [PROG_TYPE_XDP, count, copyOf(instructions), copyOf(LICENSE), ...logging, ...unused, ATTACH_XDP]
    return this.#call(BPF_PROG_LOAD, attribute)
  }

  /** The program stays with the interface until the descriptor that this returns is closed, at the latest by the end of the process. */
  attach(programFd: number, interfaceIndex: number, flags: number): number {
    return this.#call(BPF_LINK_CREATE, [programFd, interfaceIndex, ATTACH_XDP, flags])
  }

  /** `parts` are fields of 32 bits, and memory where a field of 64 bits points to it. */
  #call(command: number, parts: readonly (number | ArrayBuffer)[]): number {
    const attribute = new Uint32Array(ATTRIBUTE_WORDS)
    let at = 0
    for (const part of parts) {
      if (typeof part === 'number') attribute[at++] = part
      else {
        if (part !== NOWHERE) writeAddress(attribute, at, this.#libc.addressOf(part))
        at += 2
      }
    }
    const bytes = new Uint8Array(attribute.buffer)
    return this.#libc.syscall(this.#number, command, bytes, bytes.length)
  }
}

const BPF_CALL_X64 = 321
/** Of all architectures that came after it. */
const BPF_CALL_GENERIC = 280

const BPF_MAP_CREATE = 0
const BPF_MAP_UPDATE_ELEM = 2
const BPF_MAP_DELETE_ELEM = 3
const BPF_PROG_LOAD = 5
const BPF_LINK_CREATE = 28

const MAP_TYPE_HASH = 1
const MAP_TYPE_XSKMAP = 17
const PROG_TYPE_XDP = 6
const ATTACH_XDP = 37

/** More than any of the calls has fields: the kernel takes what it does not know for granted as long as it is 0. */
const ATTRIBUTE_WORDS = 30

const NOWHERE = new ArrayBuffer(0)
/** No function that we call asks for another one. */
const LICENSE = new TextEncoder().encode('Apache-2.0\0')

/** In memory that does not move. */
function copyOf(bytes: Uint8Array): ArrayBuffer {
  const memory = new ArrayBuffer(bytes.length)
  new Uint8Array(memory).set(bytes)
  return memory
}
