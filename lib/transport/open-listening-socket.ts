import type { Libc } from './libc.js'
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from './linux-constants.js'
import { check, setOption } from './open-batch-socket.js'
import { encodeSocketAddress, familyOf } from './socket-address.js'
import { type SocketPlace, socketError } from './socket-error.js'
import { BACKLOG } from './tcp-listen.js'

/**
 * Binds a TCP socket, listens on it and returns its descriptor.
 *
 * `exclusive` fails if anybody listens there; others can `join` it all the same, as those of UDP: see `openBatchSocket`.
 */
export function openListeningSocket(libc: Libc, place: SocketPlace, bind: 'exclusive' | 'join'): number {
  const address = encodeSocketAddress(libc, place.host, place.port)
  if (address === undefined) throw socketError(place, 'EADDRNOTAVAIL', new Error('not an IP address'))
  const isV6 = familyOf(place.host) === 6
  const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC
  const fd = check(libc, place, 'socket', libc.socket(isV6 ? AF_INET6 : AF_INET, type, 0))
  try {
    if (isV6) setOption(libc, fd, place, IPPROTO_IPV6, IPV6_V6ONLY, 1)
    // Connections that a server before us has closed hold the port for a minute (TIME_WAIT); one that listens still counts.
    setOption(libc, fd, place, SOL_SOCKET, SO_REUSEADDR, 1)
    if (bind === 'join') setOption(libc, fd, place, SOL_SOCKET, SO_REUSEPORT, 1)
    check(libc, place, 'bind', libc.bind(fd, address, address.length))
    if (bind === 'exclusive') setOption(libc, fd, place, SOL_SOCKET, SO_REUSEPORT, 1)
    check(libc, place, 'listen', libc.listen(fd, BACKLOG))
  } catch (error) {
    libc.close(fd)
    throw error
  }
  return fd
}
