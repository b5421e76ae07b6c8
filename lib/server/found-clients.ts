import { setTimeout as delay } from 'node:timers/promises'

export interface FoundClientsOptions {
  /** Has the clients taken that were found last. */
  readonly reload: () => Promise<void>
  readonly isReady: () => boolean
  /** Called once for as long as it goes on failing. */
  readonly onError: (error: Error) => void
  /** For tests. */
  readonly retryMs?: number
}

/** What stands in the way is a file of a certificate that is just being replaced, say. */
const RETRY_MS = 5_000

/**
 * Has a server see by the clients of views that its store has found. However many finds there are while a reload takes its time, one more is enough; and
 * one that fails is tried again: nobody else would.
 */
export class FoundClients {
  readonly #options: FoundClientsOptions
  #isWanted = false
  #running: Promise<void> | undefined

  constructor(options: FoundClientsOptions) {
    this.#options = options
  }

  /** Others have been found. */
  take(): void {
    this.#isWanted = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
  }

  async #run(): Promise<void> {
    const { reload, isReady, onError, retryMs = RETRY_MS } = this.#options
    let isFailing = false
    while (this.#isWanted && isReady()) {
      this.#isWanted = false
      try {
        await reload()
        isFailing = false
      } catch (error) {
        this.#isWanted = true
        if (!isReady()) return
        if (!isFailing) onError(error as Error)
        isFailing = true
        await delay(retryMs, undefined, { ref: false })
      }
    }
  }
}
