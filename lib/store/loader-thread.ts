import { type TaskOutcome, toPlainError } from '../threads/messages.js'
import { runOnce } from '../threads/thread-pool.js'
import { type EtcdLoad, type EtcdLoadTask, loadImage } from './etcd/loader/load-image.js'

/** What takes too long for the host's event loop, and what comes of it. */
interface LoaderTasks {
  readonly etcd: { readonly task: EtcdLoadTask; readonly result: EtcdLoad }
}

export type LoaderTask = LoaderTasks[keyof LoaderTasks]['task']

/** Main thread: runs a task in a thread of its own. Rejects with its error, when the thread dies, and when the signal is aborted. */
export function runLoader<Kind extends keyof LoaderTasks>(
  loaderFile: string,
  task: LoaderTasks[Kind]['task'],
  signal: AbortSignal,
): Promise<LoaderTasks[Kind]['result']> {
  return runOnce(loaderFile, task, signal)
}

/** Loader thread: runs its one task. */
export async function runLoaderTask(task: LoaderTask): Promise<TaskOutcome<unknown>> {
  try {
    return { result: await resultOf(task) }
  } catch (error) {
    // Thrown, it would lose its code on the way.
    return { error: toPlainError(error) }
  }
}

function resultOf(task: LoaderTask): Promise<unknown> {
  switch (task.kind) {
    case 'etcd':
      return loadImage(task)
    default:
      return task.kind satisfies never
  }
}
