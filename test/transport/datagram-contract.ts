import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { ContainerDnsError, type ErrorCode } from '../../lib/errors.js'
import { type Logger, silentLogger } from '../../lib/log.js'
import {
  type DatagramAddress,
  MAX_REQUEST_SIZE,
  MAX_RESPONSE_SIZE,
  type TransportKind,
} from '../../lib/transport/datagram-transport.js'
import { openDatagramSockets } from '../../lib/transport/open-datagram-sockets.js'
import type { ParsedXdp } from '../../lib/transport/xdp/options.js'
import { EchoClient } from './echo-client.js'
import { COMMAND, WORD } from './echo-protocol.js'
import { startEchoServer } from './echo-server.js'

/** What is promised takes 200 ms; what hangs never ends. */
const HANG_MS = 3_000

const echo = (...bytes: number[]) => Uint8Array.of(COMMAND.echo, ...bytes)

/** Where a transport is tried out: which addresses it answers at, and how clients get there. */
export interface ContractPlace {
  readonly kind: TransportKind
  readonly xdp?: ParsedXdp
  readonly ipv4: string
  /** Another address of the same host. */
  readonly ipv4Too: string
  readonly ipv6: string
  readonly wildcards: readonly (readonly [wildcard: string, host: string])[]
  /** A socket of a client that asks at a host, bound. */
  openSocket(host: string): Promise<Socket>
}

/** What every datagram transport has to do. */
export function datagramContract(place: ContractPlace): void {
  const { kind, ipv4, ipv4Too, ipv6, wildcards } = place
  const openClient = async (host: string) => new EchoClient(await place.openSocket(host))
  const startServer = (hosts: readonly string[], threads = 1) => startEchoServer(place, hosts, threads)
  const openSockets = (addresses: readonly DatagramAddress[], threads: number, logger: Logger = silentLogger) =>
    openDatagramSockets({ kind, ...(place.xdp && { xdp: place.xdp }), addresses, threads, logger })
  // Frames are not cut into pieces: with headers of IPv4 and UDP, one of Ethernet holds this much.
  const largestResponse = kind === 'xdp' ? 1472 : MAX_RESPONSE_SIZE
  /** An interface has room for one: whoever comes second does without, where that will do. */
  const openBeside = (addresses: readonly DatagramAddress[]) => {
    const second = kind === 'xdp' ? 'auto-xdp' : kind
    const options = { kind: second, ...(place.xdp && { xdp: place.xdp }), addresses, threads: 1 } as const
    return openDatagramSockets({ ...options, logger: silentLogger })
  }
  const openOn = (host: string, port: number) => openSockets([{ host, port, share: false }], 2)

  it.each([ipv4, ipv6])('answers on %s, from the port that it says it has', async (host) => {
    await using server = await startServer([host])
    using client = await openClient(host)
    const [bound] = server.sockets.addresses
    const response = await client.ask(echo(1, 2, 3), host, bound!.port)
    expect([...response.bytes]).toEqual([0, 1, 2, 3])
    expect(response.from).toMatchObject({ address: host, port: bound!.port })
  })

  it.each(wildcards)('answers on the wildcard %s from the address that was asked', async (wildcard, host) => {
    await using server = await startServer([wildcard])
    using client = await openClient(host)
    const [bound] = server.sockets.addresses
    expect(bound!.host).toBe(wildcard)
    const response = await client.ask(echo(7), host, bound!.port)
    expect(response.from).toMatchObject({ address: host, port: bound!.port })
  })

  it('answers on both wildcards at one port', async () => {
    await using first = await startServer(['0.0.0.0'])
    const port = first.sockets.addresses[0]!.port
    const addresses = [{ host: '::', port, share: false }]
    const second = await openBeside(addresses)
    expect(second.addresses).toEqual([{ protocol: 'udp', host: '::', port }])
    second.close()
  })

  it('answers on several addresses at once', async () => {
    await using server = await startServer([ipv4, ipv4Too, ipv6])
    for (const { host, port } of server.sockets.addresses) {
      using client = await openClient(host)
      expect((await client.ask(echo(5), host, port)).from).toMatchObject({ address: host, port })
    }
  })

  it('answers every client when several threads share the port', async () => {
    await using server = await startServer([ipv4], 3)
    const port = server.sockets.addresses[0]!.port
    const clients = await Promise.all(Array.from({ length: 64 }, () => openClient(ipv4)))
    for (let round = 0; round < 5; round++) {
      const responses = await Promise.all(clients.map((client, i) => client.ask(echo(i, round), ipv4, port)))
      expect(responses.map(({ bytes }) => [...bytes])).toEqual(clients.map((_, i) => [0, i, round]))
    }
    for (const client of clients) client[Symbol.dispose]()
    // Which client meets which thread is a hash: that one of three meets none of 64 happens once in 10^11 runs.
    for (const thread of server.threads) expect(thread.read(WORD.answered)).toBeGreaterThan(0)
    expect(server.threads.length).toBe(server.sockets.threads)
  })

  it('sends nothing for a request that the handler drops', async () => {
    await using server = await startServer([ipv4])
    using client = await openClient(ipv4)
    const port = server.sockets.addresses[0]!.port
    for (let i = 0; i < 100; i++) {
      client.send(i % 3 === 0 ? echo(i) : Uint8Array.of(COMMAND.drop, i), ipv4, port)
    }
    const answered = Array.from({ length: 34 }, (_, i) => i * 3)
    for (const i of answered) expect([...(await client.next()).bytes]).toEqual([0, i])
    // The last response may be here before the thread has counted it.
    await expect.poll(() => server.threads[0]!.read(WORD.answered)).toBe(answered.length)
  })

  it('sends responses of the largest size', async () => {
    await using server = await startServer([ipv4])
    using client = await openClient(ipv4)
    const port = server.sockets.addresses[0]!.port
    // Sixteen at a time: with what the kernel needs beside them, they fit a client's buffer of the usual 208 KiB.
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 16; i++) client.send(Uint8Array.of(COMMAND.fill, 16 * round + i), ipv4, port)
      for (let i = 0; i < 16; i++) {
        const { bytes } = await client.next()
        expect(bytes.equals(Buffer.alloc(largestResponse, 16 * round + i))).toBe(true)
      }
    }
  })

  it('cuts a request that is longer than one may be', async () => {
    await using server = await startServer([ipv4])
    using client = await openClient(ipv4)
    const request = new Uint8Array(2 * MAX_REQUEST_SIZE).fill(COMMAND.length)
    const { bytes } = await client.ask(request, ipv4, server.sockets.addresses[0]!.port)
    expect(bytes.readUInt16BE()).toBe(MAX_REQUEST_SIZE)
  })

  it('passes an empty datagram on', async () => {
    await using server = await startServer([ipv4])
    using client = await openClient(ipv4)
    const { bytes } = await client.ask(new Uint8Array(0), ipv4, server.sockets.addresses[0]!.port)
    expect([...bytes]).toEqual([0, 0])
  })

  it('loses none of 20 000 requests, and ticks all the while', async () => {
    await using server = await startServer([ipv4], 2)
    const port = server.sockets.addresses[0]!.port
    const clients = await Promise.all(Array.from({ length: 20 }, () => openClient(ipv4)))
    await Promise.all(clients.map((client) => closedLoop(client, ipv4, port, 1000, 16)))
    for (const client of clients) client[Symbol.dispose]()
    const sum = (word: number) => server.threads.reduce((total, thread) => total + thread.read(word), 0)
    // The last response may be here before the thread has counted it.
    await expect.poll(() => sum(WORD.answered)).toBe(20_000)
    expect(sum(WORD.sendFailures)).toBe(0)
    // 100 ms are promised; the rest is for a test machine that has other things to do.
    for (const thread of server.threads) expect(thread.read(WORD.longestGapMs)).toBeLessThan(HANG_MS)
  })

  it('ends when it is told to', async () => {
    await using server = await startServer([ipv4], 2)
    for (const thread of server.threads) expect(await thread.stop()).toBeLessThan(HANG_MS)
  })

  it('lets its thread be terminated, also after much work', async () => {
    await using server = await startServer([ipv4])
    using client = await openClient(ipv4)
    await closedLoop(client, ipv4, server.sockets.addresses[0]!.port, 5000, 16)
    const from = performance.now()
    await server.threads[0]!.worker.terminate()
    expect(performance.now() - from).toBeLessThan(HANG_MS)
  })

  it('refuses a port that another socket has', async () => {
    const other = createSocket('udp4').bind(0, ipv4)
    await once(other, 'listening')
    const port = other.address().port
    await expectCode('CDNS_PORT_IN_USE', openOn(ipv4, port), `${ipv4}:${port}`)
    other.close()
  })

  it('refuses a port that another server has', async () => {
    await using server = await startServer([ipv4], 2)
    const port = server.sockets.addresses[0]!.port
    await expectCode('CDNS_PORT_IN_USE', openOn(ipv4, port), `${ipv4}:${port}`)
    await expectCode('CDNS_PORT_IN_USE', openOn('0.0.0.0', port), `:${port}`)
  })

  it('opens a port that another server has when it is told to share', async () => {
    await using server = await startServer([ipv4])
    const { port } = server.sockets.addresses[0]!
    const addresses = [{ host: ipv4, port, share: true }]
    const second = await openBeside(addresses)
    expect(second.addresses).toEqual(server.sockets.addresses)
    second.close()
  })

  it('refuses an address that is not of this host', async () => {
    await expectCode('CDNS_ADDRESS_UNAVAILABLE', openOn('192.0.2.1', 0), '192.0.2.1')
    await expectCode('CDNS_ADDRESS_UNAVAILABLE', openOn('2001:db8::1', 0), '[2001:db8::1]')
  })

  it('leaves the port free when it is closed, twice over', async () => {
    const server = await startServer([ipv4], 2)
    const { port } = server.sockets.addresses[0]!
    await server.stop()
    server.sockets.close()
    server.sockets.close()
    server.sockets.wake(0)
    const next = await openOn(ipv4, port)
    next.close()
  })

  it('says which kind it is and why', async () => {
    const lines: object[] = []
    const logger = { ...silentLogger, info: (fields: object) => lines.push(fields) }
    const addresses = [{ host: ipv4, port: 0, share: false }]
    const sockets = await openSockets(addresses, 1, logger)
    expect(lines).toContainEqual({ transport: kind, reason: sockets.reason })
    sockets.close()
  })
}

async function expectCode(code: ErrorCode, opening: Promise<unknown>, mentioned: string): Promise<void> {
  const error = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ContainerDnsError)
  expect(error).toMatchObject({ code, message: expect.stringContaining(mentioned), cause: expect.any(Error) })
}

/** Asks `count` times, with `window` requests under way. Rejects if a response does not come. */
async function closedLoop(
  client: EchoClient,
  host: string,
  port: number,
  count: number,
  window: number,
): Promise<void> {
  for (let sent = 0; sent < Math.min(window, count); sent++) client.send(echo(1), host, port)
  for (let answered = 1; answered <= count; answered++) {
    await client.next()
    if (answered + window <= count) client.send(echo(1), host, port)
  }
}
