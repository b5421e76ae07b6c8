/** Runs asynchronous tasks one after another, in the order in which they came. A task that fails does not hold up the next. */
export class TaskQueue {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task)
    this.#last = result.catch(() => {})
    return result
  }

  /** Resolves once all that has been queued so far is done, however it ended. */
  async idle(): Promise<void> {
    await this.#last
  }
}

/**
 * Runs tasks that belong to a key beside those of other keys, so many at a time, and all others alone. What is the same key's, and
 * what is alone, goes in the order in which it came.
 */
export class KeyedTaskQueue {
  readonly #limit: number
  /** The last task of all that had to be alone. */
  #alone: Promise<unknown> = Promise.resolve()
  /** The last task of each key since then. */
  readonly #byKey = new Map<string, Promise<unknown>>()
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = Promise.all([this.#alone, ...this.#byKey.values()]).then(task)
    this.#byKey.clear()
    this.#alone = result.catch(() => {})
    return result
  }

  runFor<T>(key: string, task: () => Promise<T>): Promise<T> {
    const result = (this.#byKey.get(key) ?? this.#alone).then(() => this.#inTurn(task))
    const ended = result
      .catch(() => {})
      .then(() => {
        if (this.#byKey.get(key) === ended) this.#byKey.delete(key)
      })
    this.#byKey.set(key, ended)
    return result
  }

  /** Resolves once all that has been queued so far is done, however it ended. */
  async idle(): Promise<void> {
    await Promise.all([this.#alone, ...this.#byKey.values()])
  }

  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running++
    try {
      return await task()
    } finally {
      const next = this.#waiting.shift()
      // The turn goes to whoever waits.
      if (next === undefined) this.#running--
      else next()
    }
  }
}
