import { createRequire } from 'node:module'
import type { MessagePort } from 'node:worker_threads'
import { fromPlainError, type TaskOutcome } from './messages.js'

/** A fixed number of threads, each of which runs one endless task. This file is the one door to Piscina. */
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
  const pool = newPool(threads)
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

/**
 * Runs one task in a thread of its own, by the default export of a file, and ends the thread. Rejects with the task's error, with
 * its code, when its thread dies, and when the signal is aborted, which ends the thread.
 */
export async function runOnce<Result>(
  file: string,
  task: object,
  signal: AbortSignal,
  transfer: readonly MessagePort[] = [],
): Promise<Result> {
  const pool = newPool(1)
  try {
    // A thread that dies before it has its task leaves it waiting for another one, which would have to do without what was transferred.
    const died = new Promise<never>((_, reject) => pool.on('error', reject))
    const run = pool.run(task, { filename: file, signal, transferList: [...transfer] }) as Promise<TaskOutcome<Result>>
    const outcome = await Promise.race([run, died])
    if ('error' in outcome) throw fromPlainError(outcome.error)
    return outcome.result
  } finally {
    await pool.destroy()
  }
}

function newPool(threads: number) {
  // Loaded when it is needed: it would be a third of the time that importing the library takes. Not by import(): where that
  // fails, for want of descriptors, Node 20 rejects a promise of its own besides, and the process ends.
  const { Piscina } = createRequire(import.meta.url)('piscina') as typeof import('piscina')
  return new Piscina({
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: 1,
    // The default puts an idle thread to sleep in Atomics.wait, where its event loop stands still.
    atomics: 'disabled',
    idleTimeout: Number.POSITIVE_INFINITY,
    recordTiming: false,
    // Sockets are opened by number, past Node's books.
    trackUnmanagedFds: false,
    // A thread that answers must not stop for long: new objects die at once or stay, and 1 MiB of them (three parts) is collected in a fraction of
    // the 3 to 8 ms that 16 MiB take (misses at half load: p99 3.8 ms, not 9.4; no more CPU; Node 20, 2026-11).
    resourceLimits: { maxYoungGenerationSizeMb: 3 },
  })
}
