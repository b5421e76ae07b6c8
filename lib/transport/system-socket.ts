import type { Libc } from './libc.js'
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from './linux-constants.js'
import { encodeSocketAddress, familyOf, isWildcard, portOf, SOCKADDR_IN6_SIZE } from './socket-address.js'
import { libcSocketError, type SocketPlace, socketError } from './socket-error.js'

/**
 * How a socket is bound: `exclusive` fails if anybody is bound there, `join` stands beside others of the same user.
 *
 * A bind with SO_REUSEPORT succeeds in silence beside another one. The option may be set after the bind, so that the check and
 * the bind are one call, with no gap between. Others can join a socket whichever way it was bound.
 */
export type BindManner = 'exclusive' | 'join'

/** A socket that is opened through libc: no thread of Node's waits on it. What fails throws what `socketError` makes of it. */
export class SystemSocket {
  readonly fd: number
  readonly #libc: Libc
  readonly #address: Uint8Array
  #place: SocketPlace

  /** `type` is SOCK_DGRAM or SOCK_STREAM. Nothing is bound yet. */
  constructor(libc: Libc, place: SocketPlace, type: number) {
    const address = encodeSocketAddress(libc, place.host, place.port)
    if (address === undefined) throw socketError(place, 'EADDRNOTAVAIL', new Error('not an IP address'))
    this.#libc = libc
    this.#place = place
    this.#address = address
    const isV6 = familyOf(place.host) === 6
    const flags = SOCK_NONBLOCK | SOCK_CLOEXEC
    this.fd = this.#check('socket', libc.socket(isV6 ? AF_INET6 : AF_INET, type | flags, 0))
    if (isV6) this.closingOnFailure(() => this.setOption(IPPROTO_IPV6, IPV6_V6ONLY, 1))
  }

  /** Where it is to be bound; once it is, with the port that the system gave for 0. */
  get place(): SocketPlace {
    return this.#place
  }

  /** Runs the steps that make it ready; closes it when one of them throws. */
  closingOnFailure(steps: () => void): this {
    try {
      steps()
    } catch (error) {
      this.close()
      throw error
    }
    return this
  }

  setOption(level: number, option: number, value: number): void {
    this.#check('setsockopt', this.#setOption(level, option, value))
  }

  /** The same for an option that may be refused, and says whether it was taken. */
  trySetOption(level: number, option: number, value: number): boolean {
    return this.#setOption(level, option, value) >= 0
  }

  bind(manner: BindManner): void {
    if (manner === 'join') this.setOption(SOL_SOCKET, SO_REUSEPORT, 1)
    this.#check('bind', this.#libc.bind(this.fd, this.#address, this.#address.length))
    if (manner === 'exclusive') this.setOption(SOL_SOCKET, SO_REUSEPORT, 1)
    const bound = new Uint8Array(SOCKADDR_IN6_SIZE)
    this.#check('getsockname', this.#libc.getsockname(this.fd, bound, new Uint32Array([bound.length])))
    this.#place = { host: this.#place.host, port: portOf(bound) }
  }

  /**
   * For datagrams: has the kernel queue nothing more here, while what is queued can still be read. Says whether it worked.
   *
   * A connected socket takes datagrams from its peer alone, and is passed over when one is spread over those that share a port.
   * The peer is the socket itself, which nobody else can send as. Responses go where they are addressed to all the same.
   */
  turnAway(): boolean {
    const { host, port } = this.#place
    const own = isWildcard(host) ? (familyOf(host) === 6 ? '::1' : '127.0.0.1') : host
    const peer = encodeSocketAddress(this.#libc, own, port)
    return peer !== undefined && this.#libc.connect(this.fd, peer, peer.length) >= 0
  }

  listen(backlog: number): void {
    this.#check('listen', this.#libc.listen(this.fd, backlog))
  }

  close(): void {
    this.#libc.close(this.fd)
  }

  #setOption(level: number, option: number, value: number): number {
    return this.#libc.setsockopt(this.fd, level, option, new Int32Array([value]), 4)
  }

  #check(call: string, result: number): number {
    if (result < 0) throw libcSocketError(this.#place, call, this.#libc.errno())
    return result
  }
}
