import type { MessagePort } from 'node:worker_threads'
import { type TaskOutcome, toPlainError } from '../threads/messages.js'
import { runOnce } from '../threads/thread-pool.js'
import { type EtcdLoad, type EtcdLoadTask, loadImage } from './etcd/loader/load-image.js'
import { readSnapshot, type SnapshotRead, type SnapshotReadTask } from './snapshot/read-snapshot.js'
import { type SnapshotWriteTask, type SnapshotWritten, writeSnapshot } from './snapshot/write-snapshot.js'

/** What takes too long for the host's event loop, and what comes of it. */
interface LoaderTasks {
  readonly etcd: { readonly task: EtcdLoadTask; readonly result: EtcdLoad }
  readonly readSnapshot: { readonly task: SnapshotReadTask; readonly result: SnapshotRead | undefined }
  readonly writeSnapshot: { readonly task: SnapshotWriteTask; readonly result: SnapshotWritten }
}

export type LoaderTask = LoaderTasks[keyof LoaderTasks]['task']

/** Main thread: runs a task in a thread of its own. Rejects with its error, when the thread dies, and when the signal is aborted. */
export function runLoader<Kind extends keyof LoaderTasks>(
  loaderFile: string,
  task: LoaderTasks[Kind]['task'],
  signal: AbortSignal,
  transfer: readonly MessagePort[] = [],
): Promise<LoaderTasks[Kind]['result']> {
  return runOnce(loaderFile, task, signal, transfer)
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
    case 'readSnapshot':
      return readSnapshot(task)
    case 'writeSnapshot':
      return writeSnapshot(task)
    default:
      return task satisfies never
  }
}
