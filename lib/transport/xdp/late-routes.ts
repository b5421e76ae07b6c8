import { ROUTE_CONTROL, ROUTE_CONTROL_LENGTH, ROUTE_NAME } from '../batch-socket.js'
import type { XdpListener } from '../datagram-transport.js'
import { AF_INET, AF_INET6 } from '../linux-constants.js'
import { writePacketInfo } from '../packet-info.js'
import { FAMILY, IPV4_ADDRESS, IPV6_ADDRESS, IPV6_SCOPE, PORT, SOCKADDR_IN6_SIZE } from '../socket-address.js'
import {
  IPV4_DESTINATION,
  IPV4_SIZE,
  IPV4_SOURCE,
  IPV6_DESTINATION,
  IPV6_SIZE,
  IPV6_SOURCE,
  UDP_DESTINATION,
  UDP_SOURCE,
} from './frame-layout.js'

/**
 * Routes of responses that come late. They go out through the kernel's socket of the same address, as if their query had come there: the
 * thread that sends them may be another one, which must not write into our rings, and by then the way back to the client may be another.
 */
export class LateRoutes {
  readonly #listeners: readonly XdpListener[]
  readonly #interfaceIndex: number
  readonly #addresses = { 4: new Uint8Array(4), 16: new Uint8Array(16) } as const

  /** Listener i is that of socket i of the thread. */
  constructor(listeners: readonly XdpListener[], interfaceIndex: number) {
    this.#listeners = listeners
    this.#interfaceIndex = interfaceIndex
  }

  /** `network` is where the IP header of the request begins in `frames`. The route is what `BatchSocket.routeLate` reads. */
  save(frames: Uint8Array, network: number, isIpv6: boolean, target: Uint8Array, at: number): void {
    const size = isIpv6 ? 16 : 4
    const own = network + (isIpv6 ? IPV6_DESTINATION : IPV4_DESTINATION)
    const client = network + (isIpv6 ? IPV6_SOURCE : IPV4_SOURCE)
    const transport = network + (isIpv6 ? IPV6_SIZE : IPV4_SIZE)
    const address = this.#addresses[size]
    for (let i = 0; i < size; i++) address[i] = frames[own + i]!
    const number = this.#listenerOf(address, portAt(frames, transport + UDP_DESTINATION))
    target[at] = number
    target[at + ROUTE_CONTROL_LENGTH] = this.#listeners[number]!.wildcard
      ? writePacketInfo(target, at + ROUTE_CONTROL, address, this.#interfaceIndex)
      : 0
    const name = at + ROUTE_NAME
    target.fill(0, name, name + SOCKADDR_IN6_SIZE)
    target[name + FAMILY] = isIpv6 ? AF_INET6 : AF_INET
    for (let i = 0; i < 2; i++) target[name + PORT + i] = frames[transport + UDP_SOURCE + i]!
    for (let i = 0; i < size; i++) target[name + (isIpv6 ? IPV6_ADDRESS : IPV4_ADDRESS) + i] = frames[client + i]!
    if (isIpv6 && isLinkLocal(frames, client)) this.#writeScope(target, name + IPV6_SCOPE)
  }

  /** The program lets nothing through that is for none of them; an address of its own comes before a wildcard, as it does in the kernel. */
  #listenerOf(address: Uint8Array, port: number): number {
    let found = 0
    for (const [i, listener] of this.#listeners.entries()) {
      if (listener.port !== port || listener.address.length !== address.length) continue
      if (listener.wildcard) found = i
      else if (isEqual(listener.address, address)) return i
    }
    return found
  }

  #writeScope(target: Uint8Array, at: number): void {
    for (let i = 0; i < 4; i++) target[at + i] = this.#interfaceIndex >>> (8 * i)
  }
}

function portAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false
  return true
}

/** RFC 4291 §2.5.6: fe80::/10, which means nothing without an interface. */
function isLinkLocal(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xfe && (bytes[at + 1]! & 0xc0) === 0x80
}
