import { type ContainerDns, type ContainerDnsOptions, createContainerDns, memoryStore, type RRset } from 'containerdns'
import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.js'
import { dataOf, UdpClient } from '../../support/udp-client.js'
import { cableForTests, hasCable, SERVER_INTERFACE } from './cable.js'

const BACKENDS = Array.from({ length: 16 }, (_, i) => `192.0.2.${i + 1}`)
const RRSETS: RRset[] = [
  { name: 'www.example.org', type: 'A', data: BACKENDS },
  { name: 'seen.example.org', type: 'A', data: ['192.0.2.40'], view: 'four' },
  { name: 'seen.example.org', type: 'A', data: ['192.0.2.60'], view: 'six' },
]

/** What a server decides by who asks, or by what it knows, over both versions of IP. */
describe.runIf(hasCable)('a server over AF_XDP', () => {
  const cable = cableForTests()
  const servers: ContainerDns[] = []
  const clients: UdpClient[] = []

  afterEach(async () => {
    for (const each of [...clients.splice(0), ...servers.splice(0)]) await each[Symbol.asyncDispose]()
  })

  async function start(options: ContainerDnsOptions): Promise<ContainerDns> {
    const { ipv4, ipv6 } = cable().server
    const server = await createContainerDns({
      zones: ['example.org'],
      listen: [ipv4, ipv6].map((host) => ({ host, port: 0 })),
      workers: 1,
      transport: 'xdp',
      xdp: { interfaces: [SERVER_INTERFACE] },
      views: [
        { name: 'four', clients: [cable().client.ipv4] },
        { name: 'six', clients: [cable().client.ipv6] },
      ],
      store: memoryStore({ rrsets: RRSETS }),
      ...options,
    })
    servers.push(server)
    return server
  }

  function clientOf(server: ContainerDns, family: 'ipv4' | 'ipv6'): UdpClient {
    const host = cable().server[family]
    const { port } = server.addresses.find((address) => address.host === host)!
    const client = UdpClient.on(cable().openSocket(cable().client, cable().client[family]), { host, port })
    clients.push(client)
    return client
  }

  /** One client over each. */
  const bothOf = (server: ContainerDns) => [clientOf(server, 'ipv4'), clientOf(server, 'ipv6')] as const
  const received = (server: ContainerDns) => server.stats().transport.xdp!.queues[0]!.received

  it.each(['ipv4', 'ipv6'] as const)('refuses clients by their addresses over %s alone', async (family) => {
    const address = cable().client[family]
    const server = await start({ acl: [{ clients: [address], action: 'refuse' }] })
    for (const each of ['ipv4', 'ipv6'] as const) {
      const rcode = each === family ? 'REFUSED' : 'NOERROR'
      expect(await clientOf(server, each).ask('www.example.org')).toMatchObject({ rcode })
    }
    await eventually(() => expect(received(server)).toBe(2))
  })

  it.each(['ipv4', 'ipv6'] as const)('limits one client over %s, and not another', async (family) => {
    const server = await start({ rateLimit: { queriesPerSecond: 5 } })
    const greedy = clientOf(server, family)
    for (let i = 0; i < 50; i++) greedy.send('www.example.org')
    await eventually(() => expect(server.stats().counters.queriesLimited).toBeGreaterThan(0))
    const modest = clientOf(server, family === 'ipv4' ? 'ipv6' : 'ipv4')
    expect(await modest.ask('www.example.org')).toMatchObject({ rcode: 'NOERROR' })
    await eventually(() => expect(received(server)).toBe(51))
  })

  it('shows clients their views', async () => {
    const server = await start({})
    const [ipv4, ipv6] = bothOf(server)
    expect(dataOf(await ipv4.ask('seen.example.org'))).toEqual(['192.0.2.40'])
    expect(dataOf(await ipv6.ask('seen.example.org'))).toEqual(['192.0.2.60'])
    await eventually(() => expect(received(server)).toBe(2))
  })

  it('keeps a client with the backend that it would have through the kernel', async () => {
    const options: ContainerDnsOptions = { selection: { policy: 'clientHash', maxAnswers: 1 } }
    const chosen = async (server: ContainerDns) => {
      const answers: unknown[][] = []
      for (const client of bothOf(server)) {
        const first = dataOf(await client.ask('www.example.org'))
        for (let i = 0; i < 10; i++) expect(dataOf(await client.ask('www.example.org'))).toEqual(first)
        answers.push(first)
      }
      return answers
    }
    const overXdp = await start(options)
    const found = await chosen(overXdp)
    expect(received(overXdp)).toBeGreaterThan(0)
    expect(found).toEqual(await chosen(await start({ ...options, transport: 'batch' })))
  })

  it('answers with backends that are alive', async () => {
    const server = await start({})
    for (const address of BACKENDS.slice(1)) server.health.set(address, 'unhealthy')
    for (const client of bothOf(server))
      expect(dataOf(await client.ask('www.example.org'))).toEqual(BACKENDS.slice(0, 1))
    server.health.set(BACKENDS[1]!, 'healthy')
    for (const client of bothOf(server)) {
      expect(dataOf(await client.ask('www.example.org')).sort()).toEqual(BACKENDS.slice(0, 2))
    }
    await eventually(() => expect(received(server)).toBe(4))
  })

  it('counts queries, their clients and their names', async () => {
    const server = await start({})
    for (const client of bothOf(server)) await client.ask('www.example.org')
    await eventually(() => {
      const clients = server.topClients().map(({ address, queries }) => [address, queries])
      expect(new Map(clients as [string, number][])).toEqual(
        new Map([cable().client.ipv4, cable().client.ipv6].map((address) => [address, 1])),
      )
    })
    expect(server.topNames()[0]).toMatchObject({ name: 'www.example.org', queries: 2 })
    expect(server.stats().counters).toMatchObject({ queries: 2, NOERROR: 2 })
    expect(received(server)).toBe(2)
  })
})
