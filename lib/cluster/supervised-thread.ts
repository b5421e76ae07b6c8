import type { MessagePort } from 'node:worker_threads'
import { BackOff } from './back-off.js'
import type { ThreadRole } from './thread-life.js'

/** One thread of a server: the file that it runs, and what that is given. */
export interface ThreadPlan {
  readonly role: ThreadRole
  readonly workerFile: string
  /** What the thread is given, but for what the supervisor adds; asked for anew at each run. */
  readonly task: () => object
  /** Ends the thread's wait, so that it looks whether to stop. */
  readonly wake: () => void
  /** For a thread that goes on until the others have ended: tells it that they have. */
  readonly end?: () => void
}

/** The number of the main thread, which no other has. */
export const NO_THREAD = 0

type ThreadState = 'starting' | 'serving' | 'ended'

/** A thread as the supervisor knows it, in all its lives. */
export interface SupervisedThread {
  readonly number: number
  readonly plan: ThreadPlan
  readonly backOff: BackOff
  state: ThreadState
  port: MessagePort | undefined
  abort: AbortController
  threadId: number
  /** Settles when a thread that was ended by force is gone: it may still be reading until then. */
  exited: Promise<void>
  startedAt: number
  restarts: number
  lastBeat: number
  missedBeats: number
  /** What the thread said before it died, which tells more than its end. */
  failure: Error | undefined
  run: Promise<void>
  /** The number of the policy that it answers by. */
  policy: number
  /** Until the thread serves: its deadline. After its death: the wait for its next life. */
  timer: NodeJS.Timeout | undefined
}

/** One that has not been run yet; `policy` is the number of the newest. */
export function newThread(number: number, plan: ThreadPlan, policy: number): SupervisedThread {
  return {
    number,
    plan,
    backOff: new BackOff(),
    state: 'starting',
    port: undefined,
    abort: new AbortController(),
    threadId: NO_THREAD,
    exited: Promise.resolve(),
    startedAt: 0,
    restarts: 0,
    lastBeat: 0,
    missedBeats: 0,
    failure: undefined,
    run: Promise.resolve(),
    policy,
    timer: undefined,
  }
}
