import { ADDRESS_WORDS } from '../clients/client-address.js'
import { hashEnd } from '../wire/name.js'

/** Both cookies of a client, 24 octets, and its address. */
const COOKIE_WORDS = 6
const ENTRY_WORDS = COOKIE_WORDS + ADDRESS_WORDS
/** A power of two. With two entries each they take 160 KiB; a thread with more clients that know cookies works some of them out again. */
const SETS = 2048
const SET_WORDS = 2 * ENTRY_WORDS

/**
 * Cookies that have been found to be right: a client sends the same one for half an hour, and to sign it again takes ten times as long as
 * to look here. One for each thread. What comes in takes the place of the elder of its set: with one place for each, one in eight of a
 * thousand clients would have had to share it with another, and each would have been worked out again after the other.
 */
export class KnownCookies {
  readonly #words = new Int32Array(SETS * SET_WORDS)
  /** The set of the cookie in hand, and what an entry of it must hold. */
  #at = 0
  readonly #wanted = new Int32Array(ENTRY_WORDS)

  /** Whether the cookies at `start`, of a client with this address, are there. */
  has(source: Uint8Array, start: number, client: Int32Array): boolean {
    const wanted = this.#wanted
    let hash = 0
    for (let i = 0, at = start; i < COOKIE_WORDS; i++, at += 4) {
      const word = (source[at]! << 24) | (source[at + 1]! << 16) | (source[at + 2]! << 8) | source[at + 3]!
      wanted[i] = word
      hash = Math.imul(hash ^ word, 0x01000193)
    }
    for (let i = 0; i < ADDRESS_WORDS; i++) wanted[COOKIE_WORDS + i] = client[i]!
    this.#at = (hashEnd(hash) & (SETS - 1)) * SET_WORDS
    return this.#isAt(this.#at) || this.#isAt(this.#at + ENTRY_WORDS)
  }

  /** Those that `has` was asked about last are right. */
  add(): void {
    const words = this.#words
    const at = this.#at
    for (let i = 0; i < ENTRY_WORDS; i++) {
      words[at + ENTRY_WORDS + i] = words[at + i]!
      words[at + i] = this.#wanted[i]!
    }
  }

  /** With another secret, other cookies are right. */
  clear(): void {
    this.#words.fill(0)
  }

  /** All words, so that time says nothing about how many were right. */
  #isAt(at: number): boolean {
    const words = this.#words
    const wanted = this.#wanted
    let difference = 0
    for (let i = 0; i < ENTRY_WORDS; i++) difference |= wanted[i]! ^ words[at + i]!
    return difference === 0
  }
}
