import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../lib/log.js'
import type { DatagramSockets } from '../../lib/transport/datagram-transport.js'
import { batchObstacle } from '../../lib/transport/libc.js'
import { openDatagramSockets } from '../../lib/transport/open-datagram-sockets.js'
import { serveBatch } from '../../lib/transport/udp-batch.js'
import { EchoClient } from './echo-client.js'
import { COMMAND, WORD } from './echo-protocol.js'
import { EchoServer, EchoThread } from './echo-server.js'

const openFiles = () => readdirSync('/proc/self/fd').length

describe.skipIf(batchObstacle() !== undefined)('batch sockets', () => {
  it('keep what comes while no thread serves, for the next thread', async () => {
    await using server = new EchoServer(await open('127.0.0.1'))
    await server.start()
    await server.threads[0]!.worker.terminate()
    using client = await EchoClient.open('127.0.0.1')
    for (let i = 0; i < 100; i++) client.send(Uint8Array.of(0, i), '127.0.0.1', portOf(server.sockets))
    await server.start()
    for (let i = 0; i < 100; i++) expect((await client.next()).bytes[1]).toBe(i)
  })

  // All of it is queued before the thread starts, so that it meets whole batches with gaps in them.
  it.each(['127.0.0.1', '0.0.0.0'])(
    'give each client on %s its own responses when others are dropped',
    async (host) => {
      await using server = new EchoServer(await open(host))
      const clients = await Promise.all(Array.from({ length: 40 }, () => EchoClient.open('127.0.0.1')))
      const port = portOf(server.sockets)
      const asked = (i: number) => (host === '0.0.0.0' ? `127.0.0.${1 + (i % 7)}` : host)
      for (let round = 0; round < 6; round++) {
        for (const [i, client] of clients.entries()) {
          const command = (i + round) % 3 === 0 ? COMMAND.drop : COMMAND.echo
          client.send(Uint8Array.of(command, i, round), asked(i), port)
        }
      }
      await server.start()
      for (const [i, client] of clients.entries()) {
        for (let round = 0; round < 6; round++) {
          if ((i + round) % 3 === 0) continue
          const response = await client.next()
          expect([...response.bytes]).toEqual([0, i, round])
          expect(response.from).toMatchObject({ address: asked(i), port })
        }
        client[Symbol.dispose]()
      }
    },
  )

  it('reach a connected client from another loopback address than the first', async () => {
    await using server = new EchoServer(await open('0.0.0.0'))
    await server.start()
    using client = await EchoClient.open('127.0.0.1')
    // A connected socket takes datagrams from its peer alone: a wrong source address would be silence.
    await new Promise<void>((resolve) => client.socket.connect(portOf(server.sockets), '127.0.0.2', resolve))
    client.socket.send(Uint8Array.of(COMMAND.echo, 9))
    expect((await client.next()).from.address).toBe('127.0.0.2')
  })

  it.each(['127.0.0.1', '::1', '0.0.0.0', '::'])(
    'on %s are given nothing more once they have left, and what is queued is answered before the thread ends',
    async (host) => {
      await using server = new EchoServer(await open(host))
      const asked = host.includes(':') ? '::1' : '127.0.0.1'
      const port = portOf(server.sockets)
      const others = await openDatagramSockets({
        kind: 'batch',
        addresses: [{ host, port, share: true }],
        threads: 1,
        logger: silentLogger,
      })
      await using second = new EchoServer(others)
      const clients = await Promise.all(Array.from({ length: 50 }, () => EchoClient.open(asked)))
      const sendAll = (round: number) =>
        Promise.all(
          clients.map(
            ({ socket }) =>
              new Promise((resolve) => socket.send(Uint8Array.of(COMMAND.echo, round), port, asked, resolve)),
          ),
        )
      // Not bound yet: all of these are the first one's.
      await sendAll(0)
      others.join()
      server.sockets.leave()
      await sendAll(1)
      await server.start()
      await server.stop()
      expect(server.threads[0]!.read(WORD.answered)).toBe(50)
      await second.start()
      for (const client of clients) {
        expect([(await client.next()).bytes[1], (await client.next()).bytes[1]]).toEqual([0, 1])
        client[Symbol.dispose]()
      }
      // A thread counts a batch once it has sent it, which a client may be told of first.
      await second.stop()
      expect(second.threads[0]!.read(WORD.answered)).toBe(50)
    },
  )

  it('are all closed again when one cannot be opened', async () => {
    await open('127.0.0.1').then((sockets) => sockets.close())
    const before = openFiles()
    const addresses = ['127.0.0.1', '192.0.2.1'].map((host) => ({ host, port: 0, share: false }))
    const opening = openDatagramSockets({ kind: 'batch', addresses, threads: 3, logger: silentLogger })
    await expect(opening).rejects.toMatchObject({ code: 'CDNS_ADDRESS_UNAVAILABLE' })
    expect(openFiles()).toBe(before)
  })

  it('leave no file open when they are closed', async () => {
    await open('127.0.0.1').then((sockets) => sockets.close())
    const before = openFiles()
    const sockets = await open('::1')
    expect(openFiles()).toBe(before + 2)
    sockets.close()
    expect(openFiles()).toBe(before)
  })

  it('end their loop with an error when their descriptor is none', () => {
    const endpoints = { kind: 'batch', wakeFd: -1, sockets: [{ fd: 100_000, family: 4, wildcard: false }] } as const
    const handler = { beginBatch() {}, answer: () => 0, endBatch() {} }
    expect(() => serveBatch(endpoints, handler, { tick: () => true })).toThrow(
      expect.objectContaining({ code: 'CDNS_SOCKET_FAILED' }),
    )
  })

  it('wake a thread that was woken before it began', async () => {
    await using server = new EchoServer(await open('127.0.0.1'))
    server.sockets.wake(0)
    const thread = new EchoThread(server.sockets, 0)
    await thread.started()
    expect(await thread.stop()).toBeLessThan(3_000)
  })
})

function open(host: string): Promise<DatagramSockets> {
  const addresses = [{ host, port: 0, share: false }]
  return openDatagramSockets({ kind: 'batch', addresses, threads: 1, logger: silentLogger })
}

function portOf(sockets: DatagramSockets): number {
  return sockets.addresses[0]!.port
}
