import type { Libc } from './libc.js'
import {
  AF_INET,
  AF_INET6,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVPKTINFO,
  IPV6_V6ONLY,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from './linux-constants.js'
import { encodeSocketAddress, familyOf, isWildcard, portOf, SOCKADDR_IN6_SIZE } from './socket-address.js'
import { RECEIVE_BUFFER_BYTES, SEND_BUFFER_BYTES } from './socket-buffers.js'
import { libcSocketError, type SocketPlace, socketError } from './socket-error.js'

/**
 * Binds one socket and returns its descriptor. Others can join it on its port, whichever way it was bound.
 *
 * `exclusive` fails if anybody is bound there: a bind with SO_REUSEPORT succeeds in silence beside another one of the
 * same user. The option may be set after the bind, so that the check and the bind are one call, with no gap between.
 */
export function openBatchSocket(libc: Libc, place: SocketPlace, bind: 'exclusive' | 'join'): number {
  const address = encodeSocketAddress(libc, place.host, place.port)
  if (address === undefined) throw socketError(place, 'EADDRNOTAVAIL', new Error('not an IP address'))
  const isV6 = familyOf(place.host) === 6
  const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC
  const fd = check(libc, place, 'socket', libc.socket(isV6 ? AF_INET6 : AF_INET, type, 0))
  try {
    if (isV6) setOption(libc, fd, place, IPPROTO_IPV6, IPV6_V6ONLY, 1)
    if (isWildcard(place.host)) {
      if (isV6) setOption(libc, fd, place, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
      else setOption(libc, fd, place, IPPROTO_IP, IP_PKTINFO, 1)
    }
    setBuffer(libc, fd, place, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    setBuffer(libc, fd, place, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER_BYTES)
    if (bind === 'join') setOption(libc, fd, place, SOL_SOCKET, SO_REUSEPORT, 1)
    check(libc, place, 'bind', libc.bind(fd, address, address.length))
    if (bind === 'exclusive') setOption(libc, fd, place, SOL_SOCKET, SO_REUSEPORT, 1)
  } catch (error) {
    libc.close(fd)
    throw error
  }
  return fd
}

/** The port that a socket got, where 0 was asked for. */
export function boundPort(libc: Libc, fd: number, place: SocketPlace): number {
  const address = new Uint8Array(SOCKADDR_IN6_SIZE)
  check(libc, place, 'getsockname', libc.getsockname(fd, address, new Uint32Array([address.length])))
  return portOf(address)
}

export function setOption(
  libc: Libc,
  fd: number,
  place: SocketPlace,
  level: number,
  option: number,
  value: number,
): void {
  check(libc, place, 'setsockopt', libc.setsockopt(fd, level, option, new Int32Array([value]), 4))
}

/** The forced size needs a privilege; without it, the plain option takes what the system's limit allows. */
function setBuffer(libc: Libc, fd: number, place: SocketPlace, forced: number, plain: number, size: number): void {
  if (libc.setsockopt(fd, SOL_SOCKET, forced, new Int32Array([size]), 4) < 0) {
    setOption(libc, fd, place, SOL_SOCKET, plain, size)
  }
}

/** Passes a result of libc on, or throws what errno says. */
export function check(libc: Pick<Libc, 'errno'>, place: SocketPlace, call: string, result: number): number {
  if (result < 0) throw libcSocketError(place, call, libc.errno())
  return result
}
