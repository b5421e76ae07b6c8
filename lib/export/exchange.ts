import {
  CLIENT,
  CLIENT_LENGTH,
  CLIENT_PORT,
  EXPORT_PROTOCOLS,
  FLAGS,
  FOR_DNSTAP,
  FOR_LOG,
  MESSAGES,
  PROTOCOL,
  QUERY_LENGTH,
  QUERY_TIME,
  RCODE,
  RESPONSE_LENGTH,
  RESPONSE_TIME,
  SERVER,
  SERVER_LENGTH,
  SERVER_PORT,
  WITH_UPSTREAM,
} from './exchange-layout.js'

const FLAGS_OCTET = 2
const FLAG_AA = 0x04
const RECURSION_OCTET = 3
const FLAG_RA = 0x80

/** A query and its response, as they stand in a ring. One for each ring, set to one record after the other. */
export class Exchange {
  readonly #bytes: Uint8Array
  readonly #halves: Uint16Array
  readonly #doubles: Float64Array
  #at = 0

  constructor(ring: Uint8Array) {
    this.#bytes = ring
    this.#halves = new Uint16Array(ring.buffer, ring.byteOffset, ring.length >>> 1)
    this.#doubles = new Float64Array(ring.buffer, ring.byteOffset, ring.length >>> 3)
  }

  reset(offset: number): void {
    this.#at = offset
  }

  get isForLog(): boolean {
    return (this.#bytes[this.#at + FLAGS]! & FOR_LOG) !== 0
  }

  get isForDnstap(): boolean {
    return (this.#bytes[this.#at + FLAGS]! & FOR_DNSTAP) !== 0
  }

  get protocol(): (typeof EXPORT_PROTOCOLS)[number] {
    return EXPORT_PROTOCOLS[this.#bytes[this.#at + PROTOCOL]!]!
  }

  /** Whether it is a query of ours to an upstream, or a response to one, and not a client's with its response. */
  get isWithUpstream(): boolean {
    return (this.#bytes[this.#at + FLAGS]! & WITH_UPSTREAM) !== 0
  }

  /** Of the client: 0, 4 or 16 octets. */
  get address(): Uint8Array {
    const start = this.#at + CLIENT
    return this.#bytes.subarray(start, start + this.#bytes[this.#at + CLIENT_LENGTH]!)
  }

  /** Of the client; 0 = not known */
  get port(): number {
    return this.#half(CLIENT_PORT)
  }

  /** Who was asked: 0, 4 or 16 octets. */
  get serverAddress(): Uint8Array {
    const start = this.#at + SERVER
    return this.#bytes.subarray(start, start + this.#bytes[this.#at + SERVER_LENGTH]!)
  }

  /** 0 = not known */
  get serverPort(): number {
    return this.#half(SERVER_PORT)
  }

  get queryTimeMs(): number {
    return this.#doubles[(this.#at + QUERY_TIME) >>> 3]!
  }

  get responseTimeMs(): number {
    return this.#doubles[(this.#at + RESPONSE_TIME) >>> 3]!
  }

  get rcode(): number {
    return this.#half(RCODE)
  }

  get query(): Uint8Array {
    const start = this.#at + MESSAGES
    return this.#bytes.subarray(start, start + this.#half(QUERY_LENGTH))
  }

  /** Of no length where there was none. */
  get response(): Uint8Array {
    const start = this.#at + MESSAGES + this.#half(QUERY_LENGTH)
    return this.#bytes.subarray(start, start + this.#half(RESPONSE_LENGTH))
  }

  /** Whether somebody else's answer was passed on: RA is set in those only, and AA in none of them. */
  get isForwarded(): boolean {
    const { response } = this
    if (response.length === 0) return false
    return (response[RECURSION_OCTET]! & FLAG_RA) !== 0 && (response[FLAGS_OCTET]! & FLAG_AA) === 0
  }

  #half(field: number): number {
    return this.#halves[(this.#at + field) >>> 1]!
  }
}
