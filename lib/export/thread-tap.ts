import { readClient } from '../clients/client-address.js'
import { FastRandom } from '../fast-random.js'
import type { ClientAddresses, QueryContext } from '../query/query-context.js'
import type { QueryMeter } from '../query/query-meter.js'
import type { QueryTap } from '../query/query-tap.js'
import {
  ADDRESS,
  ADDRESS_LENGTH,
  EXPORT_PROTOCOLS,
  FLAGS,
  FOR_DNSTAP,
  FOR_LOG,
  MESSAGES,
  PORT,
  PROTOCOL,
  QUERY_LENGTH,
  QUERY_TIME,
  RCODE,
  RESPONSE_LENGTH,
  RESPONSE_TIME,
} from './exchange-layout.js'
import { NONE, RECORD_ALIGNMENT, type RingHandle } from './ring-layout.js'
import { RingWriter } from './ring-writer.js'
import { Sampler } from './sampler.js'

/** `performance.now()` counts from the thread's start, and does not follow when the wall clock is set: this often, we do. */
const SET_CLOCK_MS = 1000

/** What a thread that answers is given. A plain object: it is posted to it. */
export interface TapHandle {
  readonly ring: RingHandle
  /** One in so many; 0: none. */
  readonly logSample: number
  readonly dnstapSample: number
}

/** Writes queries and responses of one thread, those that were chosen, into its ring. */
export class ThreadTap implements QueryTap {
  readonly #ring: RingWriter
  readonly #halves: Uint16Array
  readonly #doubles: Float64Array
  readonly #log: Sampler | undefined
  readonly #dnstap: Sampler | undefined
  readonly #meter: QueryMeter
  /** What `performance.now()` lacks of the wall clock, and when that was found out. */
  #wallOffsetMs = 0
  #setAtMs = Number.NEGATIVE_INFINITY

  /** `meter` is that of the same thread: it knows over what a query came, and when. */
  constructor(handle: TapHandle, meter: QueryMeter, randomSeed: number) {
    this.#ring = new RingWriter(handle.ring)
    const { buffer, byteOffset, length } = this.#ring.bytes
    this.#halves = new Uint16Array(buffer, byteOffset, length >>> 1)
    this.#doubles = new Float64Array(buffer, byteOffset, length >>> 3)
    const random = new FastRandom(randomSeed)
    this.#log = handle.logSample === 0 ? undefined : new Sampler(handle.logSample, random)
    this.#dnstap = handle.dnstapSample === 0 ? undefined : new Sampler(handle.dnstapSample, random)
    this.#meter = meter
  }

  answered(
    context: QueryContext,
    clients: ClientAddresses,
    i: number,
    response: Uint8Array,
    start: number,
    length: number,
    isLate: boolean,
  ): void {
    let flags = 0
    if (this.#log?.takes()) flags |= FOR_LOG
    if (this.#dnstap?.takes()) flags |= FOR_DNSTAP
    if (flags !== 0) this.#write(flags, context, clients, i, response, start, length, isLate)
  }

  /** After a batch. */
  flush(): void {
    this.#ring.show()
  }

  #write(
    flags: number,
    context: QueryContext,
    clients: ClientAddresses,
    i: number,
    response: Uint8Array,
    start: number,
    length: number,
    isLate: boolean,
  ): void {
    const { reader } = context
    const queryLength = reader.end - reader.start
    const size = (MESSAGES + queryLength + length + RECORD_ALIGNMENT - 1) & -RECORD_ALIGNMENT
    const at = this.#ring.claim(size)
    if (at === NONE) return
    const { bytes } = this.#ring
    bytes[at + FLAGS] = flags
    bytes[at + PROTOCOL] = EXPORT_PROTOCOLS.indexOf(this.#meter.protocol)
    bytes[at + ADDRESS_LENGTH] = context.readClient(clients, i) ? readClient(context.client, 0, bytes, at + ADDRESS) : 0
    this.#writeTimes(at, isLate)
    const halves = at >>> 1
    this.#halves[halves + (PORT >>> 1)] = clients.clientPort?.(i) ?? 0
    this.#halves[halves + (RCODE >>> 1)] = context.rcode
    this.#halves[halves + (QUERY_LENGTH >>> 1)] = queryLength
    this.#halves[halves + (RESPONSE_LENGTH >>> 1)] = length
    copyBytes(reader.bytes, reader.start, bytes, at + MESSAGES, queryLength)
    copyBytes(response, start, bytes, at + MESSAGES + queryLength, length)
  }

  #writeTimes(at: number, isLate: boolean): void {
    const now = performance.now()
    if (now > this.#setAtMs + SET_CLOCK_MS) this.#setClock(now)
    const since = isLate ? this.#meter.lateSinceMs : this.#meter.begunMs
    this.#doubles[(at + QUERY_TIME) >>> 3] = this.#wallOffsetMs + (Number.isFinite(since) ? since : now)
    this.#doubles[(at + RESPONSE_TIME) >>> 3] = this.#wallOffsetMs + now
  }

  #setClock(now: number): void {
    this.#setAtMs = now
    this.#wallOffsetMs = Date.now() - now
  }
}

/** `set` would take a view for each message. */
function copyBytes(from: Uint8Array, fromStart: number, to: Uint8Array, toStart: number, count: number): void {
  for (let i = 0; i < count; i++) to[toStart + i] = from[fromStart + i]!
}
