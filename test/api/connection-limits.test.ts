import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limitConnections } from '../../lib/api/connection-limits.js'
import { silentLogger } from '../../lib/log.js'
import { eventually } from '../support/eventually.js'

const UNREAD_MS = 200
const LARGE = Buffer.alloc(100_000, 'x')

let server: Server
let open = 0
beforeEach(async () => {
  open = 0
  server = createServer(async ({ url }, response) => {
    if (url === '/slow') await sleep(3 * UNREAD_MS)
    response.end(LARGE)
  })
  server.on('connection', (socket) => {
    open++
    socket.on('close', () => open--)
  })
  limitConnections(server, silentLogger, UNREAD_MS)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

const port = () => (server.address() as AddressInfo).port

describe('a connection to the API', () => {
  it('is ended where responses are asked for and not read', async () => {
    const socket = connect(port(), '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(500)))
    socket.on('error', () => {})
    socket.pause()
    await once(server, 'request')
    expect(open).toBe(1)
    await eventually(() => expect(open).toBe(0))
    socket.destroy()
  })

  it('lives for as long as a response takes to be made', async () => {
    const response = await fetch(`http://127.0.0.1:${port()}/slow`)
    expect((await response.arrayBuffer()).byteLength).toBe(LARGE.length)
    const socket = connect(port(), '127.0.0.1', () => {
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
    })
    let received = 0
    socket.on('data', ({ length }) => {
      received += length
    })
    await eventually(() => expect(received).toBeGreaterThan(2 * LARGE.length))
    socket.destroy()
  })
})
