import { ContainerDnsError } from '../errors.js'

/** With more at a time each takes as much longer, and edits wait for all of them. */
const AT_ONCE = 4
/** One list at 200 000 names takes a good part of a second: who is further back would have given up. */
const MAX_WAITING = 32

/**
 * Requests that go over all records: a few at a time, in the order they came. They give way to others, but whoever sends thousands, and
 * waits for none, would keep this thread at it for minutes.
 */
export class Passes {
  #running = 0
  readonly #waiting: (() => void)[] = []

  /** Throws CDNS_RATE_LIMITED. */
  async run<T>(pass: () => Promise<T>): Promise<T> {
    await this.#turn()
    try {
      return await pass()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }

  /** Whoever ends gives their place to the next. */
  async #turn(): Promise<void> {
    if (this.#running < AT_ONCE) {
      this.#running++
      return
    }
    if (this.#waiting.length >= MAX_WAITING) {
      throw new ContainerDnsError('CDNS_RATE_LIMITED', 'too many requests go over all records; try again')
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}
