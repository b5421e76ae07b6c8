import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { UpstreamAddress } from '../upstream-address.js'
import type { Try } from './forwarded-query.js'
import { MAX_UPSTREAM_QUERY_SIZE, writeUpstreamQuery } from './query-writer.js'
import { FRAME_HEAD_SIZE, ReplyFrames } from './reply-frames.js'
import type { Random } from './secure-random.js'

/** Queries that wait on one connection at once; more of them have another one opened. */
export const MAX_PIPELINED = 128

export interface StreamHandler {
  /** The bytes are good until this returns. */
  onMessage(one: Try, bytes: Uint8Array): void
  /** A message with an ID that nobody waits for. */
  onStrayMessage(): void
  /** The connection is over, and there is no response; `hadAnswered`: it had brought others before. */
  onBroken(one: Try, hadAnswered: boolean): void
}

/** One connection to an upstream: queries go out as they come, responses come in any order (RFC 7766 §6.2.1.1, RFC 7858 §3.3). */
export class UpstreamStream {
  /** No message has come although it was waited for: no new queries go out on it. */
  isStalled = false
  isClosed = false
  /** Since when there is nothing on its way. */
  idleSinceMs: number
  readonly #socket: Socket
  readonly #random: Random
  readonly #handler: StreamHandler
  readonly #onClose: () => void
  readonly #frames = new ReplyFrames()
  /** By ID. */
  readonly #tries = new Map<number, Try>()
  /** Until there is a connection, and its other end is known to be the right one. */
  #held: Uint8Array[] | undefined = []
  #hasAnswered = false
  /** When the last whole message came. */
  #lastHeardMs = Number.NEGATIVE_INFINITY
  #isCorked = false
  readonly #nowMs: () => number

  constructor(
    open: { socket: Socket; readyEvent: 'connect' | 'secureConnect' },
    needs: { random: Random; handler: StreamHandler; nowMs: () => number; onClose: () => void },
  ) {
    this.#socket = open.socket
    this.#random = needs.random
    this.#handler = needs.handler
    this.#nowMs = needs.nowMs
    this.#onClose = needs.onClose
    this.idleSinceMs = needs.nowMs()
    open.socket.setNoDelay(true)
    open.socket.once(open.readyEvent, () => this.#sendHeld())
    open.socket.on('data', (chunk) => this.#read(chunk))
    // The reason is of no use to anybody but the log, and `close` follows.
    open.socket.on('error', () => {})
    open.socket.on('end', () => open.socket.destroy())
    open.socket.on('close', () => this.#closed())
  }

  get load(): number {
    return this.#tries.size
  }

  get isUsable(): boolean {
    return !this.isStalled && !this.isClosed && this.#tries.size < MAX_PIPELINED
  }

  send(one: Try): void {
    if (this.#tries.size === 0) this.#socket.ref()
    one.id = this.#freeId()
    this.#tries.set(one.id, one)
    const frame = new Uint8Array(FRAME_HEAD_SIZE + MAX_UPSTREAM_QUERY_SIZE)
    const length = writeUpstreamQuery(one.query, one.id, one.hasEdns, frame, FRAME_HEAD_SIZE)
    frame[0] = length >>> 8
    frame[1] = length
    const whole = frame.subarray(0, FRAME_HEAD_SIZE + length)
    if (this.#held !== undefined) this.#held.push(whole)
    else this.#write(whole)
  }

  /** Nobody waits for it any more. */
  forget(one: Try): void {
    if (!this.#tries.delete(one.id) || this.#tries.size > 0) return
    this.idleSinceMs = this.#nowMs()
    // An idle connection does not keep the process.
    this.#socket.unref()
    if (this.isStalled) this.close()
  }

  /** There is no response to what was sent at that time, and it should be there. */
  noteOverdue(sentMs: number): void {
    if (this.#lastHeardMs <= sentMs) this.isStalled = true
  }

  close(): void {
    this.isClosed = true
    this.#socket.destroy()
  }

  /** What is sent in one turn of the event loop goes out in one piece. */
  #write(frame: Uint8Array): void {
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#isCorked = false
        this.#socket.uncork()
      })
    }
    this.#socket.write(frame)
  }

  #sendHeld(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const frame of held) this.#write(frame)
  }

  #read(chunk: Uint8Array): void {
    this.#frames.feed(chunk)
    for (let message = this.#frames.next(); message !== undefined; message = this.#frames.next()) {
      // Not for less than a message: one that is sent octet by octet could keep all queries waiting behind it for hours.
      this.#lastHeardMs = this.#nowMs()
      const one = message.length < 2 ? undefined : this.#tries.get((message[0]! << 8) | message[1]!)
      if (one === undefined) this.#handler.onStrayMessage()
      else {
        this.#hasAnswered = true
        this.#handler.onMessage(one, message)
      }
    }
  }

  #closed(): void {
    this.isClosed = true
    this.#onClose()
    for (const one of [...this.#tries.values()]) {
      // One that breaks may end another, whose try is somebody else's then.
      if (this.#tries.get(one.id) === one) this.#handler.onBroken(one, this.#hasAnswered)
    }
  }

  #freeId(): number {
    for (;;) {
      const id = this.#random.u16()
      if (!this.#tries.has(id)) return id
    }
  }
}

/** Begins a connection. `session` is one of TLS to be taken up again. */
export function connectTo(
  address: UpstreamAddress,
  session: Buffer | undefined,
): { socket: Socket; readyEvent: 'connect' | 'secureConnect' } {
  const { host, port, protocol, serverName, ca } = address
  if (protocol !== 'tls') return { socket: connectTcp({ host, port }), readyEvent: 'connect' }
  // RFC 7858 §3.2, RFC 8310 §8.1 (strict): without the right certificate there is no connection. With no name, it must have the address.
  const socket = connectTls({
    ...{ host, port, minVersion: 'TLSv1.2', rejectUnauthorized: true },
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(ca === undefined ? {} : { ca }),
    ...(session === undefined ? {} : { session }),
  })
  return { socket, readyEvent: 'secureConnect' }
}
