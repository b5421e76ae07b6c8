import { readClient } from '../clients/client-address.js'
import { CURRENT_SECRET, PREVIOUS_SECRET, SecretReader } from './cookie-secrets.js'
import { KnownCookies } from './known-cookies.js'
import { sipHash24 } from './siphash.js'

// RFC 9018 §4: a server's cookie is | version 1 | reserved 3 | timestamp 4 | hash 8 |
// The hash is over the client's cookie, the first eight octets of the server's, and the client's address.

const CLIENT_COOKIE_SIZE = 8
const VERSION = CLIENT_COOKIE_SIZE
const TIMESTAMP = VERSION + 4
const HASH = TIMESTAMP + 4
/** Both cookies, one behind the other. */
export const BOTH_COOKIES_SIZE = HASH + 8
const COOKIE_VERSION = 1
const MAX_ADDRESS_SIZE = 16

/** RFC 9018 §4.3: how old a cookie may be, and how far ahead our clock may see it. */
const MAX_AGE_SECONDS = 3600
const MAX_AHEAD_SECONDS = 300
/** RFC 9018 §4.3: from this age on the client gets a new one. */
const RENEWAL_AGE_SECONDS = 1800

/** Makes and checks the cookies that a server hands out. One for each thread; nothing in it allocates for a query. */
export class ServerCookies {
  /** After `check`: what goes back to the client, its own cookie and ours, and where that begins; good as long as its query is. */
  bytes: Uint8Array
  start = 0
  readonly #made = new Uint8Array(BOTH_COOKIES_SIZE)
  readonly #secrets: SecretReader
  readonly #wallSeconds: () => number
  readonly #signed = new Uint8Array(HASH + MAX_ADDRESS_SIZE)
  readonly #hash = new Uint8Array(8)
  readonly #known = new KnownCookies()
  /** Of the batch in hand; read for the first cookie in it. */
  #nowSeconds = 0
  #isTimeRead = false

  /** `wallSeconds` are those since 1970. */
  constructor(secrets: SharedArrayBuffer, wallSeconds: () => number) {
    this.#secrets = new SecretReader(secrets)
    this.#wallSeconds = wallSeconds
    this.bytes = this.#made
  }

  /** Before the first query of a batch. */
  beginBatch(): void {
    this.#isTimeRead = false
  }

  /**
   * Whether a client, whose address is `client`, has sent a cookie that it got from us. Sets `bytes` and `start` in any case: to the
   * same cookie while it is young, to a new one otherwise.
   */
  check(source: Uint8Array, start: number, length: number, client: Int32Array): boolean {
    if (!this.#isTimeRead) this.#readTime()
    const now = this.#nowSeconds
    let isValid = false
    let addressLength = 0
    if (length === BOTH_COOKIES_SIZE && source[start + VERSION] === COOKIE_VERSION) {
      const age = (now - readTimestamp(source, start + TIMESTAMP)) | 0
      if (age <= MAX_AGE_SECONDS && age >= -MAX_AHEAD_SECONDS) {
        if (this.#known.has(source, start, client) && age < RENEWAL_AGE_SECONDS) {
          this.bytes = source
          this.start = start
          return true
        }
        addressLength = this.#begin(source, start, client)
        const signed = this.#signed
        // RFC 9018 §4.2: the reserved octets count as they came.
        for (let i = VERSION; i < HASH; i++) signed[i] = source[start + i]!
        const isOfNow = this.#hashIs(CURRENT_SECRET, source, start, addressLength)
        if (isOfNow && age < RENEWAL_AGE_SECONDS) {
          this.#known.add()
          this.bytes = source
          this.start = start
          return true
        }
        isValid = isOfNow || this.#hashIs(PREVIOUS_SECRET, source, start, addressLength)
      }
    }
    if (addressLength === 0) addressLength = this.#begin(source, start, client)
    this.#sign(now, addressLength)
    this.bytes = this.#made
    this.start = 0
    return isValid
  }

  #readTime(): void {
    if (this.#secrets.refresh()) this.#known.clear()
    this.#nowSeconds = this.#wallSeconds() | 0
    this.#isTimeRead = true
  }

  /** What is signed for a client, but for our part of the cookie; returns the length of its address. */
  #begin(source: Uint8Array, start: number, client: Int32Array): number {
    const bytes = this.#made
    const signed = this.#signed
    for (let i = 0; i < CLIENT_COOKIE_SIZE; i++) bytes[i] = signed[i] = source[start + i]!
    return readClient(client, 0, signed, HASH)
  }

  #hashIs(secret: number, source: Uint8Array, start: number, addressLength: number): boolean {
    const hash = this.#hash
    sipHash24(this.#secrets.words, secret, this.#signed, HASH + addressLength, hash, 0)
    // All octets, so that time says nothing about how many were right.
    let difference = 0
    for (let i = 0; i < hash.length; i++) difference |= hash[i]! ^ source[start + HASH + i]!
    return difference === 0
  }

  #sign(now: number, addressLength: number): void {
    const bytes = this.#made
    const signed = this.#signed
    bytes[VERSION] = COOKIE_VERSION
    for (let i = 1; i < 4; i++) bytes[VERSION + i] = 0
    bytes[TIMESTAMP] = now >>> 24
    bytes[TIMESTAMP + 1] = now >>> 16
    bytes[TIMESTAMP + 2] = now >>> 8
    bytes[TIMESTAMP + 3] = now
    for (let i = VERSION; i < HASH; i++) signed[i] = bytes[i]!
    sipHash24(this.#secrets.words, CURRENT_SECRET, signed, HASH + addressLength, bytes, HASH)
  }
}

function readTimestamp(source: Uint8Array, at: number): number {
  return (source[at]! << 24) | (source[at + 1]! << 16) | (source[at + 2]! << 8) | source[at + 3]!
}
