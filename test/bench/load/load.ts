import { BATCH_SIZE } from '../../../lib/transport/datagram-transport.js'
import type { Libc } from '../../../lib/transport/libc.js'
import { MSG_DONTWAIT } from '../../../lib/transport/linux-constants.js'
import { MessageHeaders } from '../../../lib/transport/message-headers.js'
import { SlotMemory } from '../../../lib/transport/slot-memory.js'
import { HEADER_SIZE } from '../../../lib/wire/constants.js'
import { Histogram } from './histogram.js'
import { type LoadShape, TIMEOUT_MS } from './load-plan.js'
import { QUERY_STRIDE, type QuerySource } from './query-source.js'

// The first two words of a message, as a little-endian machine reads them:
//   | id 16, not swapped | QR 1, opcode 4, AA, TC, RD | RA, Z 3, rcode 4 |   | QDCOUNT 16 | ANCOUNT 16, swapped |
const ID_MASK = 0xffff
const QR = 0x80 << 16
const RCODE_MASK = 0x0f << 24
const ANCOUNT_SHIFT = 16
const ONE_SWAPPED = 0x0100

/** An id is | sequence 10 | slot 6 |, so that an answer that comes after its time-out is known for one. */
const SLOT_BITS = 6
const SLOT_MASK = (1 << SLOT_BITS) - 1
const SEQUENCE_STEP = 1 << SLOT_BITS

const MAX_RESPONSE = 512
/** Three cache lines, so that the first bytes of slots do not meet in the same cache sets. */
const SLOT_PADDING = 192
const TIMEOUT_SCAN_MS = 50
/** How far behind its rate a load may fall before it leaves queries out. */
const MOST_BEHIND_MS = TIMEOUT_MS / 2
/** Sockets after which an upstream in this process is served again, so that a long round is no slow upstream. */
const SOCKETS_A_SERVE = 32

/** When a slot has nothing in flight. */
const FREE = 0

/**
 * Asks and counts what comes back: from each socket up to `window` queries are in flight, and what is answered makes room
 * for the next. Never sleeps, so that no server is charged for waking it; nothing is allocated for a query.
 */
export class Load {
  readonly latencyUs = new Histogram()
  responses = 0
  lost = 0
  /** Responses that came when they had been counted as lost. */
  late = 0
  wrong = 0
  /** Queries that were due while this process was kept from asking, so long ago that they were left out. */
  skipped = 0
  /** Calls that found nothing to receive. */
  emptyCalls = 0
  /** What the kernel has the addresses of, kept from the garbage collector. */
  readonly kernelMemory: readonly SlotMemory[]

  readonly #libc: Libc
  readonly #plan: LoadShape
  readonly #fds: readonly number[]
  readonly #queries: QuerySource
  readonly #upstream: { serve(): void } | undefined
  readonly #received: MessageHeaders
  readonly #receivedWords: Uint32Array
  readonly #receivedStride: number
  readonly #toSend: MessageHeaders
  readonly #sendWords: Uint32Array
  // For each slot of each socket: the id in flight, and when it was sent, or was due.
  readonly #ids: Uint16Array
  readonly #sentAt: Float64Array
  // For each socket: the slots that are free, as a stack.
  readonly #free: Uint8Array
  readonly #freeCount: Uint8Array
  #inFlight = 0
  #startedAt = 0
  #sent = 0
  #nextScan = 0

  constructor(libc: Libc, fds: readonly number[], queries: QuerySource, plan: LoadShape, upstream?: { serve(): void }) {
    const { window } = plan
    this.#libc = libc
    this.#plan = plan
    this.#fds = fds
    this.#queries = queries
    this.#upstream = upstream
    const received = new SlotMemory(libc, BATCH_SIZE, MAX_RESPONSE + SLOT_PADDING)
    const toSend = new SlotMemory(libc, BATCH_SIZE, QUERY_STRIDE)
    // Connected sockets need no addresses and these no control data, but the headers point to some.
    const unused = new SlotMemory(libc, BATCH_SIZE, QUERY_STRIDE)
    this.#received = new MessageHeaders(libc, { payloads: received, names: unused, controls: unused })
    this.#toSend = new MessageHeaders(libc, { payloads: toSend, names: unused, controls: unused })
    this.kernelMemory = [received, toSend, unused]
    for (let i = 0; i < BATCH_SIZE; i++) this.#received.setPayloadLength(i, MAX_RESPONSE)
    this.#receivedWords = received.words
    this.#receivedStride = received.stride >>> 2
    this.#sendWords = toSend.words
    const slots = fds.length * window
    this.#ids = new Uint16Array(slots).map((_, i) => i % window)
    this.#sentAt = new Float64Array(slots)
    this.#free = new Uint8Array(slots).map((_, i) => i % window)
    this.#freeCount = new Uint8Array(fds.length).fill(window)
  }

  /** Asks for so long. What is in flight at the end stays so. */
  run(milliseconds: number): void {
    const end = performance.now() + milliseconds
    this.start()
    for (;;) {
      const now = performance.now()
      if (now >= end) return
      this.step(now)
    }
  }

  /** For who asks in turn with others: from now on queries are due, and `step` asks those that are, and takes what has come. */
  start(): void {
    this.#startedAt = performance.now()
    this.#sent = 0
  }

  step(now: number): void {
    this.#round(now, true)
  }

  /** Waits for what is in flight, at most until it times out. */
  drain(): void {
    while (this.#inFlight > 0) this.#round(performance.now(), false)
  }

  reset(): void {
    this.latencyUs.reset()
    this.responses = 0
    this.lost = 0
    this.late = 0
    this.wrong = 0
    this.skipped = 0
    this.emptyCalls = 0
  }

  /** One call, of which `run` makes many. While nothing is in flight. */
  receiveNothing(): void {
    this.#receive(0)
  }

  #round(now: number, mayAsk: boolean): void {
    if (now >= this.#nextScan) this.#giveUpOverdue(now)
    let time = now
    for (let socket = 0; socket < this.#fds.length; socket++) {
      if (socket % SOCKETS_A_SERVE === 0) this.#upstream?.serve()
      const count = this.#receive(socket)
      if (count > 0) {
        time = performance.now()
        for (let i = 0; i < count; i++) this.#take(socket, i, time)
      } else {
        this.emptyCalls++
      }
      if (mayAsk && this.#freeCount[socket]! > 0) this.#ask(socket, time)
    }
  }

  #receive(socket: number): number {
    return this.#libc.recvmmsg(this.#fds[socket]!, this.#received.address, this.#plan.window, MSG_DONTWAIT, 0)
  }

  #take(socket: number, message: number, now: number): void {
    const at = message * this.#receivedStride
    const first = this.#receivedWords[at]!
    const id = first & ID_MASK
    const slot = id & SLOT_MASK
    const place = socket * this.#plan.window + slot
    const sentAt = this.#sentAt[place]!
    // Late, and counted as lost already; or not ours.
    if (slot >= this.#plan.window || sentAt === FREE || this.#ids[place] !== id) {
      this.late++
      return
    }
    this.#release(socket, slot)
    if (
      this.#received.receivedLength(message) < HEADER_SIZE ||
      !this.#isExpected(first, this.#receivedWords[at + 1]!)
    ) {
      this.wrong++
      return
    }
    this.responses++
    this.latencyUs.record(((now - sentAt) * 1000) | 0)
  }

  #isExpected(first: number, second: number): boolean {
    if ((first & QR) === 0) return false
    if (this.#plan.expects === 'echo') return true
    return (first & RCODE_MASK) === 0 && second >>> ANCOUNT_SHIFT === ONE_SWAPPED
  }

  #release(socket: number, slot: number): void {
    const { window } = this.#plan
    this.#sentAt[socket * window + slot] = FREE
    this.#free[socket * window + this.#freeCount[socket]!] = slot
    this.#freeCount[socket]!++
    this.#inFlight--
  }

  /** Fills the socket's window, as far as the rate allows. */
  #ask(socket: number, now: number): void {
    let wanted = this.#freeCount[socket]!
    const { rate } = this.#plan
    if (rate > 0) wanted = Math.min(wanted, this.#due(now, rate))
    if (wanted <= 0) return
    for (let message = 0; message < wanted; message++) {
      this.#prepare(socket, message, rate > 0 ? this.#startedAt + (this.#sent * 1000) / rate : now)
      this.#sent++
    }
    const taken = this.#libc.sendmmsg(this.#fds[socket]!, this.#toSend.address, wanted, MSG_DONTWAIT)
    // What the kernel refuses (the server has gone) times out like what it loses.
    if (taken < 0) this.#libc.errno()
  }

  /** Queries that are due and not sent yet. What has been due for too long would be lost as soon as it is sent. */
  #due(now: number, rate: number): number {
    const due = Math.floor(((now - this.#startedAt) * rate) / 1000) - this.#sent
    const tooMany = due - Math.floor((MOST_BEHIND_MS * rate) / 1000)
    if (tooMany <= 0) return due
    this.skipped += tooMany
    this.#sent += tooMany
    return due - tooMany
  }

  #prepare(socket: number, message: number, sentAt: number): void {
    const { window } = this.#plan
    const slot = this.#free[socket * window + --this.#freeCount[socket]!]!
    const place = socket * window + slot
    const id = (this.#ids[place]! + SEQUENCE_STEP) & ID_MASK
    this.#ids[place] = id
    this.#sentAt[place] = sentAt
    this.#inFlight++
    const query = this.#queries.next()
    const length = this.#queries.lengths[query]!
    this.#copyQuery(query, message, length)
    // The id is the low half of the first word, flags are the other.
    this.#sendWords[(message * QUERY_STRIDE) >>> 2]! |= id
    this.#toSend.setPayloadLength(message, length)
  }

  #copyQuery(query: number, message: number, length: number): void {
    const from = (query * QUERY_STRIDE) >>> 2
    const to = (message * QUERY_STRIDE) >>> 2
    const words = (length + 3) >>> 2
    for (let i = 0; i < words; i++) this.#sendWords[to + i] = this.#queries.words[from + i]!
  }

  #giveUpOverdue(now: number): void {
    this.#nextScan = now + TIMEOUT_SCAN_MS
    const { window } = this.#plan
    for (let place = 0; place < this.#sentAt.length; place++) {
      const sentAt = this.#sentAt[place]!
      if (sentAt === FREE || now - sentAt < TIMEOUT_MS) continue
      this.lost++
      this.#release(Math.floor(place / window), place % window)
    }
  }
}
