import { ContainerDnsError } from '../../errors.js'

interface Waiter {
  readonly revision: number
  readonly resolve: () => void
  readonly reject: (cause: Error) => void
}

/** Callers who have written to etcd and wait until what they wrote has come back. */
export class RevisionWaiters {
  #reached = 0
  readonly #waiting = new Set<Waiter>()

  get reached(): number {
    return this.#reached
  }

  /** May go back, when etcd has been restored from a backup. */
  reach(revision: number): void {
    this.#reached = revision
    for (const waiter of this.#waiting) {
      if (waiter.revision > revision) continue
      this.#waiting.delete(waiter)
      waiter.resolve()
    }
  }

  /** Throws CDNS_STORE_UNAVAILABLE when it takes too long, and what `fail` is given. */
  wait(revision: number, timeoutMs: number): Promise<void> {
    if (revision <= this.#reached) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiter)
        reject(
          new ContainerDnsError(
            'CDNS_STORE_UNAVAILABLE',
            `etcd has taken the change as revision ${revision}, but did not send it back within ${Math.round(timeoutMs)} ms`,
          ),
        )
      }, timeoutMs)
      const waiter: Waiter = {
        revision,
        resolve: () => {
          clearTimeout(timer)
          resolve()
        },
        reject: (cause) => {
          clearTimeout(timer)
          reject(cause)
        },
      }
      this.#waiting.add(waiter)
    })
  }

  fail(cause: Error): void {
    for (const waiter of this.#waiting) waiter.reject(cause)
    this.#waiting.clear()
  }
}
