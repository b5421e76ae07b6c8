import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { startTestUpstream, type TestUpstream, type UpstreamFault } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { buildQuery, FLAGS } from '../support/build-query.js'
import { errorCode } from '../support/error-code.js'
import { eventually } from '../support/eventually.js'
import { nameIn, type ReadMessage, readMessage } from '../support/read-message.js'
import { framed, TcpClient } from '../support/tcp-client.js'

const ADDRESS = { name: 'www.example', type: 'A', ttl: 30, data: ['192.0.2.1'] } as const
const SOA = 'ns.example. admin.example. 1 7200 1800 86400 30'
const ZONE = `$ORIGIN example.
$TTL 60
@ SOA ${SOA}
www A 192.0.2.1
alias CNAME www
*.wild TXT "any"
a.empty A 192.0.2.2
`

/** A client that keeps whatever comes, and from which port. */
class Client implements AsyncDisposable {
  readonly got: { readonly bytes: Buffer; readonly port: number }[] = []
  readonly #socket: Socket
  readonly #port: number

  private constructor(socket: Socket, port: number) {
    this.#socket = socket
    this.#port = port
    socket.on('message', (bytes, { port: from }) => this.got.push({ bytes, port: from }))
  }

  static async open({ port }: TestUpstream): Promise<Client> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new Client(socket, port)
  }

  send(query: Uint8Array): void {
    this.#socket.send(query, this.#port, '127.0.0.1')
  }

  /** Asks, and takes so many messages. */
  async ask(query: Uint8Array, count = 1): Promise<Buffer[]> {
    const before = this.got.length
    this.send(query)
    await eventually(() => this.got.length >= before + count)
    return this.got.slice(before).map(({ bytes }) => bytes)
  }

  async read(query: Uint8Array): Promise<ReadMessage> {
    const [bytes] = await this.ask(query)
    return readMessage(new Uint8Array(bytes!))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()))
  }
}

describe('startTestUpstream', () => {
  it('answers RRsets and zones over UDP and TCP, with chains, wildcards, NXDOMAIN and NODATA', async () => {
    await using upstream = await startTestUpstream({
      zone: ZONE,
      rrsets: [{ ...ADDRESS, name: 'more.example' } as never],
    })
    await using client = await Client.open(upstream)
    expect(await client.read(buildQuery('www.example'))).toMatchObject({
      ...{ rcode: 0, flags: FLAGS.QR | FLAGS.RD | FLAGS.RA },
      answer: [{ owner: 'www.example.', ttl: 60, rdata: 'c0000201' }],
    })
    expect((await client.read(buildQuery('alias.example'))).answer.map(({ owner }) => owner)).toEqual([
      'alias.example.',
      'www.example.',
    ])
    expect((await client.read(buildQuery('Deep.Wild.example', 'TXT'))).answer).toMatchObject([
      { owner: 'deep.wild.example.' },
    ])
    expect(await client.read(buildQuery('absent.example'))).toMatchObject({ rcode: 3, authority: [{ type: 6 }] })
    expect(await client.read(buildQuery('empty.example'))).toMatchObject({ rcode: 0, authority: [{ type: 6 }] })
    await using tcp = await TcpClient.open(upstream)
    expect(readMessage(await tcp.ask('more.example')).answer).toHaveLength(1)
  })

  it('answers over TLS with a certificate that it has made', async () => {
    await using upstream = await startTestUpstream({ tls: true, rrsets: [ADDRESS as never] })
    const place = { host: upstream.host, port: upstream.tlsPort! }
    const trust = { rejectUnauthorized: true, ca: upstream.ca!, servername: 'localhost' }
    await using client = await TcpClient.openTls(place, trust)
    expect(readMessage(await client.ask('www.example')).answer).toHaveLength(1)
    await using byAddress = await TcpClient.openTls(place, { rejectUnauthorized: true, ca: upstream.ca! })
    expect(readMessage(await byAddress.ask('www.example')).answer).toHaveLength(1)
    expect(upstream.queries.map(({ protocol }) => protocol)).toEqual(['tls', 'tls'])
  })

  it('says what a function says, octets and records that are wrong too', async () => {
    await using upstream = await startTestUpstream({
      answer: ({ name, bytes }) => {
        if (name === 'raw') return Uint8Array.of(...bytes.subarray(0, 2), 7)
        if (name === 'late') return Promise.resolve({ rcode: 'REFUSED' })
        if (name === 'fault') return 'servfail'
        const records = { name, type: 'A', ttl: 2 ** 32 - 1, class: 3, data: Uint8Array.of(1, 2, 3) } as const
        return { answer: [records], isAuthenticated: true, isAuthoritative: true }
      },
    })
    await using client = await Client.open(upstream)
    const [raw] = await client.ask(buildQuery('raw', 'A', { id: 0x0102 }))
    expect([...raw!]).toEqual([1, 2, 7])
    expect((await client.read(buildQuery('late'))).rcode).toBe(5)
    expect((await client.read(buildQuery('fault'))).rcode).toBe(2)
    expect(await client.read(buildQuery('odd'))).toMatchObject({
      flags: FLAGS.QR | FLAGS.RD | FLAGS.RA | FLAGS.AA | FLAGS.AD,
      answer: [{ ttl: 2 ** 32 - 1, class: 3, rdata: '010203' }],
    })
  })

  it('truncates what a client does not take over UDP, and gives it whole over TCP', async () => {
    const data = Array.from({ length: 4000 }, (_, i) => `10.0.${i >>> 8}.${i & 0xff}`)
    await using upstream = await startTestUpstream({ rrsets: [{ name: 'many.example', type: 'A', data }] })
    await using client = await Client.open(upstream)
    const short = await client.read(buildQuery('many.example', 'A', { edns: { size: 1232 } }))
    expect([short.flags & FLAGS.TC, short.answer.length]).toEqual([FLAGS.TC, 0])
    await using tcp = await TcpClient.open(upstream)
    expect(readMessage(await tcp.ask('many.example')).answer).toHaveLength(4000)
  })

  it('keeps what it was asked', async () => {
    await using upstream = await startTestUpstream({ keepQueries: 4 })
    await using client = await Client.open(upstream)
    await client.ask(buildQuery('A.example', 'AAAA', { id: 7, edns: { size: 4000, flags: 0x8000 }, flags: FLAGS.CD }))
    expect(upstream.queries).toMatchObject([
      {
        ...{ name: 'A.example', type: 'AAAA', class: 1, id: 7, protocol: 'udp', address: '127.0.0.1' },
        ...{ isRecursionDesired: false, isCheckingDisabled: true },
        edns: { version: 0, payloadSize: 4000, isDnssecOk: true },
      },
    ])
    expect(upstream.count('a.EXAMPLE.')).toBe(1)
    for (let i = 0; i < 9; i++) await client.ask(buildQuery(`${i}.example`))
    expect(upstream.queryCount).toBe(10)
    expect(upstream.queries.at(-1)!.name).toBe('8.example')
    expect(upstream.queries.length).toBeLessThanOrEqual(4)
    upstream.forgetQueries()
    expect([upstream.queryCount, upstream.queries.length]).toEqual([0, 0])
  })

  it('ignores what is no query', async () => {
    await using upstream = await startTestUpstream({ rrsets: [ADDRESS as never] })
    await using client = await Client.open(upstream)
    for (const bytes of [Uint8Array.of(1, 2, 3), buildQuery('www.example', 'A', { flags: FLAGS.QR })])
      client.send(bytes)
    await client.ask(buildQuery('www.example'))
    expect([client.got.length, upstream.queryCount]).toEqual([1, 1])
  })

  it('comes back on the port that it had', async () => {
    const first = await startTestUpstream()
    const { port } = first
    await first.close()
    await first.close()
    await using second = await startTestUpstream({ port, rrsets: [ADDRESS as never] })
    await using client = await Client.open(second)
    expect((await client.read(buildQuery('www.example'))).answer).toHaveLength(1)
    await expect(startTestUpstream({ port })).rejects.toThrow('EADDRINUSE')
  })

  it('leaves nothing behind, also with connections and delays under way', async () => {
    // Those of the tests before may still be going.
    await eventually(() => socketsAndTimers().sockets === 0)
    const before = socketsAndTimers().timers
    const upstream = await startTestUpstream({ tls: true })
    upstream.fault('delay', { ms: 60_000 })
    {
      await using client = await Client.open(upstream)
      client.send(buildQuery('late.example'))
      await using tcp = await TcpClient.open(upstream)
      tcp.socket.write(framed(buildQuery('late.example')))
      await eventually(() => upstream.queryCount === 2)
      await upstream.close()
      await tcp.untilEnded()
    }
    await eventually(() => {
      const { sockets, timers } = socketsAndTimers()
      expect(sockets).toBe(0)
      expect(timers).toBeLessThanOrEqual(before)
    })
  })

  it('refuses options that make no sense', async () => {
    const codeOf = (call: () => Promise<unknown>) => call().then(String, (error) => (error as { code: string }).code)
    expect(await codeOf(() => startTestUpstream({ ports: 1 } as never))).toBe('CDNS_OPTION_UNKNOWN')
    expect(await codeOf(() => startTestUpstream({ port: -1 }))).toBe('CDNS_OPTION_INVALID')
    expect(await codeOf(() => startTestUpstream({ answer: 1 as never }))).toBe('CDNS_OPTION_INVALID')
    await using upstream = await startTestUpstream()
    expect(errorCode(() => upstream.fault('dropp' as never))).toBe('CDNS_OPTION_INVALID')
    expect(errorCode(() => upstream.fault('delay'))).toBe('CDNS_OPTION_INVALID')
    expect(errorCode(() => upstream.fault('drop', { probability: 2 }))).toBe('CDNS_OPTION_INVALID')
    expect(errorCode(() => upstream.fault('drop', { names: 'a' } as never))).toBe('CDNS_OPTION_UNKNOWN')
    expect(errorCode(() => upstream.fault('refuseTcp', { nth: 1 }))).toBe('CDNS_OPTION_UNKNOWN')
  })
})

describe('a fault', () => {
  const QUERY = buildQuery('www.example', 'A', { id: 0x4242, edns: { size: 1232 } })

  /** What the first message is that a fault makes of the response. */
  async function spoiled(fault: UpstreamFault): Promise<{ bytes: Buffer; port: number; upstreamPort: number }> {
    await using upstream = await startTestUpstream({ rrsets: [ADDRESS as never] })
    await using client = await Client.open(upstream)
    upstream.fault(fault)
    await client.ask(QUERY)
    return { ...client.got[0]!, upstreamPort: upstream.port }
  }

  it.each([
    ['servfail', 2],
    ['refused', 5],
    ['formerr', 1],
    ['notimp', 4],
    ['badvers', 16],
  ] as const)('%s is that RCODE with nothing else', async (fault, rcode) => {
    expect(readMessage((await spoiled(fault)).bytes)).toMatchObject({ rcode, answer: [] })
  })

  it('truncate sets TC and leaves everything out', async () => {
    const { flags, answer } = readMessage((await spoiled('truncate')).bytes)
    expect([flags & FLAGS.TC, answer.length]).toEqual([FLAGS.TC, 0])
  })

  it('wrongId, wrongQuestion and wrongSource change that alone', async () => {
    const right = { id: 0x4242, answer: [{ rdata: 'c0000201' }] }
    const wrongId = await spoiled('wrongId')
    expect(readMessage(wrongId.bytes)).toMatchObject({ answer: right.answer })
    expect(readMessage(wrongId.bytes).id).not.toBe(right.id)
    const { question, ...wrongQuestion } = readMessage((await spoiled('wrongQuestion')).bytes)
    expect(wrongQuestion).toMatchObject(right)
    expect(nameIn(Buffer.from(question).toString('hex'))).toBe('nobody-has-asked.invalid.')
    const wrongSource = await spoiled('wrongSource')
    expect(readMessage(wrongSource.bytes)).toMatchObject(right)
    expect(wrongSource.port).not.toBe(wrongSource.upstreamPort)
  })

  it('garbage and short are no messages, and have the right id', async () => {
    for (const fault of ['garbage', 'short'] as const) {
      const { bytes } = await spoiled(fault)
      expect(bytes.readUInt16BE(0)).toBe(0x4242)
      expect(() => readMessage(bytes)).toThrow()
    }
    expect((await spoiled('short')).bytes).toHaveLength(11)
  })

  it('changeCase spells the question otherwise', async () => {
    const { bytes } = await spoiled('changeCase')
    expect(bytes.toString('latin1', 12, 25)).toBe('\x03WWW\x07EXAMPLE\0')
    expect(readMessage(bytes)).toMatchObject({ answer: [{ owner: 'www.example.' }] })
  })

  it('oversize sends more than the client takes', async () => {
    const { bytes } = await spoiled('oversize')
    expect(bytes.length).toBeGreaterThan(1232)
    expect(readMessage(bytes)).toMatchObject({ answer: [{ rdata: 'c0000201' }] })
  })

  it('noEdns, ignoreEdns and dropEdns are three ways not to know EDNS', async () => {
    expect(readMessage((await spoiled('noEdns')).bytes)).toMatchObject({ rcode: 1, opt: undefined })
    expect(readMessage((await spoiled('ignoreEdns')).bytes)).toMatchObject({ answer: [{}], opt: undefined })
    await using upstream = await startTestUpstream({ rrsets: [ADDRESS as never] })
    await using client = await Client.open(upstream)
    const fault = upstream.fault('dropEdns')
    client.send(QUERY)
    await eventually(() => fault.hits === 1)
    expect((await client.read(buildQuery('www.example'))).answer).toHaveLength(1)
    expect(client.got).toHaveLength(1)
  })

  it('duplicate answers twice, and copies of a wrong message can come before the right one', async () => {
    await using upstream = await startTestUpstream({ rrsets: [ADDRESS as never] })
    await using client = await Client.open(upstream)
    const duplicate = upstream.fault('duplicate')
    const [one, two] = await client.ask(QUERY, 2)
    expect(one!.equals(two!)).toBe(true)
    await duplicate.remove()
    upstream.fault('servfail', { copies: 3, thenAnswer: true })
    const rcodes = (await client.ask(QUERY, 4)).map((bytes) => readMessage(bytes).rcode)
    expect(rcodes).toEqual([2, 2, 2, 0])
  })

  it('delay and drop do so, for the n-th query, the first ones, a name, a type or by chance', async () => {
    await using upstream = await startTestUpstream({ rrsets: [ADDRESS as never] })
    await using client = await Client.open(upstream)
    upstream.fault('delay', { ms: 300, name: 'WWW.example.' })
    const asked = performance.now()
    await client.ask(QUERY)
    // Timers may be a millisecond early.
    expect(performance.now() - asked).toBeGreaterThan(295)
    await upstream.clearFaults()
    const faults = [
      upstream.fault('servfail', { nth: 2, name: 'n.example' }),
      upstream.fault('servfail', { times: 2, type: 'TXT' }),
      upstream.fault('drop', { probability: 0.5, name: 'chance.example' }),
    ]
    const rcodes = async (name: string, type: string) => (await client.read(buildQuery(name, type))).rcode
    const three = async (name: string, type: string) => [
      await rcodes(name, type),
      await rcodes(name, type),
      await rcodes(name, type),
    ]
    expect(await three('n.example', 'A')).toEqual([3, 2, 3])
    expect(await three('t.example', 'TXT')).toEqual([2, 2, 3])
    for (let i = 0; i < 200; i++) client.send(buildQuery('chance.example'))
    await eventually(() => upstream.count('chance.example') === 200)
    expect(faults.map(({ hits }) => hits).slice(0, 2)).toEqual([1, 2])
    expect(faults[2]!.hits).toBeGreaterThan(60)
    expect(faults[2]!.hits).toBeLessThan(140)
  })

  it('of a connection closes it, stalls it or refuses it until it is mended', async () => {
    await using upstream = await startTestUpstream({ rrsets: [ADDRESS as never] })
    const closing = upstream.fault('closeConnection')
    await using closed = await TcpClient.open(upstream)
    closed.socket.write(framed(QUERY))
    await closed.untilEnded()
    expect(closed.messages).toEqual([])
    await closing.remove()
    const stalling = upstream.fault('stallTcp')
    await using stalled = await TcpClient.open(upstream)
    stalled.socket.write(framed(QUERY))
    await eventually(() => stalling.hits === 1)
    await stalling.remove()
    const answer = await stalled.ask('www.example')
    expect([readMessage(answer).answer.length, stalled.messages.length]).toEqual([1, 0])
    const refusing = upstream.fault('refuseTcp')
    await expect(TcpClient.open(upstream)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await stalled.untilEnded()
    await refusing.remove()
    await using again = await TcpClient.open(upstream)
    expect(readMessage(await again.ask('www.example')).answer).toHaveLength(1)
    expect(upstream.connectionCount).toBe(3)
  })
})

function socketsAndTimers(): { sockets: number; timers: number } {
  const resources = process.getActiveResourcesInfo()
  return {
    sockets: resources.filter((each) => /UDP|TCP|TLS/.test(each)).length,
    timers: resources.filter((each) => each === 'Timeout').length,
  }
}
