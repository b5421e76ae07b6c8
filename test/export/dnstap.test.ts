import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startTestUpstream } from 'containerdns/testing'
import { decode } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { DnstapReceiver } from '../support/dnstap-receiver.js'
import { eventually } from '../support/eventually.js'
import { TcpClient } from '../support/tcp-client.js'
import { UdpClient } from '../support/udp-client.js'
import { exported, startExporting } from './exporting-server.js'
import { temporaryFolder } from './temporary-folder.js'

const CONTENT = 'protobuf:dnstap.Dnstap'

describe('dnstap', () => {
  it('tells a reader on a unix socket of queries and responses, octet for octet', async () => {
    using folder = temporaryFolder()
    const socket = join(folder.path, 'dnstap')
    await using receiver = await DnstapReceiver.listen(socket)
    const before = Date.now()
    await using server = await startExporting({ dnstap: { socket, identity: 'ns1', version: 'v1' } })
    await using client = await UdpClient.open(server.addresses[0]!)
    const answer = await client.ask('www.example')
    await client.ask('absent.example', 'AAAA')
    await eventually(() => expect(receiver.messages).toHaveLength(4))
    const [query, response, absentQuery, absent] = receiver.messages
    expect(query).toMatchObject({
      ...{ identity: 'ns1', version: 'v1', type: 'AUTH_QUERY', family: 'INET', protocol: 'UDP' },
      ...{ address: '7f000001', response: undefined, responseTimeMs: undefined },
    })
    expect(decode(query!.query!)).toMatchObject({ id: answer.id, type: 'query', questions: [{ name: 'www.example' }] })
    expect(response).toMatchObject({ type: 'AUTH_RESPONSE', address: '7f000001', port: query!.port, query: undefined })
    expect(decode(response!.response!)).toEqual(answer)
    expect(response!.queryTimeMs).toBe(query!.queryTimeMs)
    expect(response!.responseTimeMs).toBeGreaterThanOrEqual(response!.queryTimeMs)
    // The wall clock may be read up to a second before.
    expect(query!.queryTimeMs).toBeGreaterThan(before - 2_000)
    expect(query!.queryTimeMs).toBeLessThan(Date.now() + 2_000)
    expect(query!.port).toBeGreaterThan(0)
    expect([absentQuery!.type, absent!.type]).toEqual(['AUTH_QUERY', 'AUTH_RESPONSE'])
    expect(receiver.heard).toEqual([`READY ${CONTENT}`, `START ${CONTENT}`])
    await eventually(() => expect(server.stats().export!.dnstap).toEqual({ written: 2, lost: 0, connected: true }))
  })

  it.each(['batch', 'dgram'] as const)('knows the ports of clients of IPv4 and IPv6 over %s', async (transport) => {
    await using receiver = await DnstapReceiver.listen(0)
    const listen = ['127.0.0.1', '::1'].map((host) => ({ host, port: 0 }))
    const dnstap = { tcp: { host: '127.0.0.1', port: receiver.port } }
    await using server = await startExporting({ transport, listen, dnstap })
    const [udp4, tcp4, udp6, tcp6] = server.addresses
    await using first = await UdpClient.open(udp4!)
    await using second = await UdpClient.open(udp6!)
    await first.ask('www.example')
    await second.ask('www.example')
    await using third = await TcpClient.open(tcp4!)
    await using fourth = await TcpClient.open(tcp6!)
    await third.ask('www.example')
    await fourth.ask('www.example')
    await eventually(() => expect(receiver.messages).toHaveLength(8))
    const told = receiver.messages.map(({ family, protocol, address, port }) => ({ family, protocol, address, port }))
    const v4 = { family: 'INET', address: '7f000001' }
    const v6 = { family: 'INET6', address: '00000000000000000000000000000001' }
    expect(told).toEqual(
      expect.arrayContaining([
        { ...v4, protocol: 'UDP', port: first.port },
        { ...v6, protocol: 'UDP', port: second.port },
        { ...v4, protocol: 'TCP', port: third.socket.localPort },
        { ...v6, protocol: 'TCP', port: fourth.socket.localPort },
      ]),
    )
  })

  it('takes leave of its reader when the server is closed, and leaves nothing out', async () => {
    await using receiver = await DnstapReceiver.listen(0)
    const server = await startExporting({ dnstap: { tcp: { host: '127.0.0.1', port: receiver.port } } })
    await using client = await UdpClient.open(server.addresses[0]!)
    await eventually(() => expect(receiver.heard).toContain(`START ${CONTENT}`))
    await Promise.all(Array.from({ length: 50 }, () => client.ask('www.example')))
    await server.close()
    expect(receiver.messages).toHaveLength(100)
    expect(receiver.heard.at(-1)).toBe('STOP')
    expect(server.stats().export!.dnstap).toMatchObject({ written: 50, lost: 0 })
  })

  it('writes what dnstap-read of BIND can read', async () => {
    using folder = temporaryFolder()
    await using receiver = await DnstapReceiver.listen(join(folder.path, 'dnstap'))
    const server = await startExporting({ dnstap: { socket: join(folder.path, 'dnstap'), identity: 'ns1' } })
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('www.example')
    await client.ask('absent.example', 'AAAA')
    await eventually(() => expect(receiver.messages).toHaveLength(4))
    await server.close()
    const file = join(folder.path, 'stream')
    writeFileSync(file, receiver.streams[0]!)
    const { stdout, stderr, status } = spawnSync('dnstap-read', ['-y', file], { encoding: 'utf8' })
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
    expect(stdout.match(/^type: MESSAGE$/gm)).toHaveLength(4)
    expect(stdout.match(/^identity: "?ns1"?$/gm)).toHaveLength(4)
    expect([...stdout.matchAll(/^ {2}type: (\w+)$/gm)].map(([, type]) => type)).toEqual([
      ...['AUTH_QUERY', 'AUTH_RESPONSE', 'AUTH_QUERY', 'AUTH_RESPONSE'],
    ])
    expect(stdout).toMatch(/status: NXDOMAIN/)
    expect(stdout).toMatch(/query_address: "?127\.0\.0\.1"?/)
  })

  it('keeps what its memory holds for a reader that comes later, and comes back to one that went away', async () => {
    using folder = temporaryFolder()
    const socket = join(folder.path, 'dnstap')
    await using server = await startExporting({ dnstap: { socket } })
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('www.example')
    {
      await using early = await DnstapReceiver.listen(socket)
      await eventually(() => expect(early.messages).toHaveLength(2))
      expect(server.stats().export!.dnstap!.connected).toBe(true)
    }
    await eventually(() => expect(server.stats().export!.dnstap!.connected).toBe(false))
    await client.ask('www.example')
    await using late = await DnstapReceiver.listen(socket)
    await eventually(() => expect(late.messages).toHaveLength(2))
    expect(late.heard[0]).toBe(`READY ${CONTENT}`)
  })

  it('tells apart what an upstream has answered, from the cache too', async () => {
    await using receiver = await DnstapReceiver.listen(0)
    await using upstream = await startTestUpstream({
      zone: '$ORIGIN else.test.\n@ 60 SOA ns a 1 2 3 4 5\nwww 60 A 192.0.2.7\n',
    })
    const dnstap = { tcp: { host: '127.0.0.1', port: receiver.port } }
    const forward = { upstreams: [`${upstream.host}:${upstream.port}`] }
    await using server = await startExporting({ dnstap, forward })
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('www.example')
    const asked = await client.ask('www.else.test')
    const cached = await client.ask('www.else.test')
    await eventually(() => expect(receiver.messages).toHaveLength(6))
    const types = (type: string) => receiver.messages.filter((message) => message.type === type)
    expect(types('AUTH_QUERY')).toHaveLength(1)
    const responses = types('CLIENT_RESPONSE').map(({ response }) => decode(response!))
    expect(responses).toHaveLength(2)
    expect(responses).toEqual(expect.arrayContaining([asked, cached]))
    for (const query of types('CLIENT_QUERY')) {
      expect(decode(query.query!).questions![0]!.name).toBe('www.else.test')
      expect(query.address).toBe('7f000001')
    }
  })

  it('counts what a reader that hangs does not take, while clients are answered', async () => {
    using folder = temporaryFolder()
    const socket = join(folder.path, 'dnstap')
    await using receiver = await DnstapReceiver.listen(socket)
    // A long one fills memory sooner.
    await using server = await startExporting({ dnstap: { socket, identity: 'x'.repeat(255) } })
    await eventually(() => expect(server.stats().export!.dnstap!.connected).toBe(true))
    receiver.pause()
    await using client = await UdpClient.open(server.addresses[0]!)
    await eventually(async () => {
      await Promise.all(Array.from({ length: 50 }, () => client.ask('www.example', 'A', 10_000)))
      expect(server.stats().export!.dnstap!.lost).toBeGreaterThan(0)
    }, 60_000)
    await eventually(() => {
      const stats = server.stats()
      const { written, lost } = stats.export!.dnstap!
      // The rest is in the memory of the sink.
      expect(stats.counters.responses - written - lost - stats.export!.ringLost).toBeLessThan(8_000)
    })
  }, 120_000)

  it('sends nothing to a reader that wants something else, and tries again', async () => {
    using folder = temporaryFolder()
    const socket = join(folder.path, 'dnstap')
    await using other = await DnstapReceiver.listen(socket, 'protobuf:other')
    await using server = await startExporting({ dnstap: { socket } })
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('www.example')
    await eventually(() => expect(other.heard.length).toBeGreaterThan(2))
    expect(new Set(other.heard)).toEqual(new Set([`READY ${CONTENT}`]))
    expect(server.stats().export!.dnstap).toMatchObject({ written: 0, connected: false })
  })

  it('tells of one query in so many', async () => {
    await using receiver = await DnstapReceiver.listen(0)
    await using server = await startExporting({
      dnstap: { tcp: { host: '127.0.0.1', port: receiver.port }, sample: 10 },
    })
    await using client = await UdpClient.open(server.addresses[0]!)
    for (let round = 0; round < 40; round++) {
      await Promise.all(Array.from({ length: 50 }, () => client.ask('www.example')))
    }
    await eventually(() => expect(exported(server)).toBeGreaterThan(140))
    expect(exported(server)).toBeLessThan(260)
  })
})
