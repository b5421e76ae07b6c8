import type { Exchanges } from './exchanges.js'
import type { UpstreamSockets } from './upstream-sockets.js'

/** How often times are looked at while queries are on their way, and how often what else there is to do. */
const TICK_MS = 10
const REST_MS = 250
/**
 * How long a turn blocks for datagrams: the event loop, with its streams and messages, goes on after it. Long, where whoever has a query
 * for the thread can wake it and no stream is waited for: a thread that has nothing but a slow upstream to wait for takes 4 % of a core with
 * turns of a millisecond, and a wait that ends before the kernel's next tick costs twice as much as one that does not (17 µs of CPU, not 10,
 * in a virtual machine: its timer is set and set back, and the host hears of both; Linux 6.18, 2026-11).
 */
const SHORT_WAIT_MS = 1
const LONG_WAIT_MS = 4
/** How long a turn goes on while datagrams come: a turn of the event loop costs as much as an exchange does. */
const BUSY_TURN_MS = 1

/** Whoever else has something for the thread to do, in the turns in which it waits for datagrams. */
export interface TurnWork {
  /** Before a wait: whether there is nothing to do, so that it may be a long one, which `wakeFd` ends. */
  begin(): boolean
  /** After it: does what there is. */
  end(): void
  /** There are no turns until a query is sent: what comes must be heard in other ways. */
  onRest(): void
}

/**
 * Keeps exchanges going on the event loop of the forward thread.
 *
 * Sockets of kind `batch` are not the event loop's: while datagrams are waited for, each turn of the loop waits for them for a moment;
 * with nothing on its way the thread sleeps as any other does.
 */
export class ExchangeLoop {
  readonly #exchanges: Exchanges
  readonly #sockets: UpstreamSockets
  readonly #work: TurnWork | undefined
  readonly #onTick: () => boolean
  #timer: NodeJS.Timeout | undefined
  #isTimerShort = false
  /** Whether there are turns, in which datagrams are waited for. */
  isTurning = false
  #isStopped = false
  /** Whether the last wait has brought nothing. */
  #wasIdle = false
  readonly #turn = () => this.#takeTurn()

  /** `onTick` does what else there is to do now and then, and says whether it wants to be called again although nothing is on its way. */
  constructor(exchanges: Exchanges, sockets: UpstreamSockets, work: TurnWork | undefined, onTick: () => boolean) {
    this.#exchanges = exchanges
    this.#sockets = sockets
    this.#work = work
    this.#onTick = onTick
  }

  /** To be called when something has been begun. */
  wake(): void {
    if (this.#isStopped) return
    if (!this.#isTimerShort && this.#exchanges.active > 0) this.#setTimer(TICK_MS)
    else if (this.#timer === undefined) this.#setTimer(REST_MS)
    if (this.isTurning || this.#sockets.kind === 'dgram' || this.#exchanges.waitingForDatagrams === 0) return
    this.#turnAgain()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #takeTurn(): void {
    const isOver = this.#isStopped || !this.#wait()
    this.isTurning = false
    if (!isOver) this.#turnAgain()
    else this.#work?.onRest()
  }

  #turnAgain(): void {
    this.isTurning = true
    setImmediate(this.#turn)
  }

  /** Says whether there is to be another turn. */
  #wait(): boolean {
    const end = performance.now() + BUSY_TURN_MS
    let isBusy = true
    while (isBusy && performance.now() < end) isBusy = this.#waitOnce()
    if (this.#exchanges.waitingForDatagrams > 0) return true
    // Who has asked will soon ask again, and wakes a thread that waits here at a fraction of what it costs to wake an event loop.
    return this.#sockets.canBeWoken && this.#work !== undefined && !this.#wasIdle
  }

  /** Says whether there was anything to do. */
  #waitOnce(): boolean {
    const mayWait = this.#work?.begin() ?? true
    const hasCome = this.#sockets.receive(mayWait ? this.#waitMs : 0)
    this.#work?.end()
    const isBusy = hasCome || !mayWait
    this.#wasIdle = !isBusy
    return isBusy
  }

  get #waitMs(): number {
    return this.#sockets.canBeWoken && this.#exchanges.waitingForStreams === 0 ? LONG_WAIT_MS : SHORT_WAIT_MS
  }

  #setTimer(delayMs: number): void {
    clearTimeout(this.#timer)
    this.#isTimerShort = delayMs === TICK_MS
    this.#timer = setTimeout(() => this.#tick(), delayMs)
    // A query on its way keeps the process, a probe does not.
    if (!this.#isTimerShort) this.#timer.unref()
  }

  #tick(): void {
    this.#timer = undefined
    this.#isTimerShort = false
    this.#exchanges.advance()
    const wantsMore = this.#onTick()
    if (wantsMore || this.#exchanges.active > 0) this.wake()
  }
}
