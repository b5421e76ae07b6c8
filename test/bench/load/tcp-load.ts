import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { queryMessage } from '../../../lib/wire/query-message.js'
import { hostName } from '../names.js'

const TYPE_A = 1
/** Below the server's limit for one address; all of 127/8 is this host. */
const CONNECTIONS_PER_ADDRESS = 200

/** Opens connections, from as many addresses as it takes. */
export async function openConnections(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  for (let i = 0; i < count; i++) {
    const localAddress = `127.0.1.${1 + Math.floor(i / CONNECTIONS_PER_ADDRESS)}`
    const socket = connect({ host: '127.0.0.1', port, localAddress, noDelay: true })
    socket.on('error', () => {})
    sockets.push(socket)
    await once(socket, 'connect')
  }
  return sockets
}

/** From the connect of a new client until it has its answer. */
export async function newClientMs(port: number): Promise<number> {
  const from = performance.now()
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  socket.write(framedQuery(0))
  await once(socket, 'data')
  socket.destroy()
  return performance.now() - from
}

/** Asks over connections, `depth` queries in flight on each, until `stop`. */
export class TcpLoad {
  responses = 0
  readonly #sockets: readonly Socket[]

  constructor(sockets: readonly Socket[], depth: number) {
    this.#sockets = sockets
    for (const [i, socket] of sockets.entries()) {
      const query = framedQuery(i)
      const counter = new FrameCounter()
      socket.on('data', (chunk: Buffer) => {
        const count = counter.count(chunk)
        this.responses += count
        if (count > 0) socket.write(Buffer.concat(Array(count).fill(query)))
      })
      socket.write(Buffer.concat(Array(depth).fill(query)))
    }
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

/** Counts whole messages in a stream, and looks at none. */
export class FrameCounter {
  #rest: Uint8Array = Buffer.alloc(0)

  count(chunk: Buffer): number {
    const bytes = Buffer.concat([this.#rest, chunk])
    let at = 0
    let count = 0
    while (bytes.length - at >= 2 && bytes.length - at >= 2 + bytes.readUInt16BE(at)) {
      at += 2 + bytes.readUInt16BE(at)
      count++
    }
    this.#rest = bytes.subarray(at)
    return count
  }
}

function framedQuery(host: number): Buffer {
  const message = queryMessage(hostName(host), TYPE_A, 1)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}
