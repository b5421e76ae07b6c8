import type { Bell } from '../../handoff/bell.js'
import type { TurnWork } from '../upstream/exchange-loop.js'
import type { Upstreams } from '../upstream/upstreams.js'
import type { Forwarder } from './forwarder.js'

/**
 * Has the rings served as soon as there is something in them, however the forward thread waits: in a system call for upstreams'
 * datagrams, or on its event loop while there are none to wait for. Looks once more before each wait, so that nothing rings unheard.
 */
export class RingWatch implements TurnWork {
  readonly #bell: Bell
  #forwarder: Forwarder | undefined
  #upstreams: Upstreams | undefined
  /** Whether `#onRung` will be called when the bell rings. */
  #isListening = false

  constructor(bell: Bell) {
    this.#bell = bell
  }

  start(forwarder: Forwarder, upstreams: Upstreams): void {
    this.#forwarder = forwarder
    this.#upstreams = upstreams
    this.#serve()
  }

  stop(): void {
    this.#forwarder = undefined
    this.#bell.ring()
  }

  begin(): boolean {
    const forwarder = this.#forwarder
    if (forwarder === undefined) return true
    forwarder.beginTurn()
    this.#bell.lieDownInCall()
    return !forwarder.hasParked
  }

  end(): void {
    this.#bell.getUp()
    this.#forwarder?.serve()
  }

  onRest(): void {
    if (this.#forwarder !== undefined) this.#serve()
  }

  /** On the event loop; what is left, or comes while upstreams are waited for, is for the next turn. */
  #serve(): void {
    const isDone = this.#forwarder!.serve()
    if (this.#upstreams!.isTurning) return
    if (isDone) this.#listen()
    else setImmediate(() => this.#onRung())
  }

  #listen(): void {
    this.#bell.lieDown()
    if (this.#forwarder!.hasParked) this.#bell.ring()
    if (this.#isListening) return
    this.#isListening = true
    void this.#bell.rung().then(() => {
      this.#isListening = false
      this.#onRung()
    })
  }

  #onRung(): void {
    if (this.#forwarder !== undefined && !this.#upstreams!.isTurning) this.#serve()
  }
}
