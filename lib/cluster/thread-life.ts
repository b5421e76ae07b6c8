import { type MessagePort, threadId } from 'node:worker_threads'
import { type MessageFromThread, toPlainError } from '../threads/messages.js'
import { ThreadControl } from './cluster-control.js'

/** What a thread is there for: `dns` answers datagrams, `stream` answers connections, `forward` asks upstreams. */
export type ThreadRole = 'dns' | 'stream' | 'forward'

/** What the supervisor gives to every thread. */
export interface ThreadTask {
  readonly thread: number
  readonly port: MessagePort
  readonly control: SharedArrayBuffer
}

/** The life of a thread: tells the main thread that it serves, or why it does not, and closes its port at the end. */
export async function liveThread(task: ThreadTask, serve: (control: ThreadControl) => Promise<void>): Promise<void> {
  const post = (message: MessageFromThread) => task.port.postMessage(message)
  const control = new ThreadControl(task.control, task.thread, () => post({ type: 'serving' }))
  post({ type: 'started', threadId })
  try {
    await serve(control)
  } catch (error) {
    control.endStart()
    // Rejecting as well would lose the error's code on the way.
    post({ type: 'failed', error: toPlainError(error) })
    throw error
  } finally {
    task.port.close()
  }
}
