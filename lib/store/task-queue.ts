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
