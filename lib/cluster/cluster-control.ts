// Words that the main thread and the others share: | stop | drain | policy | 13 unused | thread 0: heartbeat, 15 unused | thread 1 | …
// A heartbeat of 0 is that of a thread which does not serve yet.

const STOP = 0
const DRAIN = STOP + 1
const POLICY = DRAIN + 1
/** A thread's word has a cache line of its own. */
const THREAD_STRIDE = 16

function createClusterControl(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * THREAD_STRIDE * (1 + threads))
}

/** The main thread's side. */
export class ClusterControl {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array

  constructor(threads: number) {
    this.buffer = createClusterControl(threads)
    this.#words = new Int32Array(this.buffer)
  }

  /** Every thread ends when it next looks, which is within 100 ms, or at once when it is woken or has an event loop. */
  stop(): void {
    Atomics.store(this.#words, STOP, 1)
    Atomics.notify(this.#words, STOP)
  }

  /** The end is near: connections that are idle may end now. */
  drain(): void {
    Atomics.store(this.#words, DRAIN, 1)
  }

  /** A policy has been posted to every thread. Numbers go up from 1. */
  announcePolicy(number: number): void {
    Atomics.store(this.#words, POLICY, number)
  }

  /** Before a thread is run: it does not serve yet. */
  reset(thread: number): void {
    Atomics.store(this.#words, heartbeatOf(thread), 0)
  }

  /** Blocks until the thread serves or has failed to, or the time is over. Only for a process that is about to end. */
  waitUntilStarted(thread: number, timeoutMs: number): void {
    Atomics.wait(this.#words, heartbeatOf(thread), 0, timeoutMs)
  }

  /** A count that changes four times a second or more while the thread is well. */
  heartbeat(thread: number): number {
    return Atomics.load(this.#words, heartbeatOf(thread))
  }
}

/** A thread's side: what serving its sockets asks whether to go on. */
export class ThreadControl {
  readonly #words: Int32Array
  readonly #heartbeat: number
  readonly #onServing: () => void
  #isStarted = false
  #policy = 0
  /** Called at the tick, between two batches, after a policy has been announced. */
  onPolicy: () => void = () => {}
  #onTick = () => {}

  /** `onServing` is called once, at the first tick. */
  constructor(buffer: SharedArrayBuffer, thread: number, onServing: () => void) {
    this.#words = new Int32Array(buffer)
    this.#heartbeat = heartbeatOf(thread)
    this.#onServing = onServing
  }

  /** Has something done at each tick. */
  onTick(onTick: () => void): void {
    this.#onTick = onTick
  }

  tick(): boolean {
    this.#onTick()
    if (!this.#isStarted) {
      this.#onServing()
      this.endStart()
    }
    Atomics.add(this.#words, this.#heartbeat, 1)
    const policy = Atomics.load(this.#words, POLICY)
    if (policy !== this.#policy) {
      this.#policy = policy
      this.onPolicy()
    }
    return Atomics.load(this.#words, STOP) === 0
  }

  get isDraining(): boolean {
    return Atomics.load(this.#words, DRAIN) !== 0
  }

  async stopped(): Promise<void> {
    await Atomics.waitAsync(this.#words, STOP, 0).value
  }

  /** The thread serves, or will never serve: nobody needs to wait for it. */
  endStart(): void {
    this.#isStarted = true
    Atomics.add(this.#words, this.#heartbeat, 1)
    Atomics.notify(this.#words, this.#heartbeat)
  }
}

function heartbeatOf(thread: number): number {
  return THREAD_STRIDE * (1 + thread)
}
