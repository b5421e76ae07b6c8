const AWAKE = 0
const ASLEEP = 1
const ASLEEP_IN_CALL = 2

/** The memory of a bell that stands alone. */
export function createBell(): SharedArrayBuffer {
  return new SharedArrayBuffer(4)
}

/**
 * Wakes a thread that sleeps, and costs little while it does not.
 *
 * Who sleeps says so with `lieDown`, then looks once more whether there is something to do, and only then sleeps; who has something
 * for it puts that in place, and then rings. One of the two sees the other.
 */
export class Bell {
  readonly #words: Int32Array
  readonly #at: number

  constructor(memory: SharedArrayBuffer, at = 0) {
    this.#words = new Int32Array(memory)
    this.#at = at
  }

  /** True when somebody slept in a system call, and is to be woken there, too. */
  ring(): boolean {
    const state = Atomics.load(this.#words, this.#at)
    if (state === AWAKE || Atomics.compareExchange(this.#words, this.#at, state, AWAKE) !== state) return false
    Atomics.notify(this.#words, this.#at)
    return state === ASLEEP_IN_CALL
  }

  lieDown(): void {
    Atomics.store(this.#words, this.#at, ASLEEP)
  }

  /** The same for who is about to wait in a system call. */
  lieDownInCall(): void {
    Atomics.store(this.#words, this.#at, ASLEEP_IN_CALL)
  }

  getUp(): void {
    Atomics.store(this.#words, this.#at, AWAKE)
  }

  /** Resolves when the bell rings, for a thread with an event loop that something else keeps alive; at once if it has rung already. */
  async rung(): Promise<void> {
    await Atomics.waitAsync(this.#words, this.#at, ASLEEP).value
  }
}
