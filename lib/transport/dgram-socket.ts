import { createSocket, type Socket, type SocketOptions } from 'node:dgram'
import { once } from 'node:events'
import { familyOf } from './socket-address.js'
import { RECEIVE_BUFFER_BYTES, SEND_BUFFER_BYTES } from './socket-buffers.js'
import { type SocketPlace, socketError, systemNameOf } from './socket-error.js'

/** A socket of Node's, not yet bound. `reusePort` only where `canReusePort` says so. */
export function createDgramSocket(family: 4 | 6, reusePort: boolean): Socket {
  const options: SocketOptionsWithReusePort = {
    type: family === 6 ? 'udp6' : 'udp4',
    ipv6Only: family === 6,
    reusePort,
    lookup: literalLookup,
  }
  return createSocket(options)
}

/** Resolves once datagrams come in; add the listener for them before. */
export async function bindDgramSocket(socket: Socket, { host, port }: SocketPlace): Promise<void> {
  // Asked for first: with a look-up that answers at once, the event comes before bind() returns.
  const listening = once(socket, 'listening')
  try {
    // `exclusive`: in a cluster's worker, the primary would otherwise bind, and hold on to, the port.
    socket.bind({ address: host, port, exclusive: true })
    await listening
  } catch (error) {
    throw socketError({ host, port }, systemNameOf(error), error)
  }
  grow(RECEIVE_BUFFER_BYTES, (size) => socket.setRecvBufferSize(size))
  grow(SEND_BUFFER_BYTES, (size) => socket.setSendBufferSize(size))
}

/** Node's types of version 20 do not know `reusePort` yet. */
type SocketOptionsWithReusePort = SocketOptions & { reusePort: boolean }

/** All hosts here are addresses. Node's own look-up of one takes a turn of the event loop, for every response. */
const literalLookup = ((host: string, _: unknown, done: (error: null, address: string, family: number) => void) => {
  done(null, host, familyOf(host))
}) as NonNullable<SocketOptions['lookup']>

/** Linux cuts a size to its limit, others refuse it: half as much, then, down to what every system starts with. */
function grow(wanted: number, set: (size: number) => void): void {
  for (let size = wanted; size >= SMALLEST_BUFFER_BYTES; size /= 2) {
    try {
      set(size)
      return
    } catch {
      // Refused: the loop asks for less.
    }
  }
}

/** What is asked for at least; less is less than the systems' own default. */
const SMALLEST_BUFFER_BYTES = 64 * 1024
