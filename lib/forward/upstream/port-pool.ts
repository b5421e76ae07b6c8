import type { UpstreamAddress } from '../upstream-address.js'
import type { Random } from './secure-random.js'
import type { UpstreamSocket, UpstreamSockets } from './upstream-sockets.js'

/** There is no socket to send on. */
export const NO_SOCKET = -1

/**
 * Ports for one upstream. RFC 5452 §9.2 asks for as many as can be had; an attacker has to guess among these, times 65 536 IDs, and
 * cannot find out which they are by sending to them, because a connected socket hears its upstream alone.
 */
export const PORTS_PER_UPSTREAM = 256
/** A port is given back after as many queries, or as much time, so that who has found it out does not have it for long. */
const MAX_USES = 128
const MAX_AGE_MS = 60_000
/**
 * What waits on one port at most: only where the system has no more descriptors do many have to share one. A free ID is found by trying, which
 * takes for ever when there is none, and a forger has as many chances as there are IDs that would do.
 */
export const MAX_WAITING_ON_PORT = 4096

interface OpenPort {
  readonly number: number
  readonly socket: UpstreamSocket
  readonly openedMs: number
  uses: number
  /** Exchanges that wait on it; it is closed when there are none any more. */
  inFlight: number
  isRetired: boolean
}

/** The open sockets of all upstreams, by number: small whole numbers that are used again. */
export class OpenPorts {
  readonly #ports: (OpenPort | undefined)[] = []
  readonly #free: number[] = []

  nextNumber(): number {
    return this.#free.length > 0 ? this.#free[this.#free.length - 1]! : this.#ports.length
  }

  add(port: OpenPort): void {
    if (this.#free.length > 0) this.#free.pop()
    this.#ports[port.number] = port
  }

  get(number: number): OpenPort {
    return this.#ports[number]!
  }

  /** An exchange on it is over. */
  release(number: number): void {
    const port = this.get(number)
    port.inFlight--
    this.closeIfDone(port)
  }

  retire(port: OpenPort): void {
    port.isRetired = true
    this.closeIfDone(port)
  }

  closeIfDone(port: OpenPort): void {
    if (!port.isRetired || port.inFlight > 0) return
    port.socket.close()
    this.#ports[port.number] = undefined
    this.#free.push(port.number)
  }
}

/** The sockets of one upstream: one is picked at random for each query, and opened when it is picked for the first time. */
export class PortPool {
  readonly #address: UpstreamAddress
  readonly #sockets: UpstreamSockets
  readonly #open: OpenPorts
  readonly #random: Random
  readonly #ports: (OpenPort | undefined)[]
  #isClosed = false

  constructor(address: UpstreamAddress, sockets: UpstreamSockets, open: OpenPorts, random: Random, size: number) {
    this.#address = address
    this.#sockets = sockets
    this.#open = open
    this.#random = random
    this.#ports = new Array<OpenPort | undefined>(size).fill(undefined)
  }

  /** The number of a socket, to be released later; NO_SOCKET when none can be opened. */
  take(nowMs: number): number {
    if (this.#isClosed) return NO_SOCKET
    const place = this.#random.below(this.#ports.length)
    const port = this.#portAt(place, nowMs) ?? this.#anyPort()
    if (port === undefined || port.inFlight >= MAX_WAITING_ON_PORT) return NO_SOCKET
    port.uses++
    port.inFlight++
    return port.number
  }

  send(number: number, length: number): boolean {
    return this.#open.get(number).socket.send(length)
  }

  /** Sockets with exchanges on them are closed when those are over. */
  close(): void {
    this.#isClosed = true
    for (const [place, port] of this.#ports.entries()) {
      this.#ports[place] = undefined
      if (port !== undefined) this.#open.retire(port)
    }
  }

  #portAt(place: number, nowMs: number): OpenPort | undefined {
    const port = this.#ports[place]
    if (port !== undefined && port.uses < MAX_USES && nowMs - port.openedMs < MAX_AGE_MS) return port
    const number = this.#open.nextNumber()
    const socket = this.#sockets.open(this.#address, number)
    // A port that is too old is better than none.
    if (socket === undefined) return port
    const fresh = { number, socket, openedMs: nowMs, uses: 0, inFlight: 0, isRetired: false }
    this.#open.add(fresh)
    this.#ports[place] = fresh
    if (port !== undefined) this.#open.retire(port)
    return fresh
  }

  #anyPort(): OpenPort | undefined {
    return this.#ports.find((port) => port !== undefined)
  }
}
