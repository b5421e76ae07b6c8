import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { type ContainerDns, createContainerDns } from 'containerdns'
import { createTestServer, type TestServerOptions } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { canReusePort } from '../../lib/transport/reuse-port.js'
import { activeResources, expectNothingLeft } from '../support/active-resources.js'
import { buildQuery } from '../support/build-query.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'
import { framed, TcpClient } from '../support/tcp-client.js'
import { UdpClient } from '../support/udp-client.js'

const MANY = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
const ANSWER = { rcode: 'NOERROR', flags: 'QR AA RD', answer: ['a.example. 30 A 192.0.2.1'] }
const QUERY = framed(buildQuery('a.example'))
const LARGE_QUERY = framed(buildQuery('many.example'))

function start(options: TestServerOptions = {}) {
  return createTestServer({
    rrsets: [
      { name: 'a.example', type: 'A', data: ['192.0.2.1'] },
      { name: 'many.example', type: 'A', data: MANY },
    ],
    ...options,
  })
}

/** All messages byte by byte; each byte is given to the kernel by itself. */
async function writeBytewise(client: TcpClient, bytes: Uint8Array): Promise<void> {
  for (const byte of bytes) await new Promise<void>((done) => client.socket.write(Uint8Array.of(byte), () => done()))
}

describe.each([
  ['batch', '127.0.0.1'],
  ['batch', '::1'],
  ['batch', '0.0.0.0'],
  ['dgram', '127.0.0.1'],
  ['dgram', '::1'],
] as const)('TCP beside %s on %s', (transport, host) => {
  const listen = { host, port: 0 }
  const reached = (server: { port: number }) => ({ host: host === '0.0.0.0' ? '127.0.0.1' : host, port: server.port })

  it('answers on the port that UDP has', async () => {
    await using server = await start({ transport, listen })
    const { port } = server
    expect(server.addresses).toEqual([
      { protocol: 'udp', host, port },
      { protocol: 'tcp', host, port },
    ])
    await using client = await TcpClient.open(reached(server))
    expectResponse(await client.ask('a.example'), ANSWER)
    await using udp = await UdpClient.open(reached(server))
    expect(await udp.ask('a.example')).toMatchObject({ rcode: 'NOERROR' })
  })

  it('answers dig', async () => {
    await using server = await start({ transport, listen })
    const at = reached(server)
    const question = [`@${at.host}`, '-p', String(at.port), '+tcp', '+short', '+tries=1', '+time=2', 'many.example']
    const { stdout } = await promisify(execFile)('dig', question)
    expect(stdout.trim().split('\n').sort()).toEqual([...MANY].sort())
  })

  it('takes messages byte by byte, and several in one segment', async () => {
    await using server = await start({ transport, listen })
    await using client = await TcpClient.open(reached(server))
    await writeBytewise(client, Buffer.concat([QUERY, QUERY]))
    for (let i = 0; i < 2; i++) expectResponse(await client.next(), ANSWER)
    client.socket.write(Buffer.concat([QUERY, LARGE_QUERY, QUERY.subarray(0, 5)]))
    expectResponse(await client.next(), ANSWER)
    expect(describeResponse(await client.next()).answer).toHaveLength(1000)
    client.socket.write(QUERY.subarray(5))
    expectResponse(await client.next(), ANSWER)
  })

  it('closes with connections open, and leaves no handle', async () => {
    const before = activeResources()
    const server = await start({ transport, listen })
    const clients = await Promise.all(Array.from({ length: 20 }, () => TcpClient.open(reached(server))))
    clients[0]!.socket.write(QUERY.subarray(0, 5))
    clients[1]!.socket.write(QUERY)
    const startedAt = performance.now()
    await server.close()
    // 500 ms are promised to a host on a machine that has nothing else to do; what hangs takes seconds.
    expect(performance.now() - startedAt).toBeLessThan(3_000)
    for (const client of clients) await client[Symbol.asyncDispose]()
    await expectNothingLeft(before)
  })
})

describe('a client that pipelines', () => {
  it('and does not read gets 1 000 answers once it does', async () => {
    await using server = await start()
    await using client = await TcpClient.open(server)
    client.socket.pause()
    const ids = Array.from({ length: 1000 }, (_, id) => id)
    client.socket.write(Buffer.concat(ids.map((id) => framed(buildQuery('many.example', 'A', { id })))))
    // 16 MB of answers: more than the kernel's buffers hold.
    await expect.poll(() => server.stats().counters.tcpQueries).toBeGreaterThan(10)
    client.socket.resume()
    for (const id of ids) expect((await client.next()).readUInt16BE(0)).toBe(id)
    expect(client.messages).toEqual([])
  })

  it('10 000 queries and reads late gets each answer once, in order', async () => {
    await using server = await start()
    await using client = await TcpClient.open(server)
    client.socket.pause()
    const ids = Array.from({ length: 10_000 }, (_, id) => id)
    client.socket.write(Buffer.concat(ids.map((id) => framed(buildQuery('a.example', 'A', { id })))))
    await expect.poll(() => server.stats().counters.tcpQueries).toBeGreaterThan(100)
    client.socket.resume()
    const got: number[] = []
    for (const _ of ids) got.push((await client.next()).readUInt16BE(0))
    expect(got).toEqual(ids)
    expect(client.messages).toEqual([])
  })

  it('and never reads is answered no more, and closed when its time is over', async () => {
    await using server = await start({ tcp: { idleTimeoutMs: 500 } })
    await using client = await TcpClient.open(server)
    client.socket.pause()
    for (let i = 0; i < 10; i++) client.socket.write(Buffer.concat(Array(1000).fill(LARGE_QUERY)))
    await expect.poll(() => server.stats().counters, { timeout: 5_000 }).toMatchObject({ tcpIdleClosed: 1 })
    // Each answer is 16 KB: 10 000 would be 160 MB, and the kernel takes some MB of them.
    expect(server.stats().counters.tcpQueries).toBeLessThan(2_000)
    await using other = await TcpClient.open(server)
    expectResponse(await other.ask('a.example'), ANSWER)
  })

  it('without an end does not keep others waiting', async () => {
    await using server = await start()
    const flood = Buffer.concat(Array(2000).fill(QUERY))
    const clients = await Promise.all(Array.from({ length: 8 }, () => TcpClient.open(server)))
    for (const { socket } of clients) {
      socket.removeAllListeners('data')
      socket.resume()
      const send = () => {
        if (!socket.destroyed) socket.write(flood, send)
      }
      send()
    }
    for (let i = 0; i < 10; i++) {
      await using other = await TcpClient.open(server)
      expectResponse(await other.ask('a.example'), ANSWER)
    }
    await using udp = await UdpClient.open(server)
    expect(await udp.ask('a.example')).toMatchObject({ rcode: 'NOERROR' })
    for (const client of clients) await client[Symbol.asyncDispose]()
    expect(server.stats().threads).toMatchObject([{ restarts: 0 }, { restarts: 0 }])
  })
})

describe('a client that goes away', () => {
  it('in the middle of a response does no harm, however often', async () => {
    await using server = await start()
    for (let i = 0; i < 50; i++) {
      const client = await TcpClient.open(server)
      client.socket.pause()
      client.socket.write(Buffer.concat(Array(300).fill(LARGE_QUERY)))
      client.socket.resetAndDestroy()
    }
    await using client = await TcpClient.open(server)
    expectResponse(await client.ask('a.example'), ANSWER)
    await expect.poll(() => server.stats().tcp.open).toBe(1)
    expect(server.stats().threads).toMatchObject([{ restarts: 0 }, { restarts: 0 }])
  })

  it('with half of a message sent is forgotten', async () => {
    await using server = await start()
    await using client = await TcpClient.open(server)
    client.socket.end(QUERY.subarray(0, 7))
    await client.untilEnded()
    await expect.poll(() => server.stats().tcp.open).toBe(0)
    expect(server.stats().counters.tcpQueries).toBe(0)
  })
})

describe('a message', () => {
  it.each([0, 1, 11])('of %i bytes ends the connection, after the answers to those before it', async (length) => {
    await using server = await start()
    await using client = await TcpClient.open(server)
    client.socket.write(Buffer.concat([QUERY, framed(new Uint8Array(length)), QUERY]))
    expectResponse(await client.next(), ANSWER)
    await client.untilEnded()
    expect(client.messages).toEqual([])
    expect(server.stats().counters).toMatchObject({ tcpQueries: 1, tcpIdleClosed: 0 })
  })

  it('that is announced with 65535 bytes and does not come ends the connection when its time is over', async () => {
    await using server = await start({ tcp: { idleTimeoutMs: 300 } })
    await using client = await TcpClient.open(server)
    client.socket.write(Uint8Array.of(0xff, 0xff, ...new Uint8Array(40)))
    await client.untilEnded()
    await expect.poll(() => server.stats().counters).toMatchObject({ tcpIdleClosed: 1, tcpQueries: 0 })
  })

  it('of 65535 bytes is answered, cut or not', async () => {
    await using server = await start()
    await using client = await TcpClient.open(server)
    const padded = new Uint8Array(65535)
    padded.set(buildQuery('a.example'))
    client.socket.write(Buffer.concat([framed(padded), QUERY]))
    expect(describeResponse(await client.next()).flags).toContain('QR')
    expectResponse(await client.next(), ANSWER)
  })

  it('that is a response gets none, and the connection goes on', async () => {
    await using server = await start()
    await using client = await TcpClient.open(server)
    client.socket.write(framed(buildQuery('a.example', 'A', { flags: 0x8000 })))
    expectResponse(await client.ask('a.example'), ANSWER)
  })
})

describe('a connection', () => {
  it('that brings a byte now and then is closed like one that brings nothing', async () => {
    await using server = await start({ tcp: { idleTimeoutMs: 400 } })
    await using client = await TcpClient.open(server)
    const startedAt = performance.now()
    const timer = setInterval(() => client.socket.write(Uint8Array.of(0)), 20)
    client.socket.write(Uint8Array.of(0xff))
    await client.untilEnded()
    clearInterval(timer)
    expect(performance.now() - startedAt).toBeGreaterThan(300)
    await expect.poll(() => server.stats().counters).toMatchObject({ tcpIdleClosed: 1 })
  })

  it('too many of one client is refused, those it has and other clients go on', async () => {
    await using server = await start({ tcp: { maxConnectionsPerClient: 2 } })
    await using first = await TcpClient.open(server)
    await using second = await TcpClient.open(server)
    await second.ask('a.example')
    await isRefused(server)
    await using other = await TcpClient.open(server, '127.0.0.2')
    for (const client of [first, second, other]) expectResponse(await client.ask('a.example'), ANSWER)
    expect(server.stats()).toMatchObject({ tcp: { open: 3 }, counters: { tcpAccepted: 3, tcpRefused: 1 } })
    await first[Symbol.asyncDispose]()
    await expect.poll(() => server.stats().tcp.open).toBe(2)
    await using fourth = await TcpClient.open(server)
    expectResponse(await fourth.ask('a.example'), ANSWER)
  })

  it('too many in all closes the one that has been idle for longest', async () => {
    await using server = await start({ tcp: { maxConnections: 2 } })
    await using first = await TcpClient.open(server)
    await first.ask('a.example')
    await using second = await TcpClient.open(server)
    await second.ask('a.example')
    await first.ask('a.example')
    await using third = await TcpClient.open(server)
    await second.untilEnded()
    for (const client of [first, third]) expectResponse(await client.ask('a.example'), ANSWER)
    await expect
      .poll(() => server.stats())
      .toMatchObject({ tcp: { open: 2 }, counters: { tcpEvicted: 1, tcpRefused: 0 } })
  })

  it('can be opened and is answered at once while 2 000 others say next to nothing', async () => {
    await using server = await start({ tcp: { maxConnectionsPerClient: 3000, idleTimeoutMs: 60_000 } })
    const slow: TcpClient[] = []
    for (let i = 0; i < 20; i++) {
      slow.push(...(await Promise.all(Array.from({ length: 100 }, () => TcpClient.open(server)))))
    }
    for (const { socket } of slow) socket.write(Uint8Array.of(0))
    await expect.poll(() => server.stats().tcp.open).toBe(2000)
    const startedAt = performance.now()
    await using client = await TcpClient.open(server)
    expectResponse(await client.ask('a.example'), ANSWER)
    // 2 ms on a machine that has nothing else to do.
    expect(performance.now() - startedAt).toBeLessThan(3_000)
    await Promise.all(slow.map((each) => each[Symbol.asyncDispose]()))
  })
})

describe('a port', () => {
  it('that is in use for TCP alone is one in use', async () => {
    // A port that was free for both a moment ago.
    const first = await start()
    const { port } = first
    await first.close()
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve))
    for (const transport of ['batch', 'dgram'] as const) {
      const starting = createContainerDns({ listen: { port }, transport })
      await expect(starting).rejects.toMatchObject({ code: 'CDNS_PORT_IN_USE' })
    }
    await using server = await createContainerDns({ listen: { port, protocols: ['udp'] }, workers: 1 })
    expect(server.addresses).toEqual([{ protocol: 'udp', host: '127.0.0.1', port }])
    await new Promise((resolve) => taken.close(resolve))
  })

  it('can be shared by the next server, and the next server alone is left then (batch)', async () => {
    await using first = await start({ transport: 'batch' })
    const listen = { port: first.port, share: true }
    await using second = await start({ transport: 'batch', listen })
    await first.close()
    for (let i = 0; i < 10; i++) await answersAt(second)
  })

  it('can be shared with dgram where Node knows how, and is in use where it does not', async () => {
    await using first = await start({ transport: 'dgram' })
    const sharing = start({ transport: 'dgram', listen: { port: first.port, share: true } })
    if (canReusePort()) {
      await using second = await sharing
      await first.close()
      await answersAt(second)
    } else {
      await expect(sharing).rejects.toMatchObject({ code: 'CDNS_PORT_IN_USE' })
    }
  })

  it('is free again at once after a server has closed connections on it', async () => {
    const first = await start()
    await using client = await TcpClient.open(first)
    await client.ask('a.example')
    await first.close()
    await client.untilEnded()
    await using second = await start({ listen: { port: first.port } })
    await answersAt(second)
  })
})

/** The reset may come before the client has seen that it was connected. */
async function isRefused(server: { host: string; port: number }): Promise<void> {
  try {
    await using client = await TcpClient.open(server)
    await client.untilEnded()
  } catch (error) {
    expect(error).toMatchObject({ code: 'ECONNRESET' })
  }
}

async function answersAt(server: ContainerDns): Promise<void> {
  await using client = await TcpClient.open(server.addresses[1]!)
  expectResponse(await client.ask('a.example'), ANSWER)
}
