// Words that threads and the main thread share: | 1 = modules are off | thread 0: 1 = inside of a module | thread 1 | …

const OFF = 0

export function createModuleGuard(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * (1 + threads))
}

/** A thread's side: says when it is inside of a module, so that who finds the thread dead knows what it has died of. */
export class ModuleGuard {
  readonly #words: Int32Array
  readonly #own: number

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#words = new Int32Array(memory)
    this.#own = 1 + thread
  }

  /** False when modules are off. */
  enter(): boolean {
    if (Atomics.load(this.#words, OFF) !== 0) return false
    Atomics.store(this.#words, this.#own, 1)
    return true
  }

  leave(): void {
    Atomics.store(this.#words, this.#own, 0)
  }
}

/** How many threads may die inside of modules. */
export const MAX_MODULE_DEATHS = 3

/** The main thread's side: switches modules off when they have cost too many threads. */
export class ModuleWatch {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array
  #deaths = 0

  constructor(threads: number) {
    this.memory = createModuleGuard(threads)
    this.#words = new Int32Array(this.memory)
  }

  get isOff(): boolean {
    return Atomics.load(this.#words, OFF) !== 0
  }

  /** A thread is dead. True when that was the death that switches modules off. */
  onDeath(thread: number): boolean {
    if (Atomics.exchange(this.#words, 1 + thread, 0) === 0) return false
    this.#deaths++
    if (this.#deaths !== MAX_MODULE_DEATHS) return false
    Atomics.store(this.#words, OFF, 1)
    return true
  }
}
