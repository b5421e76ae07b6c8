import { type ContainerDns, type ContainerDnsOptions, createContainerDns, memoryStore } from 'containerdns'
import { describe, expect, it } from 'vitest'
import { errorCode } from '../support/error-code.js'
import { eventually } from '../support/eventually.js'
import { TcpClient } from '../support/tcp-client.js'
import { UdpClient } from '../support/udp-client.js'

function start(options: ContainerDnsOptions = {}): Promise<ContainerDns> {
  const rrsets = [{ name: 'www.example', type: 'A' as const, data: ['192.0.2.1'] }]
  return createContainerDns({
    zones: ['example', 'sub.example'],
    listen: { port: 0 },
    workers: 2,
    store: memoryStore({ rrsets }),
    ...options,
  })
}

describe.each(['batch', 'dgram'] as const)('what a server measures over %s', (transport) => {
  it('is each query by zone, protocol and type, and its response by time and size', async () => {
    await using server = await start({ transport })
    await using client = await UdpClient.open(server.addresses[0]!)
    await using tcp = await TcpClient.open(server.addresses.find(({ protocol }) => protocol === 'tcp')!)
    for (let i = 0; i < 3; i++) await client.ask('www.example')
    await client.ask('a.sub.example', 'TXT')
    await client.ask('elsewhere.test')
    await tcp.ask('www.example', 'AAAA')
    await eventually(() => {
      const { queries, durations, sizes } = server.stats()
      expect(queries).toEqual([
        { zone: 'example', protocol: 'udp', type: 'A', queries: 3 },
        { zone: 'example', protocol: 'tcp', type: 'AAAA', queries: 1 },
        { zone: 'sub.example', protocol: 'udp', type: 'TXT', queries: 1 },
        { zone: undefined, protocol: 'udp', type: 'A', queries: 1 },
      ])
      expect([durations.udp!.count, sizes.udp!.count, durations.tcp!.count, sizes.tcp!.count]).toEqual([5, 5, 1, 1])
      expect(durations.udp!.sum).toBeGreaterThanOrEqual(0)
      expect(sizes.udp!.buckets[0]!.count).toBe(5)
    })
  })

  it('is what each thread has done, which together is all of it', async () => {
    await using server = await start({ transport })
    const clients = await Promise.all(Array.from({ length: 8 }, () => UdpClient.open(server.addresses[0]!)))
    await using tcp = await TcpClient.open(server.addresses.find(({ protocol }) => protocol === 'tcp')!)
    for (const client of clients) await client.ask('www.example')
    await tcp.ask('www.example')
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
    await eventually(() => {
      const { threads, counters, durations } = server.stats()
      const sumOf = (of: (thread: (typeof threads)[number]) => number) =>
        threads.reduce((sum, each) => sum + of(each), 0)
      expect(threads.find(({ role }) => role === 'stream')).toMatchObject({ queries: 1, responses: 1, dropped: 0 })
      expect(sumOf(({ queries }) => queries)).toBe(9)
      expect(sumOf(({ responses }) => responses)).toBe(counters.responses)
      expect(sumOf(({ durations }) => durations.count)).toBe(9)
      expect(sumOf(({ durations }) => durations.sum)).toBeCloseTo(durations.udp!.sum + durations.tcp!.sum, 9)
    })
  })

  it('is which names and clients come most, and when', async () => {
    const before = 1000 * Math.floor(Date.now() / 1000)
    await using server = await start({ transport })
    await using client = await UdpClient.open(server.addresses[0]!)
    for (let i = 0; i < 5; i++) await client.ask(i === 0 ? 'WWW.Example' : 'www.example')
    await client.ask('other.example')
    const top = await eventually(() => {
      const names = server.topNames()
      expect(names.map(({ queries }) => queries)).toEqual([5, 1])
      return names
    })
    expect(top.map(({ name, queries }) => [name, queries])).toEqual([
      ['www.example', 5],
      ['other.example', 1],
    ])
    for (const { firstSeen, lastSeen } of top) {
      expect(firstSeen.getTime()).toBeGreaterThanOrEqual(before)
      expect(lastSeen.getTime()).toBeGreaterThanOrEqual(firstSeen.getTime())
      expect(lastSeen.getTime()).toBeLessThanOrEqual(Date.now())
    }
    expect(server.topNames(1)).toEqual(top.slice(0, 1))
    expect(server.nameQueries('www.EXAMPLE.')).toEqual(top[0])
    expect(server.nameQueries('absent.example')).toBeUndefined()
    await eventually(() => {
      const clients = server.topClients().map(({ address, queries }) => ({ address, queries }))
      expect(clients).toEqual([{ address: '127.0.0.1', queries: 6 }])
    })
  })
})

describe('what a server measures', () => {
  it('has the time that a hook took for a query that it kept waiting', async () => {
    const onQuery = () => 'continue' as const
    await using server = await start({ hooks: { onQuery } })
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('www.example')
    await eventually(() => {
      const { queries, durations, sizes } = server.stats()
      expect(queries).toEqual([{ zone: 'example', protocol: 'udp', type: 'A', queries: 1 }])
      expect([durations.udp!.count, sizes.udp!.count]).toEqual([1, 1])
      expect(durations.udp!.sum).toBeLessThan(10)
    })
  })

  it('leaves out names and clients that a host does not want to be counted', async () => {
    await using server = await start({ metrics: { topNames: false, topClients: true } })
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('www.example')
    await eventually(() => expect(server.topClients()).toHaveLength(1))
    expect(server.topNames()).toEqual([])
  })

  it('does not have what the host itself asks', async () => {
    await using server = await start()
    await using client = await UdpClient.open(server.addresses[0]!)
    await server.query('www.example', 'A')
    await client.ask('other.example')
    await eventually(() => expect(server.topNames()).toMatchObject([{ name: 'other.example' }]))
    expect(server.stats().queries).toMatchObject([{ queries: 1 }])
  })

  it('is asked for with a number from 1 to 1000', async () => {
    await using server = await start()
    expect(errorCode(() => server.topNames(0))).toBe('CDNS_OPTION_INVALID')
    expect(errorCode(() => server.topClients(1001))).toBe('CDNS_OPTION_INVALID')
    expect(errorCode(() => server.nameQueries('a..b'))).toBe('CDNS_NAME_INVALID')
  })
})
