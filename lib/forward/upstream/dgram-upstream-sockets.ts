import { createSocket, type Socket, type SocketOptions } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { UpstreamAddress } from '../upstream-address.js'
import { MAX_UPSTREAM_QUERY_SIZE } from './query-writer.js'
import type { ReplyHandler, UpstreamSocket, UpstreamSockets } from './upstream-sockets.js'

/** Node's own sockets: for every system. */
export class DgramUpstreamSockets implements UpstreamSockets {
  readonly kind = 'dgram'
  readonly canBeWoken = false
  readonly outgoing = new Uint8Array(MAX_UPSTREAM_QUERY_SIZE)
  readonly #handler: ReplyHandler

  constructor(handler: ReplyHandler) {
    this.#handler = handler
  }

  open(address: UpstreamAddress, number: number): UpstreamSocket | undefined {
    try {
      return new DgramUpstreamSocket(address, number, this.#handler, this.outgoing)
    } catch {
      // No descriptor, no port or no route: the pool goes on with the sockets that it has.
      return undefined
    }
  }

  receive(): boolean {
    return false
  }

  close(): void {}
}

class DgramUpstreamSocket implements UpstreamSocket {
  readonly #socket: Socket
  readonly #outgoing: Uint8Array

  constructor({ host, port }: UpstreamAddress, number: number, handler: ReplyHandler, outgoing: Uint8Array) {
    this.#outgoing = outgoing
    this.#socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', lookup: literalLookup })
    // Also what goes wrong while it connects, and ICMP errors.
    this.#socket.on('error', () => handler.onUnreachable(number))
    this.#socket.on('message', (message) => handler.onDatagram(number, message, message.length))
    // `exclusive`: in a cluster's worker, the primary would otherwise bind it, and not at once.
    this.#socket.bind({ port: 0, exclusive: true })
    this.#socket.connect(port, host)
  }

  send(length: number): boolean {
    try {
      // A copy, because the system may take it later. An error comes as an event.
      this.#socket.send(this.#outgoing.slice(0, length))
      return true
    } catch {
      return false
    }
  }

  close(): void {
    this.#socket.removeAllListeners()
    // An error that comes while it closes is nobody's.
    this.#socket.on('error', () => {})
    this.#socket.close()
  }
}

/** All hosts are addresses. Answered at once, so that a socket is bound and connected when its constructor returns. */
const literalLookup = ((host: string, _: unknown, done: (error: null, address: string, family: number) => void) => {
  done(null, host, isIPv6(host) ? 6 : 4)
}) as NonNullable<SocketOptions['lookup']>
