import { type ContainerDns, type ContainerDnsOptions, createContainerDns, memoryStore } from 'containerdns'
import { afterEach, describe, expect, it } from 'vitest'
import { loadLibc } from '../../../lib/transport/libc.js'
import { SIOCETHTOOL } from '../../../lib/transport/xdp/xdp-constants.js'
import { eventually } from '../../support/eventually.js'
import { ip, type NetworkNamespaces } from '../../support/network-namespaces.js'
import { dataOf, UdpClient } from '../../support/udp-client.js'
import { cableForTests, hasCable, SERVER_INTERFACE } from './cable.js'

const ANSWER = ['192.0.2.7']

const PORT = 5353
const OPTIONS = {
  zones: ['example.org'],
  workers: 1,
  transport: 'xdp',
  listen: { host: '0.0.0.0', port: PORT },
  xdp: { interfaces: [SERVER_INTERFACE] },
} as const satisfies ContainerDnsOptions

/** What is done to an interface while a server takes its frames. Each test has an interface of its own. */
function whileServing(
  what: string,
  run: (started: Started) => Promise<void>,
  { queues = 1, taken }: { queues?: number; taken?: number[] } = {},
): void {
  describe.runIf(hasCable)('an interface whose queries go over AF_XDP', () => {
    const cable = cableForTests({ queues })
    let server: ContainerDns | undefined

    afterEach(async () => {
      await server?.close()
      const { namespace } = cable().server
      expect(ip('-n', namespace, 'link', 'show')).not.toMatch(/ xdp| prog\/xdp/)
    })

    it(what, async () => {
      const store = memoryStore({ rrsets: [{ name: 'www.example.org', type: 'A', data: ANSWER }] })
      server = await createContainerDns({
        ...OPTIONS,
        ...(taken && { xdp: { interfaces: [SERVER_INTERFACE], queues: taken } }),
        store,
      })
      await run(new Started(cable(), server))
      expect(server.stats().threads.every(({ restarts }) => restarts === 0)).toBe(true)
    })
  })
}

class Started {
  readonly cable: NetworkNamespaces
  readonly server: ContainerDns

  constructor(cable: NetworkNamespaces, server: ContainerDns) {
    this.cable = cable
    this.server = server
  }

  get received(): number {
    return this.server.stats().transport.xdp!.queues.reduce((total, { received }) => total + received, 0)
  }

  /** Changes the server's end. */
  link(...change: string[]): void {
    ip('-n', this.cable.server.namespace, 'link', 'set', SERVER_INTERFACE, ...change)
  }

  /** Resolves once a client is answered. */
  async answers(host = this.cable.server.ipv4): Promise<void> {
    const { client } = this.cable
    await using asking = UdpClient.on(this.cable.openSocket(client, client.ipv4), { host, port: PORT })
    await eventually(async () => expect(dataOf(await asking.ask('www.example.org', 'A', 200))).toEqual(ANSWER))
  }

  /** The same, and that past the kernel. */
  async answersOverXdp(): Promise<void> {
    const before = this.received
    await this.answers()
    await eventually(() => expect(this.received).toBeGreaterThan(before))
  }

  async answersOnTheHost(): Promise<void> {
    const socket = this.cable.openSocket(this.cable.server, '127.0.0.1')
    await using asking = UdpClient.on(socket, { host: '127.0.0.1', port: PORT })
    expect(dataOf(await asking.ask('www.example.org'))).toEqual(ANSWER)
  }
}

whileServing('is served on after it was down', async (started) => {
  await started.answersOverXdp()
  started.link('down')
  await started.answersOnTheHost()
  started.link('up')
  await started.answersOverXdp()
})

whileServing('is served on under another name', async (started) => {
  started.link('down')
  started.link('name', 'renamed0')
  ip('-n', started.cable.server.namespace, 'link', 'set', 'renamed0', 'up')
  await started.answersOverXdp()
})

whileServing('is served on with another MTU', async (started) => {
  started.link('mtu', '1280')
  await started.answersOverXdp()
  started.link('mtu', '1500')
  await started.answersOverXdp()
})

whileServing('is served through the kernel once it has another hardware address', async (started) => {
  await started.answersOverXdp()
  const before = started.received
  const address = '02:00:5e:00:53:01'
  started.link('address', address)
  const { client, server } = started.cable
  const neighbour = ['neigh', 'replace', server.ipv4, 'lladdr', address, 'dev', client.interface, 'nud', 'permanent']
  ip('-n', client.namespace, ...neighbour)
  await started.answers()
  expect(started.received).toBe(before)
})

whileServing(
  'is served on with fewer queues, and with more',
  async (started) => {
    // What veth sends by one queue, it may receive by any number.
    const { client } = started.cable
    started.cable.on(client, () => setChannels(client.interface, { rx: 4, tx: 1 }))
    for (const rx of [2, 1, 4]) {
      setChannels(SERVER_INTERFACE, { rx, tx: 4 })
      await started.answersOverXdp()
    }
  },
  { queues: 4, taken: [0] },
)

whileServing(
  'keeps the queues that are served: the kernel refuses to take them away',
  async (started) => {
    const { client } = started.cable
    started.cable.on(client, () => setChannels(client.interface, { rx: 4, tx: 1 }))
    expect(() => setChannels(SERVER_INTERFACE, { rx: 1, tx: 1 })).toThrow(/errno 22/)
    await started.answersOverXdp()
  },
  { queues: 4 },
)

whileServing('is not answered for at an address that the host has no more', async (started) => {
  const { client, ipv4Too, namespace } = { ...started.cable.server, client: started.cable.client }
  await started.answers(ipv4Too)
  ip('-n', namespace, 'address', 'del', `${ipv4Too}/24`, 'dev', SERVER_INTERFACE)
  await using asking = UdpClient.on(started.cable.openSocket(client, client.ipv4), { host: ipv4Too, port: PORT })
  await eventually(
    () =>
      asking.ask('www.example.org', 'A', 100).then(
        () => false,
        () => true,
      ),
    20_000,
  )
  await started.answersOverXdp()
})

whileServing('may be gone: who asks elsewhere is answered, and the server ends in order', async (started) => {
  await started.answersOverXdp()
  ip('-n', started.cable.server.namespace, 'link', 'del', SERVER_INTERFACE)
  await started.answersOnTheHost()
  expect(started.server.stats().transport.xdp!.queues[0]).toMatchObject({ badDescriptors: 0 })
})

/** As `ethtool -L … rx … tx …` does. */
function setChannels(interfaceName: string, { rx, tx }: { rx: number; tx: number }): void {
  const libc = loadLibc()
  // ethtool_channels: | command u32 | most rx, tx, other, combined: 4 × u32 | rx u32 | tx u32 | other u32 | combined u32 |
  const channels = new Uint32Array([ETHTOOL_SCHANNELS, 0, 0, 0, 0, rx, tx, 0, 0])
  // ifreq: | name 16 | pointer |
  const request = new Uint8Array(40)
  request.set(new TextEncoder().encode(interfaceName))
  new DataView(request.buffer).setBigUint64(16, BigInt(libc.addressOf(channels.buffer)), true)
  const fd = libc.socket(AF_INET, SOCK_DGRAM, 0)
  const result = libc.ioctl(fd, SIOCETHTOOL, request)
  const errno = libc.errno()
  libc.close(fd)
  if (result < 0) throw new Error(`ETHTOOL_SCHANNELS: errno ${errno}`)
}

const ETHTOOL_SCHANNELS = 0x3d
const AF_INET = 2
const SOCK_DGRAM = 2
