import { createRequire } from 'node:module'
import type { MessagePort } from 'node:worker_threads'

/** A fixed number of threads, each of which runs one endless task. The one door to Piscina. */
export interface ThreadPool {
  /**
   * Runs a task on a free thread, by the default export of a file. Rejects when the task throws or its thread dies; Piscina then starts a new thread but
   * does not run the task again. Aborting the signal ends the thread, in the middle of a loop too.
   */
  run(file: string, task: object, port: MessagePort, signal: AbortSignal): Promise<void>
  /** Resolves when a thread that is alive now has come to its end. */
  whenExited(threadId: number): Promise<void>
  /** Ends all threads but these; the pool starts others in their places. */
  endOthers(threadIds: readonly number[]): void
  /** Ends all threads, whatever they do. */
  destroy(): Promise<void>
}

/** `onError` hears of threads that die while they have no task. */
export function createThreadPool(threads: number, onError: (error: Error) => void): ThreadPool {
  // Loaded when it is needed: it would be a third of the time that importing the library takes. Not by import(): where that
  // fails, for want of descriptors, Node 20 rejects a promise of its own besides, and the process ends.
  const { Piscina } = createRequire(import.meta.url)('piscina') as typeof import('piscina')
  const pool = new Piscina({
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: 1,
    // The default puts an idle thread to sleep in Atomics.wait, where its event loop stands still.
    atomics: 'disabled',
    idleTimeout: Number.POSITIVE_INFINITY,
    recordTiming: false,
    // Sockets are opened by number, past Node's books.
    trackUnmanagedFds: false,
  })
  pool.on('error', onError)
  return {
    run: (filename, task, port, signal) => pool.run(task, { filename, transferList: [port], signal }),
    whenExited(threadId) {
      const thread = pool.threads.find((worker) => worker.threadId === threadId)
      if (thread === undefined) return Promise.resolve()
      return new Promise((resolve) => thread.once('exit', () => resolve()))
    },
    endOthers(threadIds) {
      for (const thread of pool.threads) if (!threadIds.includes(thread.threadId)) void thread.terminate()
    },
    destroy: () => pool.destroy(),
  }
}
