import { randomFillSync } from 'node:crypto'
import { SIPHASH_KEY_WORDS } from './siphash.js'

// Words that all threads share: | how many there have been | 3 unused | secret 0: 4 words | secret 1 | secret 2 | secret 3 |
// The current one is that which its number names, in turn; it is the number that tells a thread which slept for four of them that they are others.
// A new secret is filled in where neither the current one nor the one before it stands, and then made current with one store.

const NUMBER = 0
const SECRETS = 4
/** A power of two. */
const SECRET_COUNT = 4

/** How often the secret changes. RFC 9018 §5 leaves it to the server; a cookie lives for an hour at most, whatever its secret. */
export const SECRET_LIFE_MS = 24 * 3_600_000

/** Makes the secrets of one server. Main thread only. */
export class CookieSecrets {
  readonly buffer = new SharedArrayBuffer(4 * (SECRETS + SECRET_COUNT * SIPHASH_KEY_WORDS))
  readonly #words = new Int32Array(this.buffer)

  constructor() {
    // The one before the first must not be a secret that everybody knows.
    this.roll()
    this.roll()
  }

  /** A new secret for new cookies; those made with the one before stay good. `secret` is for tests that know what must come of it. */
  roll(secret: Uint8Array = randomFillSync(new Uint8Array(4 * SIPHASH_KEY_WORDS))): void {
    const next = (this.#words[NUMBER]! + 1) | 0
    const view = new DataView(secret.buffer, secret.byteOffset, secret.length)
    for (let i = 0; i < SIPHASH_KEY_WORDS; i++) {
      Atomics.store(this.#words, wordOf(next) + i, view.getInt32(4 * i, true))
    }
    Atomics.store(this.#words, NUMBER, next)
  }
}

/** A thread's view of the secrets. */
export class SecretReader {
  readonly words = new Int32Array(2 * SIPHASH_KEY_WORDS)
  readonly #shared: Int32Array
  /** Two are made at the start. */
  #current = 0

  constructor(buffer: SharedArrayBuffer) {
    this.#shared = new Int32Array(buffer)
  }

  /** Brings `words` up to date: the current secret at CURRENT_SECRET, the one before at PREVIOUS_SECRET. Returns whether they have changed. */
  refresh(): boolean {
    const current = Atomics.load(this.#shared, NUMBER)
    if (current === this.#current) return false
    this.#current = current
    const previous = current - 1
    for (let i = 0; i < SIPHASH_KEY_WORDS; i++) {
      this.words[CURRENT_SECRET + i] = Atomics.load(this.#shared, wordOf(current) + i)
      this.words[PREVIOUS_SECRET + i] = Atomics.load(this.#shared, wordOf(previous) + i)
    }
    return true
  }
}

export const CURRENT_SECRET = 0
export const PREVIOUS_SECRET = CURRENT_SECRET + SIPHASH_KEY_WORDS

function wordOf(number: number): number {
  return SECRETS + (number & (SECRET_COUNT - 1)) * SIPHASH_KEY_WORDS
}
