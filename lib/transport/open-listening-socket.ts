import type { Libc } from './libc.js'
import { SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET } from './linux-constants.js'
import type { SocketPlace } from './socket-error.js'
import { type BindManner, SystemSocket } from './system-socket.js'

/** Opens a TCP socket and binds it. It takes no connections before it listens. */
export function openListeningSocket(libc: Libc, place: SocketPlace, manner: BindManner): SystemSocket {
  const socket = new SystemSocket(libc, place, SOCK_STREAM)
  return socket.closingOnFailure(() => {
    // Connections that a server before us has closed hold the port for a minute (TIME_WAIT); one that listens still counts.
    socket.setOption(SOL_SOCKET, SO_REUSEADDR, 1)
    socket.bind(manner)
  })
}
