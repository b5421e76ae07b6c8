import type { Libc } from './libc.js'
import {
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVPKTINFO,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_DGRAM,
  SOL_SOCKET,
} from './linux-constants.js'
import { familyOf, isWildcard } from './socket-address.js'
import { RECEIVE_BUFFER_BYTES, SEND_BUFFER_BYTES } from './socket-buffers.js'
import type { SocketPlace } from './socket-error.js'
import { SystemSocket } from './system-socket.js'

/** Opens a socket for datagrams that is still to be bound. */
export function openBatchSocket(libc: Libc, place: SocketPlace): SystemSocket {
  const socket = new SystemSocket(libc, place, SOCK_DGRAM)
  return socket.closingOnFailure(() => {
    if (isWildcard(place.host)) askForAddress(socket, familyOf(place.host))
    setBuffer(socket, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    setBuffer(socket, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER_BYTES)
  })
}

/** Has the kernel say with each datagram which address it was sent to. */
function askForAddress(socket: SystemSocket, family: 4 | 6): void {
  if (family === 6) socket.setOption(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
  else socket.setOption(IPPROTO_IP, IP_PKTINFO, 1)
}

/** The forced size needs a privilege; without it, the plain option takes what the system's limit allows. */
function setBuffer(socket: SystemSocket, forced: number, plain: number, size: number): void {
  if (!socket.trySetOption(SOL_SOCKET, forced, size)) socket.setOption(SOL_SOCKET, plain, size)
}
