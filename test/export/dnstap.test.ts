import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startTestUpstream } from 'containerdns/testing'
import { decode } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { makeCertificate } from '../support/certificates.js'
import { DnstapReceiver, type Tapped } from '../support/dnstap-receiver.js'
import { DohClient } from '../support/doh-client.js'
import { eventually } from '../support/eventually.js'
import { TcpClient } from '../support/tcp-client.js'
import { UdpClient } from '../support/udp-client.js'
import { exported, startExporting } from './exporting-server.js'
import { temporaryFolder } from './temporary-folder.js'

const CONTENT = 'protobuf:dnstap.Dnstap'
const V4 = '7f000001'
const V6 = '00000000000000000000000000000001'
const ELSE = `$ORIGIN else.test.
@ 60 SOA ns a 1 2 3 4 5
www 60 A 192.0.2.7
mail 60 A 192.0.2.8
large 60 TXT ${Array.from({ length: 8 }, () => `"${'x'.repeat(250)}"`).join(' ')}
`

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

  it.each(['batch', 'dgram'] as const)('knows both ends of queries over IPv4 and IPv6 in %s', async (transport) => {
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
    const v4 = { family: 'INET', address: V4, serverAddress: V4 }
    const v6 = { family: 'INET6', address: V6, serverAddress: V6 }
    const expected = [
      { ...v4, protocol: 'UDP', port: first.port, serverPort: udp4!.port },
      { ...v6, protocol: 'UDP', port: second.port, serverPort: udp6!.port },
      { ...v4, protocol: 'TCP', port: third.socket.localPort, serverPort: tcp4!.port },
      { ...v6, protocol: 'TCP', port: fourth.socket.localPort, serverPort: tcp6!.port },
    ]
    // Each query, and its response.
    expect(receiver.messages.map(ends).sort(byPort)).toEqual([...expected, ...expected].sort(byPort))
  })

  it.each(['batch', 'dgram'] as const)(
    'knows which address was asked of a server on a wildcard address in %s',
    async (transport) => {
      await using receiver = await DnstapReceiver.listen(0)
      const listen = ['0.0.0.0', '::'].map((host) => ({ host, port: 0 }))
      const dnstap = { tcp: { host: '127.0.0.1', port: receiver.port } }
      await using server = await startExporting({ transport, listen, dnstap })
      const [udp4, tcp4, udp6] = server.addresses
      await using first = await UdpClient.open({ host: '127.0.0.1', port: udp4!.port })
      await using second = await UdpClient.open({ host: '::1', port: udp6!.port })
      await using third = await TcpClient.open({ host: '127.0.0.1', port: tcp4!.port })
      await first.ask('www.example')
      await second.ask('www.example')
      await third.ask('www.example')
      await eventually(() => expect(receiver.messages).toHaveLength(6))
      const expected = [
        { protocol: 'UDP', serverAddress: V4, serverPort: udp4!.port },
        { protocol: 'UDP', serverAddress: V6, serverPort: udp6!.port },
        { protocol: 'TCP', serverAddress: V4, serverPort: tcp4!.port },
      ]
      const told = receiver.messages.map(({ protocol, serverAddress, serverPort }) => ({
        ...{ protocol, serverAddress, serverPort },
      }))
      expect(told).toEqual(expect.arrayContaining(expected))
      expect(expected).toEqual(expect.arrayContaining(told))
    },
  )

  it('tells apart what is encrypted, and how', async () => {
    await using receiver = await DnstapReceiver.listen(0)
    const { cert, key } = makeCertificate()
    const listen = (['dot', 'doh'] as const).map((protocol) => ({ port: 0, protocols: [protocol], tls: { cert, key } }))
    await using server = await startExporting({ listen, dnstap: { tcp: { host: '127.0.0.1', port: receiver.port } } })
    const [dot, doh] = server.addresses
    await using first = await TcpClient.openTls(dot!)
    await first.ask('www.example')
    await using second = await DohClient.open(doh!)
    await second.get('www.example')
    await eventually(() => expect(receiver.messages).toHaveLength(4))
    const both = { family: 'INET', address: V4, serverAddress: V4 }
    const expected = [
      { ...both, protocol: 'DOT', port: first.socket.localPort, serverPort: dot!.port },
      { ...both, protocol: 'DOH', port: second.session.socket.localPort, serverPort: doh!.port },
    ]
    expect(receiver.messages.map(ends).sort(byPort)).toEqual([...expected, ...expected].sort(byPort))
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
    client.isRecursionDesired = true
    await client.ask('www.example')
    const asked = await client.ask('www.else.test')
    const cached = await client.ask('www.else.test')
    expect([asked, cached].map(({ answers }) => answers!.length)).toEqual([1, 1])
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

  it.each(['batch', 'dgram'] as const)('knows both ends of queries that had to wait in %s', async (transport) => {
    await using receiver = await DnstapReceiver.listen(0)
    await using upstream = await startTestUpstream({ zone: ELSE })
    await using server = await startExporting({
      transport,
      dnstap: { tcp: { host: '127.0.0.1', port: receiver.port } },
      forward: { upstreams: [`${upstream.host}:${upstream.port}`] },
      hooks: { onQuery: () => 'continue' },
    })
    const [udp, tcp] = server.addresses
    await using first = await UdpClient.open(udp!)
    first.isRecursionDesired = true
    await using second = await TcpClient.open(tcp!)
    await first.ask('www.example')
    await first.ask('www.else.test')
    await second.ask('www.example')
    await second.ask('mail.else.test')
    await eventually(() => expect(receiver.messages).toHaveLength(8))
    const both = { family: 'INET', address: V4, serverAddress: V4 }
    const overUdp = { ...both, protocol: 'UDP', port: first.port, serverPort: udp!.port }
    const overTcp = { ...both, protocol: 'TCP', port: second.socket.localPort, serverPort: tcp!.port }
    const each = [overUdp, overTcp].flatMap((one) => [one, one, one, one])
    expect(receiver.messages.map(ends).sort(byPort)).toEqual(each.sort(byPort))
  })

  it('tells nobody of what the host asks itself', async () => {
    await using receiver = await DnstapReceiver.listen(0)
    await using upstream = await startTestUpstream({ zone: ELSE })
    await using server = await startExporting({
      dnstap: { tcp: { host: '127.0.0.1', port: receiver.port } },
      forward: { upstreams: [`${upstream.host}:${upstream.port}`] },
    })
    const own = await server.query('www.else.test', 'A', { client: '192.0.2.9' })
    expect(own.answer).toHaveLength(1)
    await server.query('www.example', 'A')
    await using client = await UdpClient.open(server.addresses[0]!)
    client.isRecursionDesired = true
    await client.ask('mail.else.test')
    await eventually(() => expect(receiver.messages).toHaveLength(2))
    await server.close()
    expect(receiver.messages.map(({ query, response }) => decode((query ?? response)!).questions![0]!.name)).toEqual([
      ...['mail.else.test', 'mail.else.test'],
    ])
  })

  it.each(['batch', 'dgram'] as const)(
    'tells what upstreams are asked and answer, where it shall, in %s',
    async (transport) => {
      await using receiver = await DnstapReceiver.listen(0)
      await using upstream = await startTestUpstream({ zone: ELSE })
      await using server = await startExporting({
        transport,
        dnstap: { tcp: { host: '127.0.0.1', port: receiver.port }, forwarder: true },
        forward: { upstreams: [`${upstream.host}:${upstream.port}`] },
      })
      await using client = await UdpClient.open(server.addresses[0]!)
      client.isRecursionDesired = true
      await client.ask('www.else.test')
      await client.ask('www.else.test')
      // Too large for a datagram: asked once more over TCP.
      await client.ask('large.else.test', 'TXT')
      const types = (type: string) => receiver.messages.filter((message) => message.type === type)
      await eventually(() => expect(types('FORWARDER_RESPONSE')).toHaveLength(3))
      await eventually(() => expect(types('CLIENT_RESPONSE')).toHaveLength(3))
      const place = {
        family: 'INET',
        address: undefined,
        port: undefined,
        serverAddress: V4,
        serverPort: upstream.port,
      }
      expect(types('FORWARDER_QUERY').map(ends)).toEqual([
        ...['UDP', 'UDP', 'TCP'].map((protocol) => ({ ...place, protocol })),
      ])
      expect(types('FORWARDER_RESPONSE').map(ends)).toEqual(types('FORWARDER_QUERY').map(ends))
      for (const [i, response] of types('FORWARDER_RESPONSE').entries()) {
        const query = types('FORWARDER_QUERY')[i]!
        const [asked, answered] = [decode(query.query!), decode(response.response!)]
        expect([answered.id, answered.type, answered.questions]).toEqual([asked.id, 'response', asked.questions])
        expect(query.response).toBeUndefined()
        expect(response.query).toBeUndefined()
        // The clock may be read, and set, in between.
        expect(Math.abs(response.queryTimeMs - query.queryTimeMs)).toBeLessThan(2_000)
        expect(response.responseTimeMs).toBeGreaterThanOrEqual(response.queryTimeMs)
      }
    },
  )

  it('knows an upstream that is asked over TLS', async () => {
    await using receiver = await DnstapReceiver.listen(0)
    await using upstream = await startTestUpstream({ zone: ELSE, tls: true })
    await using server = await startExporting({
      dnstap: { tcp: { host: '127.0.0.1', port: receiver.port }, forwarder: true },
      forward: { upstreams: [`tls://127.0.0.1:${upstream.tlsPort}#localhost`], tls: { ca: upstream.ca! } },
    })
    await using client = await UdpClient.open(server.addresses[0]!)
    client.isRecursionDesired = true
    await client.ask('www.else.test', 'A', 10_000)
    await eventually(() => expect(receiver.messages).toHaveLength(4))
    const place = { family: 'INET', address: undefined, port: undefined, serverAddress: V4 }
    const asked = receiver.messages.filter(({ type }) => type.startsWith('FORWARDER'))
    expect(asked.map(ends)).toEqual(
      ['DOT', 'DOT'].map((protocol) => ({ ...place, protocol, serverPort: upstream.tlsPort })),
    )
  })

  it('says nothing of upstreams unless it shall', async () => {
    await using receiver = await DnstapReceiver.listen(0)
    await using upstream = await startTestUpstream({ zone: ELSE })
    const server = await startExporting({
      dnstap: { tcp: { host: '127.0.0.1', port: receiver.port } },
      forward: { upstreams: [`${upstream.host}:${upstream.port}`] },
    })
    await using client = await UdpClient.open(server.addresses[0]!)
    client.isRecursionDesired = true
    await client.ask('www.else.test')
    await eventually(() => expect(receiver.messages).toHaveLength(2))
    await server.close()
    expect(receiver.messages.map(({ type }) => type)).toEqual(['CLIENT_QUERY', 'CLIENT_RESPONSE'])
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

/** From where to where, over what. */
function ends({ family, protocol, address, port, serverAddress, serverPort }: Tapped) {
  return { family, protocol, address, port, serverAddress, serverPort }
}

function byPort(a: { port?: number | undefined }, b: { port?: number | undefined }): number {
  return (a.port ?? 0) - (b.port ?? 0)
}
