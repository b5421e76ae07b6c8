import { describe, expect, it } from 'vitest'
import type { RRset } from '../../lib/records/rrset.js'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { expectResponse } from '../support/expect-response.js'

const AA = { rcode: 'NOERROR', flags: 'QR AA RD' }
const soaOf = (zone: string) =>
  `${zone} 30 SOA ${`ns.dns.${zone}`.replace('..', '.')} ${`hostmaster.${zone}`.replace('..', '.')} 7 7200 1800 86400 30`
const SOA = soaOf('example.')
const ADDRESSES_OF_A = [...[1, 2, 3].map((i) => `a.example. 5 A 192.0.2.${i}`), 'a.example. 30 AAAA 2001:db8::1']

function cname(name: string, target: string): RRset {
  return { name, type: 'CNAME', data: [target] }
}

describe('a name in the index', () => {
  const server = new Answering()
    .put({ name: 'a.example', type: 'A', ttl: 5, data: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] })
    .put({ name: 'a.example', type: 'AAAA', data: ['2001:db8::1'] })
    .put({ name: 'a.example', type: 'MX', data: [{ preference: 10, exchange: 'mx.a.example' }] })
    .put({ name: 'a.example', type: 'TXT', data: [['one', '', 'two']] })
    .put({
      name: '_http._tcp.a.example',
      type: 'SRV',
      data: [{ priority: 1, weight: 2, port: 80, target: 'a.example' }],
    })
    .put({ name: '1.2.0.192.example', type: 'PTR', data: ['a.example'] })
    .put({ name: '*.w.example', type: 'A', data: ['192.0.2.9'] })

  it.each([
    ['a.example', 'A', ['a.example. 5 A 192.0.2.1', 'a.example. 5 A 192.0.2.2', 'a.example. 5 A 192.0.2.3']],
    ['a.example', 'AAAA', ['a.example. 30 AAAA 2001:db8::1']],
    ['a.example', 'MX', ['a.example. 30 MX 10 mx.a.example.']],
    ['a.example', 'TXT', ['a.example. 30 TXT "one" "" "two"']],
    ['_http._tcp.a.example', 'SRV', ['_http._tcp.a.example. 30 SRV 1 2 80 a.example.']],
    ['1.2.0.192.example', 'PTR', ['1.2.0.192.example. 30 PTR a.example.']],
    ['*.w.example', 'A', ['*.w.example. 30 A 192.0.2.9']],
  ])('%s %s is answered', (name, type, answer) => {
    // What SRV and MX point to comes along where it is ours.
    const additional = type === 'SRV' ? ADDRESSES_OF_A : []
    expectResponse(server.ask(buildQuery(name, type)), { ...AA, answer, additional, question: `${name}. IN ${type}` })
    expectResponse(server.ask(buildQuery(name, type, { edns: {} })), { ...AA, answer, additional, opt: '1232 v0' })
  })

  it('is not another whose label holds a dot', () => {
    const dotted = new Answering().put({ name: 'b\\.c.example', type: 'A', data: ['192.0.2.1'] })
    expectResponse(dotted.ask(buildQuery('b.c.example')), { rcode: 'NXDOMAIN', flags: 'QR AA RD', authority: [SOA] })
    expect(dotted.ask(buildQuery('b\\.c.example'))[7]).toBe(1)
  })

  it('may hold any octets, and is echoed byte for byte', () => {
    const name = '\\000\\255\\.\\\\.\\192\\012.example'
    const odd = new Answering().put({ name, type: 'A', data: ['192.0.2.1'] })
    const query = buildQuery(name)
    const response = odd.ask(query)
    expect(response[7]).toBe(1)
    expect(response.slice(12, query.length)).toEqual(query.slice(12))
  })
})

describe('zones', () => {
  it('with the most labels answer, and say whose SOA it is', () => {
    const server = new Answering({ zones: ['example.', 'b.example.', 'org.'] })
    expectResponse(server.ask(buildQuery('x.b.example')), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      authority: [soaOf('b.example.')],
    })
    expectResponse(server.ask(buildQuery('x.example')), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      authority: [soaOf('example.')],
    })
    expectResponse(server.ask(buildQuery('x.com')), { rcode: 'REFUSED', flags: 'QR RD' })
  })

  it('may be the root', () => {
    const server = new Answering({ zones: ['.'] }).put({ name: 'com', type: 'A', data: ['192.0.2.1'] })
    expectResponse(server.ask(buildQuery('com')), { ...AA, answer: ['com. 30 A 192.0.2.1'] })
    expectResponse(server.ask(buildQuery('org')), { rcode: 'NXDOMAIN', flags: 'QR AA RD', authority: [soaOf('.')] })
    expectResponse(server.ask(buildQuery('.', 'SOA')), { ...AA, answer: [soaOf('.')] })
    expectResponse(server.ask(buildQuery('.', 'NS')), { ...AA, answer: ['. 30 NS ns.dns.'] })
    expectResponse(server.ask(buildQuery('.', 'A')), { ...AA, authority: [soaOf('.')] })
  })

  it('may have names as long as leave room for their server', () => {
    const zone = `${'x'.repeat(63)}.${'y'.repeat(63)}.${'z'.repeat(63)}.${'w'.repeat(50)}.`
    const server = new Answering({ zones: [zone] })
    expectResponse(server.ask(buildQuery(zone, 'SOA')), { ...AA, answer: [soaOf(zone)] })
    expectResponse(server.ask(buildQuery(zone, 'NS')), { ...AA, answer: [`${zone} 30 NS ns.dns.${zone}`] })
    expectResponse(server.ask(buildQuery(`a.${zone}`)), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      authority: [soaOf(zone)],
    })
  })
})

describe('an apex', () => {
  it('has an SOA and an NS though the store has nothing', () => {
    const server = new Answering({ negativeTtl: 17 })
    const soa = 'example. 17 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 17'
    expectResponse(server.ask(buildQuery('example', 'SOA')), { ...AA, answer: [soa] })
    expectResponse(server.askStream(buildQuery('example', 'ANY')), { ...AA, answer: [soa] })
    expectResponse(server.ask(buildQuery('example', 'NS')), { ...AA, answer: ['example. 17 NS ns.dns.example.'] })
    expectResponse(server.ask(buildQuery('example', 'A')), { ...AA, authority: [soa] })
  })

  it('has what the store has instead', () => {
    const soa = { mname: 'ns1.example', rname: 'me.example', serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 }
    const server = new Answering()
      .put({ name: 'example', type: 'SOA', ttl: 600, data: [soa] })
      .put({ name: 'example', type: 'NS', ttl: 700, data: ['ns1.example', 'ns2.example'] })
    const text = 'SOA ns1.example. me.example. 1 2 3 4 5'
    expectResponse(server.ask(buildQuery('example', 'SOA')), { ...AA, answer: [`example. 600 ${text}`] })
    expectResponse(server.ask(buildQuery('example', 'NS')), {
      ...AA,
      answer: ['example. 700 NS ns1.example.', 'example. 700 NS ns2.example.'],
    })
    expectResponse(server.ask(buildQuery('no.example')), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      authority: [`example. 5 ${text}`],
    })
  })

  it('keeps its SOA and NS beside a CNAME that the store should not have let in', () => {
    const server = new Answering({ zones: ['example.', 'org.'] })
      .put(cname('example', 'a.org'))
      .put({ name: 'a.org', type: 'A', data: ['192.0.2.1'] })
    expectResponse(server.ask(buildQuery('example', 'SOA')), { ...AA, answer: [SOA] })
    expectResponse(server.ask(buildQuery('example', 'NS')), { ...AA, answer: ['example. 30 NS ns.dns.example.'] })
    expectResponse(server.ask(buildQuery('example')), {
      ...AA,
      answer: ['example. 30 CNAME a.org.', 'a.org. 30 A 192.0.2.1'],
    })
  })

  it('says the serial of the index', () => {
    const server = new Answering()
    server.index.setSerial(0xfffffffe)
    const soa = 'example. 30 SOA ns.dns.example. hostmaster.example. 4294967294 7200 1800 86400 30'
    expectResponse(server.ask(buildQuery('example', 'SOA')), { ...AA, answer: [soa] })
  })
})

describe('CNAME chains', () => {
  function chainOf(links: number): { server: Answering; answer: string[] } {
    const server = new Answering()
    const answer: string[] = []
    for (let i = 0; i < links; i++) {
      server.put(cname(`c${i}.example`, `c${i + 1}.example`))
      answer.push(`c${i}.example. 30 CNAME c${i + 1}.example.`)
    }
    server.put({ name: `c${links}.example`, type: 'A', data: ['192.0.2.1', '192.0.2.2'] })
    return { server, answer }
  }

  it.each([1, 2, 7, 8])('of %i links are followed to their end', (links) => {
    const { server, answer } = chainOf(links)
    const end = [1, 2].map((i) => `c${links}.example. 30 A 192.0.2.${i}`)
    expectResponse(server.ask(buildQuery('c0.example')), { ...AA, answer: [...answer, ...end] })
  })

  it.each([9, 20])('of %i links are followed for eight', (links) => {
    const { server, answer } = chainOf(links)
    expectResponse(server.ask(buildQuery('c0.example')), { ...AA, answer: answer.slice(0, 8) })
  })

  it.each([
    {
      what: 'nine names of 17 labels and 113 octets',
      end: `${'x.'.repeat(13)}${'y'.repeat(70 - 8)}.${'z'.repeat(10)}`,
      links: 8,
    },
    { what: 'names of 63 labels', end: 'x.'.repeat(61).slice(0, -1), links: 2 },
    {
      what: 'names of 255 octets',
      end: `${['x', 'y', 'z'].map((octet) => octet.repeat(60)).join('.')}.${'w'.repeat(58)}`,
      links: 4,
    },
  ])('of $what are followed for $links links', ({ end, links }) => {
    const nameOf = (i: number) => `c${i}.${end}.example`
    const server = new Answering()
    for (let i = 0; i < 8; i++) server.put(cname(nameOf(i), nameOf(i + 1)))
    server.put({ name: nameOf(8), type: 'A', data: ['192.0.2.1'] })
    const answer = Array.from({ length: links }, (_, i) => `${nameOf(i)}. 30 CNAME ${nameOf(i + 1)}.`)
    if (links === 8) answer.push(`${nameOf(8)}. 30 A 192.0.2.1`)
    expectResponse(server.askStream(buildQuery(nameOf(0))), { ...AA, answer })
  })

  it.each([1, 2, 3, 8])('that loop after %i are told once', (links) => {
    const server = new Answering()
    // The name in the question is there to point to; the others are written as the store has them, but for their end.
    const labelOf = (i: number) => (i % links === 0 ? 'c0' : `C${i}`)
    for (let i = 0; i < links; i++) server.put(cname(`c${i}.example`, `C${(i + 1) % links}.Example`))
    const answer = Array.from({ length: links }, (_, i) => `${labelOf(i)}.example. 30 CNAME ${labelOf(i + 1)}.example.`)
    expectResponse(server.ask(buildQuery('c0.example')), { ...AA, answer })
  })

  it('that run into a loop end where it closes', () => {
    const server = new Answering().put(
      cname('a.example', 'b.example'),
      cname('b.example', 'c.example'),
      cname('c.example', 'b.example'),
    )
    const answer = [
      'a.example. 30 CNAME b.example.',
      'b.example. 30 CNAME c.example.',
      'c.example. 30 CNAME b.example.',
    ]
    expectResponse(server.ask(buildQuery('a.example')), { ...AA, answer })
  })

  it('go on in another zone of ours, whose SOA is told at the end', () => {
    const server = new Answering({ zones: ['example.', 'org.'] })
      .put(cname('a.example', 'b.org'), cname('n.example', 'no.org'), cname('apex.example', 'org'))
      .put({ name: 'b.org', type: 'A', data: ['192.0.2.1'] })
    expectResponse(server.ask(buildQuery('a.example')), {
      ...AA,
      answer: ['a.example. 30 CNAME b.org.', 'b.org. 30 A 192.0.2.1'],
    })
    const nodata = { answer: ['a.example. 30 CNAME b.org.'], authority: [soaOf('org.')] }
    expectResponse(server.ask(buildQuery('a.example', 'AAAA')), { ...AA, ...nodata })
    expectResponse(server.ask(buildQuery('n.example')), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      answer: ['n.example. 30 CNAME no.org.'],
      authority: [soaOf('org.')],
    })
    expectResponse(server.ask(buildQuery('apex.example', 'SOA')), {
      ...AA,
      answer: ['apex.example. 30 CNAME org.', soaOf('org.')],
    })
    expectResponse(server.ask(buildQuery('apex.example', 'NS')), {
      ...AA,
      answer: ['apex.example. 30 CNAME org.', 'org. 30 NS ns.dns.org.'],
    })
  })

  it('end where they leave our zones', () => {
    const server = new Answering().put(cname('a.example', 'b.com'), cname('r.example', '.'))
    expectResponse(server.ask(buildQuery('a.example')), { ...AA, answer: ['a.example. 30 CNAME b.com.'] })
    expectResponse(server.ask(buildQuery('r.example')), { ...AA, answer: ['r.example. 30 CNAME .'] })
  })

  it('are not followed for CNAME itself, or for ANY', () => {
    const { server, answer } = chainOf(2)
    expectResponse(server.ask(buildQuery('c0.example', 'CNAME')), { ...AA, answer: [answer[0]!] })
    expectResponse(server.askStream(buildQuery('c0.example', 'ANY')), { ...AA, answer: [answer[0]!] })
    expectResponse(server.ask(buildQuery('c2.example', 'CNAME')), { ...AA, authority: [SOA] })
  })

  it('have owners that point to the question where the target was a pointer alone', () => {
    // The targets are the ends of the question's name: nothing of them is written but a pointer.
    const server = new Answering({ zones: ['example.', '.'] })
      .put(cname('a.b.example', 'b.example'), cname('b.example', 'example'))
      .put({ name: 'example', type: 'A', data: ['192.0.2.1'] })
    const query = buildQuery('a.b.example')
    const response = server.ask(query)
    expectResponse(response, {
      ...AA,
      answer: ['a.b.example. 30 CNAME b.example.', 'b.example. 30 CNAME example.', 'example. 30 A 192.0.2.1'],
    })
    expect(response).toHaveLength(query.length + 14 + 14 + 16)
    // Not to a pointer: b.example stands 2 octets into the question's name, example 4.
    const ownerAt = (at: number) => [...response.subarray(at, at + 2)]
    expect(ownerAt(query.length + 14)).toEqual([0xc0, 12 + 2])
    expect(ownerAt(query.length + 28)).toEqual([0xc0, 12 + 4])
  })

  it('may lead to the root', () => {
    const server = new Answering({ zones: ['.'] })
      .put(cname('a', '.'))
      .put({ name: '.', type: 'A', data: ['192.0.2.1'] })
    expectResponse(server.ask(buildQuery('a')), { ...AA, answer: ['a. 30 CNAME .', '. 30 A 192.0.2.1'] })
  })

  it('have pointers that can hold their place, or the owner in full', () => {
    const server = new Answering({ zones: ['.'], udpPayloadSize: 4096 })
    const long = (i: number) => `${String(i).repeat(63)}.${'x'.repeat(62)}${i}.${'y'.repeat(30)}${i}`
    for (let i = 0; i < 5; i++) server.put(cname(long(i), long(i + 1)))
    server.put({ name: long(5), type: 'A', data: Array.from({ length: 2000 }, (_, i) => `192.0.${i >> 8}.${i & 255}`) })
    const response = server.askStream(buildQuery(long(0), 'A', { edns: {} }))
    expectResponse(response, {
      ...AA,
      answer: [
        ...Array.from({ length: 5 }, (_, i) => `${long(i)}. 30 CNAME ${long(i + 1)}.`),
        ...Array.from({ length: 2000 }, (_, i) => `${long(5)}. 30 A 192.0.${i >> 8}.${i & 255}`),
      ],
      opt: '4096 v0',
    })
    expect(response.length).toBeGreaterThan(0x3fff)
  })
})

describe('compression', () => {
  it('is against the question, whole labels only, whatever the case', () => {
    const server = new Answering().put({
      name: 'www.example',
      type: 'MX',
      data: [{ preference: 1, exchange: 'w.EXAMPLE' }],
    })
    const query = buildQuery('WWW.eXample', 'MX')
    const response = server.ask(query)
    // Owner, type, class, TTL, length: 12; preference, `1 w`, pointer: 6.
    expect(response).toHaveLength(query.length + 18)
    expectResponse(response, { ...AA, answer: ['WWW.eXample. 30 MX 1 w.eXample.'] })
  })

  it('leaves the names of SRV alone (RFC 2782)', () => {
    const server = new Answering().put({
      name: 'a.example',
      type: 'SRV',
      data: [{ priority: 1, weight: 1, port: 1, target: 'a.example' }],
    })
    const query = buildQuery('a.example', 'SRV')
    expect(server.ask(query)).toHaveLength(query.length + 12 + 6 + 11)
  })

  it('does not take a label for the end of a longer one', () => {
    const server = new Answering({ zones: ['.'] }).put({
      name: 'b.example',
      type: 'PTR',
      data: ['ab.example', 'b.xexample', '\\001b.example'],
    })
    const response = server.ask(buildQuery('b.example', 'PTR'))
    expectResponse(response, {
      ...AA,
      answer: ['b.example. 30 PTR ab.example.', 'b.example. 30 PTR b.xexample.', 'b.example. 30 PTR \x01b.example.'],
    })
  })
})

describe('empty non-terminals', () => {
  it('come and go with the names below them', () => {
    const server = new Answering().put({ name: 'x.b.c.example', type: 'A', data: ['192.0.2.1'] })
    for (const name of ['b.c.example', 'c.example'])
      expectResponse(server.ask(buildQuery(name)), { ...AA, authority: [SOA] })
    expectResponse(server.ask(buildQuery('a.c.example')), { rcode: 'NXDOMAIN', flags: 'QR AA RD', authority: [SOA] })
    expectResponse(server.ask(buildQuery('y.x.b.c.example')), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      authority: [SOA],
    })
  })

  it('stand above a zone of ours that is empty', () => {
    const server = new Answering({ zones: ['example.', 'z.y.x.example.'] })
    for (const name of ['x.example', 'Y.x.example'])
      expectResponse(server.ask(buildQuery(name)), { ...AA, authority: [SOA] })
    expectResponse(server.ask(buildQuery('w.example')), { rcode: 'NXDOMAIN', flags: 'QR AA RD', authority: [SOA] })
  })
})

describe('the order of an RRset', () => {
  it('is shuffled, and always the whole set', () => {
    const addresses = [1, 2, 3, 4].map((i) => `192.0.2.${i}`)
    const server = new Answering().put({ name: 'a.example', type: 'A', data: addresses })
    const first = new Map<number, number>()
    for (let i = 0; i < 4000; i++) {
      const response = server.ask(buildQuery('a.example'))
      const octets = [0, 1, 2, 3].map((record) => response[27 + 16 * record + 15]!)
      expect([...octets].sort()).toEqual([1, 2, 3, 4])
      first.set(octets[0]!, (first.get(octets[0]!) ?? 0) + 1)
    }
    for (const count of first.values()) expect(Math.abs(count / 1000 - 1)).toBeLessThan(0.15)
  })
})
