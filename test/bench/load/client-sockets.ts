import { createRequire } from 'node:module'
import type { Libc } from '../../../lib/transport/libc.js'
import { openBatchSocket } from '../../../lib/transport/open-batch-socket.js'
import { encodeSocketAddress } from '../../../lib/transport/socket-address.js'

/** Opens sockets, each on a port of its own and connected to the server: a send then looks up no route. Returns descriptors. */
export function openClientSockets(libc: Libc, count: number, port: number, host = '127.0.0.1'): number[] {
  const server = encodeSocketAddress(libc, host, port)!
  const connect = loadConnect()
  return Array.from({ length: count }, () => {
    const { fd } = openBatchSocket(libc, { host, port: 0 })
    if (connect(fd, server, server.length) < 0) throw new Error(`connect failed with errno ${libc.errno()}`)
    return fd
  })
}

/** The one call of libc that a server has no use for. */
function loadConnect(): (fd: number, address: Uint8Array, length: number) => number {
  const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi')
  return koffi.load(null).func('int connect(int fd, void *address, uint32_t addressLength)') as never
}
