import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { ContainerDnsError } from '../errors.js'
import { writeClientAddress } from './client-address.js'
import {
  BATCH_SIZE,
  type BatchEndpoint,
  type DatagramHandler,
  MAX_REQUEST_SIZE,
  MAX_RESPONSE_SIZE,
  type RequestBatch,
} from './datagram-transport.js'
import type { Libc } from './libc.js'
import { MSG_DONTWAIT, POLLOUT } from './linux-constants.js'
import { MessageHeaders } from './message-headers.js'
import { CONTROL_CAPACITY, readDestination, turnAround } from './packet-info.js'
import { PollSet } from './poll-set.js'
import { sendBatch } from './send-batch.js'
import { SlotMemory } from './slot-memory.js'
import { IPV4_ADDRESS, IPV6_ADDRESS, PORT, SOCKADDR_IN_SIZE, SOCKADDR_IN6_SIZE } from './socket-address.js'

/** A client's address in whole words, so that one slot never shares one with the next. */
const NAME_STRIDE = 32

const { EBADF, EFAULT, EINVAL, ENOTSOCK } = constants.errno

/** Errors of a call that will be wrong every time; all others are the network's and pass. */
const WRONG_CALLS: ReadonlySet<number> = new Set([EBADF, EFAULT, EINVAL, ENOTSOCK])

/** The payloads of one batch: a thread serves its sockets one after the other, so that all share them. */
export interface BatchPayloads {
  readonly requests: SlotMemory
  readonly responses: SlotMemory
}

// A route: | socket u8 | length of the control data u8, 2 unused | name | control data |
export const ROUTE_CONTROL_LENGTH = 1
export const ROUTE_NAME = 4
export const ROUTE_CONTROL = ROUTE_NAME + NAME_STRIDE

/** Receives, has answered and sends on one socket. Belongs to the thread that made it; the descriptor is the main thread's. */
export class BatchSocket {
  /** By which routes tell the sockets of a thread apart. */
  number = 0
  readonly #libc: Libc
  readonly #fd: number
  readonly #batch: RequestBatch & { count: number }
  readonly #responses: SlotMemory
  readonly #nameLength: number
  readonly #controlCapacity: number
  /** Of no length on a wildcard address. */
  readonly #boundTo: Uint8Array
  // A request and its response share name and control: they are written by recvmmsg, and read by sendmmsg.
  readonly #names: SlotMemory
  readonly #controls: SlotMemory
  readonly #received: MessageHeaders
  readonly #toSend: MessageHeaders
  readonly #writable: PollSet

  constructor(libc: Libc, socket: BatchEndpoint, payloads: BatchPayloads) {
    this.#libc = libc
    this.#fd = socket.fd
    const { bytes, stride } = payloads.requests
    const starts = Uint32Array.from({ length: BATCH_SIZE }, (_, i) => i * stride)
    const clientAddress = (i: number, target: Uint8Array) => this.#clientAddress(i, target)
    const clientPort = (i: number) => this.#clientPort(i)
    const saveRoute = (i: number, target: Uint8Array, at: number) => this.#saveRoute(i, target, at)
    const serverAddress = (i: number, target: Uint8Array) => this.#serverAddress(i, target)
    const serverPort = () => socket.place?.port ?? 0
    this.#batch = {
      bytes,
      count: 0,
      starts,
      lengths: new Uint32Array(BATCH_SIZE),
      clientAddress,
      clientPort,
      serverAddress,
      serverPort,
      saveRoute,
    }
    this.#boundTo = ownOctets(socket)
    this.#responses = payloads.responses
    this.#nameLength = socket.family === 4 ? SOCKADDR_IN_SIZE : SOCKADDR_IN6_SIZE
    this.#controlCapacity = socket.wildcard ? CONTROL_CAPACITY : 0
    const names = new SlotMemory(libc, BATCH_SIZE, NAME_STRIDE)
    const controls = new SlotMemory(libc, BATCH_SIZE, CONTROL_CAPACITY)
    this.#names = names
    this.#controls = controls
    this.#received = new MessageHeaders(libc, { payloads: payloads.requests, names, controls })
    this.#toSend = new MessageHeaders(libc, { payloads: payloads.responses, names, controls })
    this.#writable = new PollSet(libc, [socket.fd], POLLOUT)
    for (let i = 0; i < BATCH_SIZE; i++) {
      this.#received.setPayloadLength(i, MAX_REQUEST_SIZE)
      this.#toSend.setRoom(i, this.#nameLength, 0)
    }
    this.#makeRoom(BATCH_SIZE)
  }

  /** Serves one batch and says whether there was one. */
  serve(handler: DatagramHandler): boolean {
    const count = this.#libc.recvmmsg(this.#fd, this.#received.address, BATCH_SIZE, MSG_DONTWAIT, 0)
    if (count < 0) {
      this.#refuseWrongCall()
      return false
    }
    const batch = this.#batch
    batch.count = count
    for (let i = 0; i < count; i++) batch.lengths[i] = this.#received.receivedLength(i)
    handler.beginBatch(batch)
    const responses = this.#answerAll(handler)
    const failures = sendBatch(this.#libc, this.#fd, this.#writable.address, this.#toSend.address, responses)
    handler.endBatch(failures)
    this.#makeRoom(count)
    return true
  }

  /** Returns the number of responses; they stand in the first slots, also where requests in between were dropped. */
  #answerAll(handler: DatagramHandler): number {
    const { bytes, count, lengths, starts } = this.#batch
    const responses = this.#responses
    let next = 0
    for (let i = 0; i < count; i++) {
      const length = handler.answer(
        bytes,
        starts[i]!,
        lengths[i]!,
        responses.bytes,
        next * responses.stride,
        MAX_RESPONSE_SIZE,
      )
      if (length <= 0) continue
      this.#toSend.setPayloadLength(next, length)
      this.#address(next, i)
      next++
    }
    return next
  }

  /** Addresses message `i` of a round of late responses. */
  routeLate(i: number, route: Uint8Array, start: number): void {
    copyBytes(route, start + ROUTE_NAME, this.#names.bytes, i * NAME_STRIDE, this.#nameLength)
    if (this.#controlCapacity === 0) return
    const receivedLength = route[start + ROUTE_CONTROL_LENGTH]!
    copyBytes(route, start + ROUTE_CONTROL, this.#controls.bytes, i * CONTROL_CAPACITY, receivedLength)
    const length = turnAround(this.#controls.words, (i * CONTROL_CAPACITY) >>> 2, receivedLength)
    this.#toSend.setRoom(i, this.#nameLength, length)
  }

  setLateLength(i: number, length: number): void {
    this.#toSend.setPayloadLength(i, length)
  }

  /** Sends the first `count` messages, and returns how many the kernel did not take. */
  sendLate(count: number): number {
    return sendBatch(this.#libc, this.#fd, this.#writable.address, this.#toSend.address, count)
  }

  #saveRoute(i: number, target: Uint8Array, at: number): void {
    target[at] = this.number
    copyBytes(this.#names.bytes, i * NAME_STRIDE, target, at + ROUTE_NAME, this.#nameLength)
    if (this.#controlCapacity === 0) return
    const length = Math.min(this.#received.receivedControlLength(i), CONTROL_CAPACITY)
    target[at + ROUTE_CONTROL_LENGTH] = length
    copyBytes(this.#controls.bytes, i * CONTROL_CAPACITY, target, at + ROUTE_CONTROL, length)
  }

  /** Addresses a response to where a request came from, and from where it was sent to. */
  #address(response: number, request: number): void {
    // The request that had the response's slot was dropped, so that its client's address is free to overwrite.
    if (response !== request) this.#names.copyWords(response, request, this.#nameLength >>> 2)
    if (this.#controlCapacity === 0) return
    if (response !== request) this.#controls.copyWords(response, request, CONTROL_CAPACITY >>> 2)
    const length = turnAround(
      this.#controls.words,
      (response * CONTROL_CAPACITY) >>> 2,
      this.#received.receivedControlLength(request),
    )
    this.#toSend.setRoom(response, this.#nameLength, length)
  }

  /** From the slot into which it was received: responses go into slots before that, or into this one. */
  #clientAddress(i: number, target: Uint8Array): number {
    const { bytes, stride } = this.#names
    const isIpv4 = this.#nameLength === SOCKADDR_IN_SIZE
    const start = i * stride + (isIpv4 ? IPV4_ADDRESS : IPV6_ADDRESS)
    const length = isIpv4 ? 4 : 16
    for (let at = 0; at < length; at++) target[at] = bytes[start + at]!
    return length
  }

  #clientPort(i: number): number {
    const { bytes, stride } = this.#names
    const at = i * stride + PORT
    return (bytes[at]! << 8) | bytes[at + 1]!
  }

  #serverAddress(i: number, target: Uint8Array): number {
    const bound = this.#boundTo
    for (let at = 0; at < bound.length; at++) target[at] = bound[at]!
    if (bound.length > 0 || this.#controlCapacity === 0) return bound.length
    const { bytes, words } = this.#controls
    return readDestination(bytes, words, i * CONTROL_CAPACITY, this.#received.receivedControlLength(i), target)
  }

  /** Resets what the kernel changed in the headers that the last batch used. */
  #makeRoom(count: number): void {
    for (let i = 0; i < count; i++) this.#received.setRoom(i, this.#nameLength, this.#controlCapacity)
  }

  #refuseWrongCall(): void {
    const errno = this.#libc.errno()
    if (!WRONG_CALLS.has(errno)) return
    throw new ContainerDnsError('CDNS_SOCKET_FAILED', `recvmmsg failed on descriptor ${this.#fd}`, {
      cause: new Error(getSystemErrorName(-errno)),
    })
  }
}

function ownOctets({ wildcard, place }: BatchEndpoint): Uint8Array {
  const octets = new Uint8Array(16)
  return octets.subarray(0, wildcard || place === undefined ? 0 : writeClientAddress(place.host, octets))
}

function copyBytes(from: Uint8Array, fromStart: number, to: Uint8Array, toStart: number, count: number): void {
  for (let i = 0; i < count; i++) to[toStart + i] = from[fromStart + i]!
}
