import type { WatchResponse } from './messages.js'

/** Events in memory at most, a response more or less. Beyond that gRPC holds them up, and etcd reads them from its disk later. */
const MAX_EVENTS = 10_000

/** What a watch has sent and nobody has taken yet. */
export class ResponseQueue {
  #responses: WatchResponse[] = []
  #events = 0
  #end: Error | undefined
  #isClosed = false
  /** Whoever waits for a response; whoever waits for room. */
  #wakeTaker = () => {}
  #wakeFiller = () => {}

  constructor(watch: AsyncIterable<WatchResponse>, onResponse: () => void) {
    void this.#fill(watch, onResponse)
  }

  /** Everything there is, and one response at least. Throws what the watch ended with once all before it has been taken. */
  async take(): Promise<readonly WatchResponse[]> {
    while (this.#responses.length === 0) {
      if (this.#end !== undefined) throw this.#end
      await new Promise<void>((resolve) => {
        this.#wakeTaker = resolve
      })
    }
    const taken = this.#responses
    this.#responses = []
    this.#events = 0
    this.#wakeFiller()
    return taken
  }

  /** What comes from here on is passed over. */
  close(): void {
    this.#isClosed = true
    this.#wakeFiller()
  }

  async #fill(watch: AsyncIterable<WatchResponse>, onResponse: () => void): Promise<void> {
    try {
      for await (const response of watch) {
        if (this.#isClosed) return
        onResponse()
        this.#responses.push(response)
        this.#events += response.events.length
        this.#wakeTaker()
        if (this.#events >= MAX_EVENTS) {
          await new Promise<void>((resolve) => {
            this.#wakeFiller = resolve
          })
        }
      }
      this.#end = new Error('etcd ended the watch')
    } catch (error) {
      this.#end = error as Error
    }
    this.#wakeTaker()
  }
}
