import { ADDRESS_WORDS } from '../clients/client-address.js'
import { hashEnd } from '../wire/name.js'

/** Both cookies of a client, 24 octets, and its address. */
const COOKIE_WORDS = 6
const ENTRY_WORDS = COOKIE_WORDS + ADDRESS_WORDS
/** A power of two. Takes 160 KiB; a thread with more clients that know cookies works some of them out again. */
const ENTRIES = 4096

/**
 * Cookies that have been found to be right: a client sends the same one for half an hour, and to sign it again takes ten times as long as
 * to look here. One for each thread. What comes in takes the place of what stood there.
 */
export class KnownCookies {
  readonly #words = new Int32Array(ENTRIES * ENTRY_WORDS)
  /** The entry of the cookie in hand, and what it must hold. */
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
    this.#at = (hashEnd(hash) & (ENTRIES - 1)) * ENTRY_WORDS
    // All words, so that time says nothing about how many were right.
    let difference = 0
    for (let i = 0; i < ENTRY_WORDS; i++) difference |= wanted[i]! ^ this.#words[this.#at + i]!
    return difference === 0
  }

  /** Those that `has` was asked about last are right. */
  add(): void {
    for (let i = 0; i < ENTRY_WORDS; i++) this.#words[this.#at + i] = this.#wanted[i]!
  }

  /** With another secret, other cookies are right. */
  clear(): void {
    this.#words.fill(0)
  }
}
