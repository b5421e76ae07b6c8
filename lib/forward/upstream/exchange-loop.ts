import type { Exchanges } from './exchanges.js'
import type { UpstreamSockets } from './upstream-sockets.js'

/** How often times are looked at while queries are on their way, and how often what else there is to do. */
const TICK_MS = 10
const REST_MS = 250
/**
 * How long a turn may block for datagrams: the event loop, with its streams and messages, goes on after it. A millisecond of waiting costs
 * 7 µs, so that a thread with nothing but a slow upstream to wait for takes less than a hundredth of a core.
 */
const TURN_WAIT_MS = 1

/**
 * Keeps exchanges going on the event loop of the forward thread.
 *
 * Sockets of kind `batch` are not the event loop's: while datagrams are waited for, each turn of the loop waits for them for a moment;
 * with nothing on its way the thread sleeps as any other does.
 */
export class ExchangeLoop {
  readonly #exchanges: Exchanges
  readonly #sockets: UpstreamSockets
  readonly #onTick: () => boolean
  #timer: NodeJS.Timeout | undefined
  #isTimerShort = false
  #isTurning = false
  #isStopped = false
  readonly #turn = () => this.#takeTurn()

  /** `onTick` does what else there is to do now and then, and says whether it wants to be called again although nothing is on its way. */
  constructor(exchanges: Exchanges, sockets: UpstreamSockets, onTick: () => boolean) {
    this.#exchanges = exchanges
    this.#sockets = sockets
    this.#onTick = onTick
  }

  /** To be called when something has been begun. */
  wake(): void {
    if (this.#isStopped) return
    if (!this.#isTimerShort && this.#exchanges.active > 0) this.#setTimer(TICK_MS)
    else if (this.#timer === undefined) this.#setTimer(REST_MS)
    if (this.#isTurning || this.#sockets.kind === 'dgram' || this.#exchanges.waitingForDatagrams === 0) return
    this.#isTurning = true
    setImmediate(this.#turn)
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #takeTurn(): void {
    this.#isTurning = false
    if (this.#isStopped || this.#exchanges.waitingForDatagrams === 0) return
    this.#sockets.receive(TURN_WAIT_MS)
    this.wake()
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
