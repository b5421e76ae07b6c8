import { connect, type Socket } from 'node:net'
import { type OnOutcome, outcomeOf, type ProbeOutcome, type RunningProbe } from './check.js'

/**
 * Connects to ports of an address, at least one. A connection is closed as any client would: a reset would spare this side a minute's wait
 * (TIME_WAIT), but a Node server that does not listen for errors of its sockets ends with the first one (seen).
 */
export function probeTcp(
  address: string,
  ports: readonly number[],
  require: 'any' | 'all',
  onOutcome: OnOutcome,
): RunningProbe {
  return new TcpProbe(address, ports, require, onOutcome)
}

class TcpProbe implements RunningProbe {
  readonly #sockets: Socket[]
  readonly #require: 'any' | 'all'
  readonly #onOutcome: OnOutcome
  #pending: number
  #isDone = false
  /** What comes of it if no connection comes about. */
  #outcome: ProbeOutcome = 'dead'
  #reason = ''

  constructor(address: string, ports: readonly number[], require: 'any' | 'all', onOutcome: OnOutcome) {
    this.#require = require
    this.#onOutcome = onOutcome
    this.#pending = ports.length
    this.#sockets = ports.map((port) => this.#connect(address, port))
  }

  cancel(): void {
    this.#isDone = true
    for (const socket of this.#sockets) socket.destroy()
  }

  #connect(host: string, port: number): Socket {
    const socket = connect({ host, port })
    socket.on('connect', () => {
      socket.destroy()
      if (this.#require === 'any') this.#finish('alive', '')
      else if (--this.#pending === 0) this.#finish('alive', '')
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (this.#isDone) return
      const outcome = outcomeOf(error.code)
      // With `any`, one port that could not be tried leaves open whether the address is dead.
      if (this.#reason === '' || outcome === 'unsure') this.#outcome = outcome
      this.#reason = `port ${port}: ${error.code ?? error.message}`
      if (this.#require === 'all' || --this.#pending === 0) this.#finish(this.#outcome, this.#reason)
    })
    return socket
  }

  #finish(outcome: ProbeOutcome, reason: string): void {
    if (this.#isDone) return
    this.cancel()
    this.#onOutcome(outcome, reason)
  }
}
