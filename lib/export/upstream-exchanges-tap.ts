import { writeAddressFromText } from '../clients/client-address.js'
import { FastRandom } from '../fast-random.js'
import type { UpstreamTap } from '../forward/upstream/upstream-tap.js'
import type { UpstreamAddress } from '../forward/upstream-address.js'
import {
  ADDRESS_ROOM,
  CLIENT_LENGTH,
  CLIENT_PORT,
  EXPORT_PROTOCOLS,
  FLAGS,
  FOR_DNSTAP,
  MESSAGES,
  PROTOCOL,
  RCODE,
  SERVER,
  SERVER_LENGTH,
  SERVER_PORT,
  WITH_UPSTREAM,
} from './exchange-layout.js'
import type { ExchangeRing } from './exchange-ring.js'
import { NONE } from './ring-layout.js'
import { Sampler } from './sampler.js'

/** Writes what upstreams are asked, and what they answer, into the ring of the thread that asks them. It has an event loop. */
export class UpstreamExchangesTap implements UpstreamTap {
  readonly #ring: ExchangeRing
  readonly #sampler: Sampler
  readonly #server = new Uint8Array(ADDRESS_ROOM)
  #isShownSoon = false

  /** One in `sample` queries, with what is answered to it. */
  constructor(ring: ExchangeRing, sample: number, randomSeed: number) {
    this.#ring = ring
    this.#sampler = new Sampler(sample, new FastRandom(randomSeed))
  }

  takes(): boolean {
    return this.#sampler.takes()
  }

  sent(upstream: UpstreamAddress, isOverStream: boolean, bytes: Uint8Array, length: number): void {
    const now = performance.now()
    const at = this.#begin(upstream, isOverStream, length, 0, now, now)
    if (at !== NONE) this.#ring.copy(bytes, 0, at + MESSAGES, length)
  }

  received(upstream: UpstreamAddress, isOverStream: boolean, sentMs: number, bytes: Uint8Array, length: number): void {
    const at = this.#begin(upstream, isOverStream, 0, length, sentMs, performance.now())
    if (at !== NONE) this.#ring.copy(bytes, 0, at + MESSAGES, length)
  }

  #begin(
    { protocol, host, port }: UpstreamAddress,
    isOverStream: boolean,
    queryLength: number,
    responseLength: number,
    sentMs: number,
    now: number,
  ): number {
    const ring = this.#ring
    const at = ring.claim(queryLength, responseLength)
    if (at === NONE) return NONE
    const { bytes, halves } = ring
    bytes[at + FLAGS] = FOR_DNSTAP | WITH_UPSTREAM
    bytes[at + PROTOCOL] = EXPORT_PROTOCOLS.indexOf(protocol === 'tls' ? 'dot' : isOverStream ? 'tcp' : 'udp')
    ring.setTimes(at, sentMs, now)
    halves[(at + RCODE) >>> 1] = 0
    bytes[at + CLIENT_LENGTH] = 0
    halves[(at + CLIENT_PORT) >>> 1] = 0
    const length = writeAddressFromText(host.split('%', 1)[0]!, this.#server)
    bytes[at + SERVER_LENGTH] = length
    ring.copy(this.#server, 0, at + SERVER, length)
    halves[(at + SERVER_PORT) >>> 1] = port
    this.#showSoon()
    return at
  }

  /** What one turn of the event loop has brought goes together. */
  #showSoon(): void {
    if (this.#isShownSoon) return
    this.#isShownSoon = true
    setImmediate(() => {
      this.#isShownSoon = false
      this.#ring.show()
    })
  }
}
