import { once } from 'node:events'
import { type ContainerDns, type ContainerDnsOptions, createContainerDns, memoryStore, type RRset } from 'containerdns'
import { encode, type Packet } from 'dns-packet'
import { afterEach, describe, expect, it } from 'vitest'
import { startTestUpstream } from '../../../lib/testing/upstream/test-upstream.js'
import { loadLibc } from '../../../lib/transport/libc.js'
import { readInterface } from '../../../lib/transport/xdp/network-interface.js'
import { eventually } from '../../support/eventually.js'
import { ip, type NetworkSide } from '../../support/network-namespaces.js'
import { TcpClient } from '../../support/tcp-client.js'
import { dataOf, UdpClient } from '../../support/udp-client.js'
import { cableForTests, hasCable, SERVER_INTERFACE } from './cable.js'
import { buildFrame, type FrameParts, FrameSocket } from './raw-frames.js'

const RRSETS: RRset[] = [
  { name: 'www.example.org', type: 'A', data: ['192.0.2.7'] },
  { name: 'www.example.org', type: 'AAAA', data: ['2001:db8::7'] },
  { name: 'many.example.org', type: 'A', data: Array.from({ length: 100 }, (_, i) => `192.0.2.${i + 1}`) },
]
const ANSWER = ['192.0.2.7']

describe.runIf(hasCable)('a server over AF_XDP', () => {
  const cable = cableForTests()
  let server: ContainerDns | undefined

  afterEach(async () => {
    await server?.close()
    server = undefined
  })

  async function start(options: ContainerDnsOptions = {}): Promise<ContainerDns> {
    server = await createContainerDns({
      zones: ['example.org'],
      listen: [{ host: '0.0.0.0', port: 0 }],
      workers: 1,
      transport: 'xdp',
      xdp: { interfaces: [SERVER_INTERFACE] },
      store: memoryStore({ rrsets: RRSETS }),
      ...options,
    })
    return server
  }

  const queue = () => server!.stats().transport.xdp!.queues[0]!
  const portOf = (of: ContainerDns) => of.addresses[0]!.port
  const client = (host: string, from = cable().client.ipv4) => {
    const socket = cable().openSocket(cable().client, from)
    return UdpClient.on(socket, { host, port: portOf(server!) })
  }

  it.each(['native', 'generic'] as const)('answers over IPv4 and IPv6 without the kernel, in %s mode', async (mode) => {
    const { ipv4, ipv6 } = cable().server
    const listen = [
      { host: ipv4, port: 0 },
      { host: '::', port: 0 },
    ]
    const { addresses } = await start({ listen, xdp: { interfaces: [SERVER_INTERFACE], mode } })
    await using overIpv4 = client(ipv4)
    expect(dataOf(await overIpv4.ask('www.example.org'))).toEqual(ANSWER)
    const { port } = addresses.find(({ host }) => host === '::')!
    await using overIpv6 = UdpClient.on(cable().openSocket(cable().client, cable().client.ipv6), { host: ipv6, port })
    expect(dataOf(await overIpv6.ask('www.example.org', 'AAAA'))).toEqual(['2001:db8::7'])
    await eventually(() =>
      expect(queue()).toMatchObject({ mode, received: 2, sent: 2, malformed: 0, badDescriptors: 0 }),
    )
    expect(server!.stats().counters.queries).toBe(2)
  })

  it('truncates what does not fit in a frame, and answers it over TCP', async () => {
    const host = cable().server.ipv4
    await start({ edns: { udpPayloadSize: 4096 }, listen: { host, port: 0 } })
    await using asking = client(host)
    expect(await asking.ask('many.example.org')).toMatchObject({ flag_tc: true })
    await eventually(() => expect(queue().sent).toBe(1))
    // Node connects a moment after it was told to.
    cable().enter(cable().client)
    await using overTcp = await TcpClient.open({ host, port: portOf(server!) })
    cable().enter(cable().server)
    expect((await overTcp.ask('many.example.org')).readUInt16BE(6)).toBe(100)
  })

  it('knows its clients by their addresses', async () => {
    const { ipv4Too } = cable().client
    await start({ acl: [{ clients: [`${ipv4Too}/32`], action: 'refuse' }] })
    await using allowed = client(cable().server.ipv4)
    await using refused = client(cable().server.ipv4, ipv4Too)
    expect(await allowed.ask('www.example.org')).toMatchObject({ rcode: 'NOERROR' })
    expect(await refused.ask('www.example.org')).toMatchObject({ rcode: 'REFUSED' })
    await eventually(() => expect(queue().received).toBe(2))
  })

  it('limits what a client may have', async () => {
    await start({ rateLimit: { queriesPerSecond: 5 } })
    await using asking = client(cable().server.ipv4)
    for (let i = 0; i < 50; i++) asking.send('www.example.org')
    await eventually(() => expect(server!.stats().counters.queriesLimited).toBeGreaterThan(0))
    await eventually(() => expect(queue().received).toBe(50))
    expect(queue().sent).toBeLessThan(50)
  })

  it('answers late, from the address that was asked, what a hook or an upstream has to be asked about', async () => {
    await using upstream = await startTestUpstream({
      rrsets: [{ name: 'www.example.net', type: 'A', data: ['192.0.2.9'] }],
    })
    await start({
      hooks: { onQuery: () => 'continue' },
      hookTimeoutMs: 5_000,
      forward: { upstreams: [`127.0.0.1:${upstream.port}`], allow: ['198.51.100.0/24'] },
    })
    for (const host of [cable().server.ipv4, cable().server.ipv4Too]) {
      await using asking = client(host)
      expect(dataOf(await asking.ask('www.example.org'))).toEqual(ANSWER)
      asking.isRecursionDesired = true
      expect(dataOf(await asking.ask('www.example.net'))).toEqual(['192.0.2.9'])
    }
  })

  it('leaves to the kernel what comes to an address that the host has just been given', async () => {
    const { namespace, interface: name } = cable().server
    await start()
    const added = '198.51.100.77'
    ip('-n', namespace, 'address', 'add', `${added}/24`, 'dev', name)
    try {
      await using asking = client(added)
      expect(dataOf(await asking.ask('www.example.org'))).toEqual(ANSWER)
    } finally {
      ip('-n', namespace, 'address', 'del', `${added}/24`, 'dev', name)
    }
  })

  describe('given frames by hand', () => {
    const side = (of: NetworkSide) => readInterface(loadLibc(), of.interface)!
    const query = encode({ type: 'query', id: 7, questions: [{ type: 'A', name: 'www.example.org' }] } as Packet)

    function partsFor(asking: { port: number; address: string }): FrameParts {
      const serverMac = side(cable().server).mac
      const clientMac = cable().on(cable().client, () => side(cable().client).mac)
      return {
        ...{ destinationMac: serverMac, sourceMac: clientMac, source: asking.address, sourcePort: asking.port },
        ...{ destination: cable().server.ipv4, destinationPort: portOf(server!), payload: query },
      }
    }

    it.each([[[30]], [[30, 40]]])('keeps the tags %j in its answer', async (vlans) => {
      await start()
      using frames = cable().on(cable().client, () => new FrameSocket(cable().client.interface))
      const parts = partsFor({ address: cable().client.ipv4, port: 40_000 })
      frames.send(buildFrame({ ...parts, vlans }))
      const seen: Buffer[] = []
      const headers = buildFrame({
        ...{ destinationMac: parts.sourceMac, sourceMac: parts.destinationMac, vlans },
        ...{ source: parts.destination, destination: parts.source, payload: new Uint8Array(0) },
        ...{ sourcePort: parts.destinationPort, destinationPort: parts.sourcePort },
      })
      const ethernet = headers.subarray(0, 14 + 4 * vlans.length)
      const isAnswer = (frame: Buffer) => frame.subarray(0, ethernet.length).equals(ethernet)
      await eventually(() => {
        seen.push(...frames.receive())
        return seen.some(isAnswer)
      })
      const answer = seen.find(isAnswer)!
      expect(answer.subarray(ethernet.length + 12, ethernet.length + 24)).toEqual(
        headers.subarray(ethernet.length + 12, ethernet.length + 24),
      )
      expect(answer.readUInt16BE(ethernet.length + 28)).toBe(7)
      await eventually(() => expect(queue()).toMatchObject({ received: 1, sent: 1 }))
    })

    it('counts what is wrong, answers none of it, and answers what is right', async () => {
      await start()
      const socket = cable().openSocket(cable().client, cable().client.ipv4)
      using frames = cable().on(cable().client, () => new FrameSocket(cable().client.interface))
      const parts = partsFor({ address: cable().client.ipv4, port: socket.address().port })
      const good = buildFrame(parts)
      const short = Buffer.from(good)
      // More than there is, by what IP says, and by what UDP says.
      short.writeUInt16BE(short.readUInt16BE(38) + 1, 38)
      frames.send(short)
      frames.send(buildFrame({ ...parts, checksum: 'bad' }))
      frames.send(buildFrame({ ...parts, sourcePort: 0 }))
      frames.send(buildFrame({ ...parts, source: '224.0.0.1' }))
      await eventually(() => expect(queue()).toMatchObject({ malformed: 1, badChecksum: 1, unanswerable: 2 }))
      expect(queue()).toMatchObject({ received: 0, sent: 0 })
      frames.send(good)
      const [response] = await once(socket, 'message', { signal: AbortSignal.timeout(5_000) })
      expect(response.readUInt16BE()).toBe(7)
      socket.close()
    })

    it('takes nothing that is for others', async () => {
      await start()
      const socket = cable().openSocket(cable().client, cable().client.ipv4)
      using frames = cable().on(cable().client, () => new FrameSocket(cable().client.interface))
      const parts = partsFor({ address: cable().client.ipv4, port: socket.address().port })
      const good = buildFrame(parts)
      const fragment = Buffer.from(good)
      fragment.writeUInt16BE(0x2000, 20)
      const options = Buffer.concat([
        good.subarray(0, 14),
        Buffer.of(0x46),
        good.subarray(15, 34),
        Buffer.alloc(4),
        good.subarray(34),
      ])
      const others = [
        buildFrame({ ...parts, destinationMac: Uint8Array.of(2, 1, 1, 1, 1, 1) }),
        buildFrame({ ...parts, destinationMac: new Uint8Array(6).fill(0xff) }),
        buildFrame({ ...parts, destination: '203.0.113.1' }),
        buildFrame({ ...parts, destinationPort: portOf(server!) ^ 1 }),
        buildFrame({ ...parts, vlans: [1, 2, 3] }),
        ...[fragment, options, good.subarray(0, 20)],
      ]
      for (const frame of others) frames.send(frame)
      // In the order of one queue: what was sent before has been seen when this is answered.
      frames.send(good)
      await once(socket, 'message', { signal: AbortSignal.timeout(5_000) })
      await eventually(() => expect(queue().received).toBe(1))
      expect(queue()).toMatchObject({ malformed: 0, badChecksum: 0, unanswerable: 0, sent: 1 })
      socket.close()
    })
  })
})
