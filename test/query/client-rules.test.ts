import { describe, expect, it } from 'vitest'
import { parseAcl } from '../../lib/limits/acl.js'
import { parseAmplification } from '../../lib/limits/amplification.js'
import { createRateLimits } from '../../lib/limits/create-rate-limits.js'
import { parseRateLimitOptions, type RateLimitOptions } from '../../lib/limits/rate-limit-options.js'
import type { RRset } from '../../lib/records/rrset.js'
import { Answering } from '../support/answering.js'
import { buildQuery, type QueryParts } from '../support/build-query.js'
import { optionsOf } from '../support/edns-options.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

const COOKIE = 10
const CLIENT_COOKIE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const WWW: RRset = { name: 'www.example', type: 'A', data: ['192.0.2.1'] }
const QUERY = buildQuery('www.example')

describe('an access list', () => {
  const acl = parseAcl([
    { clients: ['10.0.0.0/8', '2001:db8::/32'], action: 'refuse' },
    { clients: ['10.1.0.0/16'], action: 'drop' },
    { clients: ['10.1.1.1'], action: 'allow' },
  ])
  const server = () => new Answering({ policy: { acl } }).put(WWW)

  it('goes by the longest prefix, and lets in who is in no rule', () => {
    const asked = server()
    const from = (...client: number[]) => {
      asked.client = Uint8Array.from(client)
      const response = asked.ask(QUERY)
      return response.length === 0 ? 'silence' : describeResponse(response).rcode
    }
    expect(from(192, 0, 2, 1)).toBe('NOERROR')
    expect(from(10, 9, 9, 9)).toBe('REFUSED')
    expect(from(10, 1, 9, 9)).toBe('silence')
    expect(from(10, 1, 1, 1)).toBe('NOERROR')
    expect(from(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)).toBe('REFUSED')
    expect(asked.counters).toMatchObject({ aclRefused: 2, aclDropped: 1, dropped: 1, NOERROR: 2, REFUSED: 2 })
  })

  it('refuses with Prohibited (RFC 8914 §4.19), the question, and no word about what is wrong with the rest', () => {
    const asked = server()
    asked.client = Uint8Array.of(10, 9, 9, 9)
    const response = asked.ask(buildQuery('www.example', 'A', { edns: {} }))
    expectResponse(response, { rcode: 'REFUSED', flags: 'QR RD', question: 'www.example. IN A', opt: '1232 v0 EDE18' })
    const response2 = asked.ask(buildQuery('www.example', 'A', { counts: [2] }))
    expectResponse(response2, { rcode: 'REFUSED', flags: 'QR RD', question: null })
  })

  it('holds over streams too, and answers no response', () => {
    const asked = server()
    asked.client = Uint8Array.of(10, 9, 9, 9)
    expect(describeResponse(asked.askStream(QUERY)).rcode).toBe('REFUSED')
    expect(asked.ask(buildQuery('www.example', 'A', { flags: 0x8000 }))).toHaveLength(0)
    asked.client = Uint8Array.of(10, 1, 9, 9)
    expect(asked.askStream(QUERY)).toHaveLength(0)
  })
})

/** Asks so often in so many seconds of the server's clock, evenly. Counts answers, truncated ones and silence. */
function flood(
  server: Answering,
  perSecond: number,
  seconds: number,
  query: (i: number) => Uint8Array,
  stream = false,
) {
  const seen = { sent: 0, slipped: 0, silent: 0, refused: 0 }
  for (let i = 0; i < perSecond * seconds; i++) {
    server.elapsedMs = Math.floor((1000 * i) / perSecond)
    const response = stream ? server.askStream(query(i)) : server.ask(query(i))
    if (response.length === 0) seen.silent++
    else if ((response[2]! & 2) !== 0) seen.slipped++
    else if ((response[3]! & 0xf) === 5) seen.refused++
    else seen.sent++
  }
  return seen
}

function limited(rateLimit: RateLimitOptions, rrsets: RRset[] = [WWW]): Answering {
  const rateLimits = createRateLimits(parseRateLimitOptions(rateLimit), 7)
  return new Answering({ policy: { rateLimits, cookies: 'on' } }).put(...rrsets)
}

describe('responses that are like each other', () => {
  it('go out at the rate of a network, with a second in advance, and half of the others slip through truncated', () => {
    const server = limited({ responsesPerSecond: 100 })
    const { sent, slipped, silent } = flood(server, 1000, 10, () => QUERY)
    expect(sent).toBeGreaterThan(0.9 * 1100)
    expect(sent).toBeLessThan(1.1 * 1100)
    expect(slipped / (slipped + silent)).toBeCloseTo(0.5, 1)
    expect(server.counters).toMatchObject({ responsesSlipped: slipped, responsesLimited: silent, dropped: silent })
  })

  it('slip through with their question, TC, and nothing else', () => {
    const server = limited({ responsesPerSecond: 1, slip: 1 })
    server.ask(QUERY)
    expectResponse(server.ask(QUERY), { rcode: 'NOERROR', flags: 'QR AA TC RD' })
  })

  it('are silence with slip 0', () => {
    const server = limited({ responsesPerSecond: 10, slip: 0 })
    expect(flood(server, 1000, 2, () => QUERY)).toMatchObject({ slipped: 0, sent: expect.closeTo(30, -1) })
  })

  it('are those below one wildcard, one zone without the name, and one delegation, whatever was asked', () => {
    const rrsets: RRset[] = [
      { name: '*.apps.example', type: 'A', data: ['192.0.2.1'] },
      { name: 'sub.example', type: 'NS', data: ['ns.example.org'] },
    ]
    for (const below of ['apps.example', 'example', 'sub.example']) {
      const { sent } = flood(limited({ responsesPerSecond: 10 }, rrsets), 500, 2, (i) => buildQuery(`r${i}.${below}`))
      expect({ below, sent }).toEqual({ below, sent: expect.closeTo(30, -1) })
    }
    const names = Array.from({ length: 100 }, (_, i): RRset => ({ ...WWW, name: `n${i}.example` }) as RRset)
    const each = flood(limited({ responsesPerSecond: 10 }, names), 500, 2, (i) => buildQuery(`n${i % 100}.example`))
    expect(each).toMatchObject({ sent: 1000 })
  })

  it('are not counted for who shows a cookie of ours, who comes over a stream, and who is on the allow list', () => {
    const rateLimit = { responsesPerSecond: 5, allow: ['198.51.100.0/24'] }
    const server = limited(rateLimit)
    const withCookie = (cookie: Uint8Array): QueryParts => ({ edns: { options: [[COOKIE, cookie]] } })
    const first = server.ask(buildQuery('www.example', 'A', withCookie(CLIENT_COOKIE)))
    const known = buildQuery('www.example', 'A', withCookie(optionsOf(first).get(COOKIE)!))
    expect(flood(server, 200, 2, () => known)).toMatchObject({ sent: 400 })
    const forged = buildQuery('www.example', 'A', withCookie(new Uint8Array(24)))
    expect(flood(limited(rateLimit), 200, 2, () => forged).sent).toBeLessThan(30)
    expect(flood(limited(rateLimit), 200, 2, () => QUERY, true)).toMatchObject({ sent: 400 })
    const allowed = limited(rateLimit)
    allowed.client = Uint8Array.of(198, 51, 100, 9)
    expect(flood(allowed, 200, 2, () => QUERY)).toMatchObject({ sent: 400 })
  })
})

describe('queries of one client', () => {
  it('are taken at its rate over UDP, and the rest is dropped, whatever they ask', () => {
    const server = limited({ queriesPerSecond: 100 })
    const { sent, silent } = flood(server, 1000, 10, (i) => buildQuery(`r${i}.example`))
    expect(sent).toBeGreaterThan(0.9 * 1100)
    expect(sent).toBeLessThan(1.1 * 1100)
    expect(server.counters).toMatchObject({ queriesLimited: silent, dropped: silent })
    server.client = Uint8Array.of(192, 0, 2, 2)
    expect(server.ask(QUERY).length).toBeGreaterThan(0)
  })

  it('are refused over a stream, where silence would keep the client waiting', () => {
    const server = limited({ queriesPerSecond: 10 })
    const { clientAddress } = server.pipeline.clients
    server.pipeline.clients = { areOnStreams: true, clientAddress }
    expect(flood(server, 500, 2, () => QUERY, true)).toMatchObject({ silent: 0, sent: expect.closeTo(30, -1) })
  })

  it('go on while 100 000 others that nobody has seen before ask as well', () => {
    const server = limited({ queriesPerSecond: 50, responsesPerSecond: 50, slip: 0 })
    const own = Uint8Array.of(192, 0, 2, 1)
    let answered = 0
    for (let i = 0; i < 100_000; i++) {
      server.elapsedMs = i / 50
      server.client = Uint8Array.of(1 + (i >>> 16), i >>> 8, i, 1)
      server.ask(QUERY)
      if (i % 2500 !== 0) continue
      server.client = own
      if (server.ask(QUERY).length > 0) answered++
    }
    expect(answered).toBe(40)
  })
})

describe('bytes out over bytes in, to a client that has shown nothing', () => {
  const addresses = Array.from({ length: 30 }, (_, i) => `192.0.2.${i + 1}`)
  const rrsets: RRset[] = [
    { name: 'many.example', type: 'A', data: addresses },
    { name: 'few.example', type: 'A', data: addresses.slice(0, 3) },
    { name: 'text.example', type: 'TXT', data: ['x'.repeat(200)] },
    { name: '_x._tcp.example', type: 'SRV', data: [{ priority: 0, weight: 1, port: 80, target: 'few.example' }] },
    { name: 'sub.example', type: 'NS', data: ['ns1.sub.example', 'ns2.sub.example'] },
    { name: 'ns1.sub.example', type: 'A', data: ['192.0.2.1'] },
    { name: 'ns2.sub.example', type: 'AAAA', data: ['2001:db8::1'] },
  ]
  const identity = { version: 'v'.repeat(255), hostname: 'h' }
  const server = (trusted?: string[]) => {
    const amplification = parseAmplification(trusted && { trusted })
    return new Answering({ policy: { amplification, identity, nsid: new Uint8Array(128), cookies: 'on' } }).put(
      ...rrsets,
    )
  }
  const edns = [
    undefined,
    {},
    { size: 4096, options: [[3, new Uint8Array(0)]] as const },
    { options: [[COOKIE, CLIENT_COOKIE]] as const },
  ]

  it('are three at most, whatever is asked', () => {
    const asked = server()
    let largest = 0
    for (const name of [
      'many.example',
      'few.example',
      'text.example',
      '_x._tcp.example',
      'a.sub.example',
      'n.example',
      'example',
    ])
      for (const type of ['A', 'AAAA', 'TXT', 'SRV', 'NS', 'SOA', 'ANY', 'DS', 'AXFR'])
        for (const options of edns) {
          const query = buildQuery(name, type, options === undefined ? {} : { edns: options })
          largest = Math.max(largest, asked.ask(query).length / query.length)
        }
    const chaos = buildQuery('version.bind', 'TXT', { class: 3 })
    largest = Math.max(largest, asked.ask(chaos).length / chaos.length)
    expect(largest).toBeGreaterThan(2)
    expect(largest).toBeLessThanOrEqual(3)
    expect(asked.counters.amplificationAvoided).toBeGreaterThan(5)
  })

  it('leave room for ordinary answers, and truncate the others, which come whole over TCP and with a cookie', () => {
    const asked = server()
    expect(describeResponse(asked.ask(buildQuery('few.example'))).answer).toHaveLength(3)
    expectResponse(asked.ask(buildQuery('many.example')), { rcode: 'NOERROR', flags: 'QR AA TC RD' })
    expect(describeResponse(asked.askStream(buildQuery('many.example'))).answer).toHaveLength(30)
    const hello = asked.ask(buildQuery('few.example', 'A', { edns: { options: [[COOKIE, CLIENT_COOKIE]] } }))
    const known = { edns: { options: [[COOKIE, optionsOf(hello).get(COOKIE)!]] as const } }
    expect(describeResponse(asked.ask(buildQuery('many.example', 'A', known))).answer).toHaveLength(30)
  })

  it('are not counted in networks that the Internet does not reach, unless nobody is trusted', () => {
    for (const client of [
      [127, 0, 0, 1],
      [10, 0, 0, 1],
      [172, 31, 0, 1],
      [192, 168, 0, 1],
      [100, 64, 0, 1],
    ]) {
      const asked = server()
      asked.client = Uint8Array.from(client)
      expect(describeResponse(asked.ask(buildQuery('many.example'))).answer).toHaveLength(30)
    }
    const strict = server([])
    strict.client = Uint8Array.of(127, 0, 0, 1)
    expect(describeResponse(strict.ask(buildQuery('many.example'))).flags).toBe('QR AA TC RD')
  })
})
