import { readClient } from '../clients/client-address.js'
import { FastRandom } from '../fast-random.js'
import type { ClientAddresses, QueryContext } from '../query/query-context.js'
import type { QueryMeter } from '../query/query-meter.js'
import type { QueryTap } from '../query/query-tap.js'
import {
  ADDRESS_ROOM,
  CLIENT,
  CLIENT_LENGTH,
  CLIENT_PORT,
  EXPORT_PROTOCOLS,
  FLAGS,
  FOR_DNSTAP,
  FOR_LOG,
  MESSAGES,
  PROTOCOL,
  RCODE,
  SERVER,
  SERVER_LENGTH,
  SERVER_PORT,
} from './exchange-layout.js'
import type { ExchangeRing } from './exchange-ring.js'
import { NONE, type RingHandle } from './ring-layout.js'
import { Sampler } from './sampler.js'

/** What a thread that answers is given. A plain object: it is posted to it. */
export interface TapHandle {
  readonly ring: RingHandle
  /** One in so many; 0: none. */
  readonly logSample: number
  readonly dnstapSample: number
  /** Of what upstreams are asked; for the thread that asks them. */
  readonly upstreamSample: number
}

/** Writes queries and responses of one thread, those that were chosen, into its ring. */
export class ThreadTap implements QueryTap {
  readonly #ring: ExchangeRing
  readonly #log: Sampler | undefined
  readonly #dnstap: Sampler | undefined
  readonly #meter: QueryMeter
  readonly #server = new Uint8Array(ADDRESS_ROOM)

  /** `meter` is that of the same thread: it knows over what a query came, and when. */
  constructor(ring: ExchangeRing, { logSample, dnstapSample }: TapHandle, meter: QueryMeter, randomSeed: number) {
    this.#ring = ring
    const random = new FastRandom(randomSeed)
    this.#log = logSample === 0 ? undefined : new Sampler(logSample, random)
    this.#dnstap = dnstapSample === 0 ? undefined : new Sampler(dnstapSample, random)
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
    const ring = this.#ring
    const queryLength = reader.end - reader.start
    const at = ring.claim(queryLength, length)
    if (at === NONE) return
    const { bytes, halves } = ring
    bytes[at + FLAGS] = flags
    bytes[at + PROTOCOL] = EXPORT_PROTOCOLS.indexOf(this.#meter.protocol)
    ring.setTimes(at, isLate ? this.#meter.lateSinceMs : this.#meter.begunMs, performance.now())
    halves[(at + RCODE) >>> 1] = context.rcode
    this.#writeEnds(at, context, clients, i)
    ring.copy(reader.bytes, reader.start, at + MESSAGES, queryLength)
    ring.copy(response, start, at + MESSAGES + queryLength, length)
  }

  #writeEnds(at: number, context: QueryContext, clients: ClientAddresses, i: number): void {
    const { bytes, halves } = this.#ring
    bytes[at + CLIENT_LENGTH] = context.readClient(clients, i) ? readClient(context.client, 0, bytes, at + CLIENT) : 0
    halves[(at + CLIENT_PORT) >>> 1] = clients.clientPort?.(i) ?? 0
    const length = clients.serverAddress?.(i, this.#server) ?? 0
    bytes[at + SERVER_LENGTH] = length
    this.#ring.copy(this.#server, 0, at + SERVER, length)
    halves[(at + SERVER_PORT) >>> 1] = clients.serverPort?.(i) ?? 0
  }
}
