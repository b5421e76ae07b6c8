import type { Logger } from '../../log.js'

export interface WriteLanesOptions<Value> {
  readonly logger: Logger
  /** Whether nothing is left to do. One that rejects, or says no, is made again, with the latest word by then. */
  readonly attempt: (address: string, value: Value) => Promise<boolean>
}

/** Writes at a time. */
const LANES = 16
/** Until what has failed is tried again. */
const RETRY_MS = 500

/** Writes something for each of many addresses: some at a time, one for an address, the last word on it, until it is written. */
export class WriteLanes<Value> {
  readonly #options: WriteLanesOptions<Value>
  readonly #wanted = new Map<string, Value>()
  readonly #writing = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: WriteLanesOptions<Value>) {
    this.#options = options
  }

  isWriting(address: string): boolean {
    return this.#writing.has(address)
  }

  write(address: string, value: Value): void {
    if (this.#isClosed) return
    this.#wanted.set(address, value)
    this.#fill()
  }

  /** Nothing is to be written any more. What is under way goes on. */
  drop(address: string): void {
    this.#wanted.delete(address)
  }

  close(): void {
    this.#isClosed = true
    this.#wanted.clear()
    clearTimeout(this.#timer)
  }

  #fill(): void {
    for (const [address, value] of this.#wanted) {
      if (this.#writing.size >= LANES) return
      if (!this.#writing.has(address)) void this.#writeOne(address, value)
    }
  }

  async #writeOne(address: string, value: Value): Promise<void> {
    const { attempt, logger } = this.#options
    this.#writing.add(address)
    let isDone = false
    try {
      isDone = await attempt(address, value)
    } catch (error) {
      logger.debug({ address, err: error }, 'what is known of an address could not be written; it is tried again')
    }
    this.#writing.delete(address)
    if (this.#isClosed) return
    if (isDone) {
      if (this.#wanted.get(address) === value) this.#wanted.delete(address)
      this.#fill()
    } else {
      this.#moveToEnd(address)
      this.#timer ??= setTimeout(() => this.#retry(), RETRY_MS)
    }
  }

  /** Those that can never be written must not keep the others from their turn. */
  #moveToEnd(address: string): void {
    const value = this.#wanted.get(address)
    if (value === undefined) return
    this.#wanted.delete(address)
    this.#wanted.set(address, value)
  }

  #retry(): void {
    this.#timer = undefined
    this.#fill()
  }
}
