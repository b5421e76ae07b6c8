import { startTestUpstream, type TestUpstream } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { buildQuery, FLAGS } from '../support/build-query.js'
import { makeCertificate } from '../support/certificates.js'
import { DohClient, POST } from '../support/doh-client.js'
import { eventually } from '../support/eventually.js'
import { overTcp, overUdp } from '../support/exchange.js'
import { describeResponse } from '../support/expect-response.js'
import { TcpClient } from '../support/tcp-client.js'
import { UdpClient } from '../support/udp-client.js'
import { ask, CD, DO, EDNS, placeOf, startForwarding, ZONE } from './forwarding-server.js'

const { cert, key } = makeCertificate()
const tls = { cert, key }
type Place = { readonly host: string; readonly port: number }
const TRANSPORTS = ['batch', 'dgram'] as const
/** Type covered, algorithm, labels, TTL, times and key tag, signer, signature (RFC 4034 §3.1): of `*.wild.example`. */
const RRSIG_OF_ADDRESSES = Uint8Array.of(
  ...[0, 1, 8, 2, 0, 0, 0, 60, 0x7f, 0, 0, 0, 0, 0, 0, 1, 0, 1],
  ...Buffer.from('\x04wild\x07example\x00signature'),
)
/**
 * From a name to z.wild.example, with types enough to fill up a response: next name, and one window block of 32 octets for each of
 * four windows (RFC 4034 §4.1).
 */
const NSEC_OF_MANY_TYPES = Uint8Array.of(
  ...Buffer.from('\x01z\x04wild\x07example\x00'),
  ...[0, 1, 2, 3].flatMap((window) => [window, 32, ...new Array<number>(32).fill(0xff)]),
)

describe.each(TRANSPORTS)('over %s, a name that is in none of our zones', (transport) => {
  it('is answered over UDP, TCP, DoT and DoH from one question to the upstream, spelled as it was asked', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    const listen = [
      { port: 0 },
      { port: 0, protocols: ['dot' as const], tls },
      { port: 0, protocols: ['doh' as const], tls },
    ]
    await using server = await startForwarding(upstream, { transport, listen })
    const [udp, tcp, dot, doh] = server.addresses as readonly Place[] as [Place, Place, Place, Place]
    await using dotClient = await TcpClient.openTls(dot)
    await using dohClient = await DohClient.open(doh)
    // Each protocol once with nothing in the cache, and once out of it.
    for (const name of ['www', 'WWW']) {
      const query = buildQuery(`${name}.forwarded.example`)
      const asks = [
        () => overUdp(udp, query),
        () => overTcp(tcp, query),
        () => dotClient.ask(`${name}.forwarded.example`),
        async () => (await dohClient.request(POST, query)).body,
      ]
      for (const askOnce of asks) {
        const response = describeResponse(await askOnce())
        expect(response).toMatchObject({ rcode: 'NOERROR', flags: 'QR RD RA', authority: [] })
        expect(response.answer[0]).toMatch(new RegExp(`^${name}\\.forwarded\\.example\\. (60|5\\d) A 192\\.0\\.2\\.1$`))
        if (name === 'www') await server.cache.flush()
      }
    }
    expect(upstream.count('www.forwarded.example')).toBe(5)
    expect(server.stats().counters).toMatchObject({ cacheMisses: 5, forwarded: 5, cacheHits: 3 })
  })

  it('is told of as the upstream does: chains, no data, no name', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    await using server = await startForwarding(upstream, { transport, negativeTtl: 20 })
    // The second time from the cache, where a second may have passed.
    const soa = [
      expect.stringMatching(
        /^forwarded\.example\. (?:20|1\d) SOA ns\.forwarded\.example\. admin\.forwarded\.example\. 1 7200/,
      ),
    ]
    for (let i = 0; i < 2; i++) {
      expect((await ask(server, 'alias.forwarded.example')).answer).toEqual([
        expect.stringMatching(/^alias\.forwarded\.example\. (?:60|5\d) CNAME www\.forwarded\.example\.$/),
        expect.stringMatching(/^www\.forwarded\.example\. (?:60|5\d) A 192\.0\.2\.1$/),
      ])
      expect(await ask(server, 'www.forwarded.example', 'TXT')).toMatchObject({
        rcode: 'NOERROR',
        answer: [],
        authority: soa,
      })
      expect(await ask(server, 'gone.forwarded.example')).toMatchObject({
        rcode: 'NXDOMAIN',
        answer: [],
        authority: soa,
      })
    }
    expect(asked(upstream)).toBe(3)
  })

  it('is asked of the upstream again when its TTL is 0', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    await using server = await startForwarding(upstream, { transport })
    for (let i = 0; i < 3; i++) {
      expect((await ask(server, 'none.forwarded.example')).answer).toEqual(['none.forwarded.example. 0 A 192.0.2.2'])
    }
    expect(upstream.count('none.forwarded.example')).toBe(3)
  })

  it('is asked of the upstream once, however many ask while it is silent', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    upstream.fault('delay', { ms: 300 })
    await using server = await startForwarding(upstream, { transport })
    const clients = await Promise.all(Array.from({ length: 10 }, () => openClient(server)))
    const asked = clients.flatMap((client) =>
      Array.from({ length: 100 }, () => client.ask('www.forwarded.example', 'A', 9_000)),
    )
    const answers = await Promise.all(asked)
    expect(new Set(answers.map(({ rcode }) => rcode))).toEqual(new Set(['NOERROR']))
    expect(upstream.count('www.forwarded.example')).toBe(1)
    for (const client of clients) await client[Symbol.asyncDispose]()
  })

  it('goes by what the client may have: RD, its address, its type', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    await using server = await startForwarding(upstream, { transport })
    const name = 'www.forwarded.example'
    expect(await ask(server, name, 'A', { flags: 0, ...EDNS })).toMatchObject({
      rcode: 'REFUSED',
      opt: '1232 v0 EDE20',
    })
    expect(await ask(server, name, 'ANY', EDNS)).toMatchObject({ rcode: 'NOTIMP', opt: '1232 v0 EDE21' })
    expect(await ask(server, name, 'A', { class: 3 })).toMatchObject({ rcode: 'REFUSED' })
    expect(await ask(server, 'a.ours.test')).toMatchObject({
      flags: 'QR AA RD RA',
      answer: ['a.ours.test. 30 A 198.51.100.1'],
    })
    await using closed = await startForwarding(upstream, { transport, forward: { allow: ['192.0.2.0/24'] } })
    expect(await ask(closed, name, 'A', EDNS)).toMatchObject({ rcode: 'REFUSED', flags: 'QR RD', opt: '1232 v0 EDE18' })
    expect(await ask(closed, 'a.ours.test')).toMatchObject({ flags: 'QR AA RD' })
    expect(asked(upstream)).toBe(0)
  })

  it('has answers of its own for DO, CD, another type and another view', async () => {
    await using upstream = await startTestUpstream({
      answer: ({ name }) => ({ answer: [{ name, type: 'A', data: '192.0.2.1' }], isAuthenticated: true }),
    })
    const views = [{ name: 'inside', clients: ['127.0.0.2/32'] }]
    await using server = await startForwarding(upstream, { transport, views })
    const name = 'key.example'
    expect(await ask(server, name)).toMatchObject({ flags: 'QR RD RA' })
    expect(await ask(server, name, 'A', { flags: FLAGS.RD | FLAGS.AD })).toMatchObject({ flags: 'QR RD RA AD' })
    expect(asked(upstream)).toBe(1)
    expect(await ask(server, name, 'A', DO)).toMatchObject({ flags: 'QR RD RA AD', opt: '1232 v0 DO' })
    expect(asked(upstream)).toBe(2)
    expect(await ask(server, name, 'A', CD)).toMatchObject({ flags: 'QR RD RA CD' })
    expect(asked(upstream)).toBe(3)
    await using inside = await openClient(server, '127.0.0.2')
    await using outside = await openClient(server, '127.0.0.3')
    expect((await outside.ask(name)).rcode).toBe('NOERROR')
    expect(asked(upstream)).toBe(3)
    expect((await inside.ask(name)).rcode).toBe('NOERROR')
    expect(asked(upstream)).toBe(4)
    await server.query(name, 'A', { client: '127.0.0.2' })
    expect(asked(upstream)).toBe(4)
    expect((await ask(server, name)).rcode).toBe('NOERROR')
    expect(asked(upstream)).toBe(4)
  })

  it('belongs to the longest forward zone, down to its apex, unless a zone of ours is longer', async () => {
    const answering = (data: string) =>
      startTestUpstream({ answer: ({ name }) => ({ answer: [{ name, type: 'A', data }] }) })
    await using other = await answering('192.0.2.1')
    await using short = await answering('192.0.2.2')
    await using long = await answering('192.0.2.3')
    await using server = await startForwarding(other, {
      transport,
      zones: ['ours.test', 'ours.long.short.example'],
      forwardZones: [
        { zone: 'short.example', upstreams: [placeOf(short)] },
        { zone: 'long.short.example', upstreams: [placeOf(long)] },
        { zone: 'theirs.ours.test', upstreams: [placeOf(long)] },
      ],
    })
    const answers: [string, string | undefined][] = [
      ['example', '192.0.2.1'],
      ['short.example', '192.0.2.2'],
      ['a.short.example', '192.0.2.2'],
      ['along.short.example', '192.0.2.2'],
      ['long.short.example', '192.0.2.3'],
      ['a.long.short.example', '192.0.2.3'],
      ['theirs.ours.test', '192.0.2.3'],
      ['a.theirs.ours.test', '192.0.2.3'],
    ]
    for (const [name, address] of answers)
      expect((await ask(server, name)).answer).toEqual([`${name}. 60 A ${address}`])
    for (const name of ['a.ours.test', 'a.ours.long.short.example']) {
      expect((await ask(server, name)).flags).toBe('QR AA RD RA')
    }
  })

  it('is refused where there are forward zones alone, and it is in none', async () => {
    await using upstream = await startTestUpstream({
      answer: ({ name }) => ({ answer: [{ name, type: 'A', data: '192.0.2.1' }] }),
    })
    await using server = await startForwarding(upstream, {
      transport,
      forward: { upstreams: undefined } as never,
      forwardZones: [{ zone: 'short.example', upstreams: [placeOf(upstream)] }],
    })
    expect((await ask(server, 'a.short.example')).rcode).toBe('NOERROR')
    expect((await ask(server, 'a.example', 'A', EDNS)).opt).toBe('1232 v0 EDE20')
  })

  it('is not believed to be what it is called by somebody who may not say so', async () => {
    await using upstream = await startTestUpstream({
      answer: ({ name }) => ({
        answer: [
          { name, type: 'CNAME', data: 'a.ours.test' },
          { name: 'a.ours.test', type: 'A', data: '203.0.113.6' },
          { name: 'bank.example', type: 'A', data: '203.0.113.6' },
        ],
        additional: [{ name: 'bank.example', type: 'A', data: '203.0.113.6' }],
      }),
    })
    await using server = await startForwarding(upstream, { transport })
    expect(await ask(server, 'www.example')).toMatchObject({
      rcode: 'NOERROR',
      answer: ['www.example. 60 CNAME a.ours.test.'],
      additional: [],
    })
    await ask(server, 'bank.example')
    expect(upstream.count('bank.example')).toBe(1)
  })

  it('is truncated for who can take no more, and whole over TCP', async () => {
    const data = Array.from({ length: 80 }, (_, i) => `192.0.2.${i}`)
    await using upstream = await startTestUpstream({ rrsets: [{ name: 'many.example', type: 'A', data }] })
    await using server = await startForwarding(upstream, { transport })
    for (let i = 0; i < 2; i++) {
      expect(await ask(server, 'many.example')).toMatchObject({ flags: 'QR TC RD RA', answer: [] })
      expect(describeResponse(await overTcp(server, buildQuery('many.example'))).answer).toHaveLength(80)
    }
  })

  it('is truncated where DO finds no room for what proves it (RFC 4035 §3.1.3), and whole where it is not asked for', async () => {
    await using upstream = await startTestUpstream({
      answer: ({ name }) => ({
        answer: [
          ...Array.from({ length: 20 }, (_, i) => ({ name, type: 'A' as const, data: `192.0.2.${i}` })),
          { name, type: 'TYPE46', data: RRSIG_OF_ADDRESSES },
        ],
        authority: [{ name: 'a.wild.example', type: 'TYPE47', data: NSEC_OF_MANY_TYPES }],
      }),
    })
    await using server = await startForwarding(upstream, { transport })
    const parts = { edns: { size: 512, flags: DO.edns.flags } }
    for (let i = 0; i < 2; i++) {
      expect(await ask(server, 'b.wild.example', 'A', parts)).toMatchObject({ flags: 'QR TC RD RA' })
      const whole = await ask(server, 'b.wild.example', 'A', DO)
      expect(whole).toMatchObject({ flags: 'QR RD RA' })
      expect([whole.answer.length, whole.authority.length]).toEqual([21, 1])
    }
    const plain = await ask(server, 'b.wild.example', 'A', { edns: { size: 512 } })
    expect(plain).toMatchObject({ flags: 'QR RD RA', authority: [] })
    expect(plain.answer).toHaveLength(20)
  })

  it('is limited for each client, and by how many like responses go out', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    upstream.fault('delay', { ms: 200 })
    const rateLimit = { forwardedPerSecond: 5, responsesPerSecond: 20, slip: 0 }
    await using server = await startForwarding(upstream, { transport, rateLimit })
    const query = (i: number) => overUdp(server, buildQuery(`n${i}.any.forwarded.example`))
    const responses = await Promise.all(Array.from({ length: 20 }, (_, i) => query(i)))
    const refused = responses.filter((response) => describeResponse(response).rcode === 'REFUSED').length
    expect(refused).toBeGreaterThanOrEqual(9)
    expect(server.stats().counters.forwardLimited).toBe(refused)
    await using other = await startForwarding(upstream, { transport, rateLimit: { responsesPerSecond: 20, slip: 0 } })
    await using client = await openClient(other)
    for (let i = 0; i < 200; i++) client.send('www.forwarded.example', 'A', i)
    await eventually(() => expect(other.stats().counters.responsesLimited).toBeGreaterThan(150))
    expect(upstream.count('www.forwarded.example')).toBe(1)
  })
})

describe('a forwarded query', () => {
  it('of the host rejects with a code of ours when data in its answer makes no sense', async () => {
    // A character-string that is longer than the rdata, which nobody looks into on its way.
    const data = Uint8Array.of(200, 1, 2)
    await using upstream = await startTestUpstream({
      answer: ({ name }) => ({ answer: [{ name, type: 'TXT', data }] }),
    })
    await using server = await startForwarding(upstream)
    await expect(server.query('odd.example', 'TXT')).rejects.toMatchObject({ code: 'CDNS_RESPONSE_UNREADABLE' })
    expect((await server.query('a.ours.test', 'A')).rcode).toBe('NOERROR')
  })

  it('is asked for by the host as by others', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    await using server = await startForwarding(upstream)
    for (let i = 0; i < 2; i++) {
      const answer = [{ name: 'www.forwarded.example', type: 'A', data: '192.0.2.1' }]
      expect(await server.query('www.forwarded.example', 'A')).toMatchObject({ rcode: 'NOERROR', answer })
    }
    expect(asked(upstream)).toBe(1)
    expect((await server.query('gone.forwarded.example', 'A')).rcode).toBe('NXDOMAIN')
  })

  it('is forgotten when the host says so, by its name or with all others', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    await using server = await startForwarding(upstream)
    const askAll = async () => {
      for (const [name, type] of [
        ['www', 'A'],
        ['www', 'TXT'],
        ['long', 'TXT'],
      ] as const) {
        await ask(server, `${name}.forwarded.example`, type)
      }
      return asked(upstream)
    }
    expect(await askAll()).toBe(3)
    expect(await server.cache.flush('WWW.forwarded.example')).toBe(2)
    expect(await server.cache.flush('nobody.forwarded.example')).toBe(0)
    expect(await askAll()).toBe(5)
    expect(await server.cache.flush()).toBe(3)
    expect(await askAll()).toBe(8)
    await expect(server.cache.flush('a..b')).rejects.toMatchObject({ code: 'CDNS_NAME_INVALID' })
    await server.close()
    await expect(server.cache.flush()).rejects.toMatchObject({ code: 'CDNS_CLOSED' })
  })

  it('is never sent back to ourselves', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    await using first = await startForwarding(upstream)
    const { port } = first
    const listen = { port, share: true }
    const looping = startForwarding(upstream, { listen, forward: { upstreams: [`127.0.0.1:${port}`] } })
    await expect(looping).rejects.toMatchObject({ code: 'CDNS_UPSTREAM_INVALID' })
  })
})

/** Queries for names that a test has asked for; others are our own, in search of loops. */
function asked(upstream: TestUpstream): number {
  return upstream.queries.filter(({ name }) => name.endsWith('example')).length
}

async function openClient(server: Place, from?: string): Promise<UdpClient> {
  const client = await UdpClient.open(server, from)
  client.isRecursionDesired = true
  return client
}
