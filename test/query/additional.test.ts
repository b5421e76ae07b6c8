import { describe, expect, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

const AA = { rcode: 'NOERROR', flags: 'QR AA RD' }
const OWN = { ipv4: Uint8Array.of(192, 0, 2, 53), ipv6: Uint8Array.of(0x20, 1, 0xd, 0xb8, ...new Uint8Array(11), 0x35) }
const SOA = 'example. 30 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 30'

describe('what an answer points to', () => {
  it('comes along once for each host, if it is ours and the host is not a domain without a service', () => {
    const server = new Answering({ zones: ['example.', 'org.'] }).put(
      {
        name: 's.example',
        type: 'SRV',
        data: [
          { priority: 1, weight: 1, port: 1, target: 'a.org' },
          { priority: 2, weight: 1, port: 2, target: 'A.org' },
          { priority: 3, weight: 1, port: 3, target: 'no.org' },
          { priority: 4, weight: 1, port: 4, target: 'a.com' },
          { priority: 5, weight: 1, port: 5, target: '.' },
        ],
      },
      { name: 'a.org', type: 'A', data: ['192.0.2.1', '192.0.2.2'] },
      { name: 'a.org', type: 'AAAA', data: ['2001:db8::1'] },
    )
    const { answer, additional, flags } = describeResponse(server.ask(buildQuery('s.example', 'SRV')))
    expect([flags, answer.length]).toEqual(['QR AA RD', 5])
    expect(additional.map((record) => record.toLowerCase()).sort()).toEqual([
      'a.org. 30 a 192.0.2.1',
      'a.org. 30 a 192.0.2.2',
      'a.org. 30 aaaa 2001:db8::1',
    ])
  })

  it('is left out where there is no room, without a word, and never in part', () => {
    const data = Array.from({ length: 20 }, (_, i) => ({ preference: i, exchange: `m${i}.example` }))
    const server = new Answering().put({ name: 'm.example', type: 'MX', data })
    const addresses = Array.from({ length: 5 }, (_, i) => `192.0.2.${i}`)
    for (const { exchange } of data) server.put({ name: exchange, type: 'A', data: addresses })
    for (let size = 512; size <= 1232; size += 16) {
      const response = server.ask(buildQuery('m.example', 'MX', { edns: { size } }))
      const { flags, answer, additional } = describeResponse(response)
      expect([flags, answer.length, additional.length % 5]).toEqual(['QR AA RD', 20, 0])
    }
    expect(describeResponse(server.askStream(buildQuery('m.example', 'MX'))).additional).toHaveLength(16 * 5)
  })

  it('may be spoken for by a wildcard of ours, but for names below a cut and those that are there', () => {
    const server = new Answering({ zones: ['example.', 'org.', 'zone.above.org.'], policy: { ownAddresses: OWN } }).put(
      { name: '*.example', type: 'A', data: ['192.0.2.1'] },
      { name: '*.example', type: 'AAAA', data: ['2001:db8::1'] },
      { name: 'there.example', type: 'TXT', data: ['x'] },
      { name: 'sub.example', type: 'NS', data: ['ns.sub.example', 'ns.example'] },
      { name: '*.sub.example', type: 'A', data: ['192.0.2.66'] },
      { name: '*.org', type: 'CNAME', data: ['a.example'] },
      { name: '*.net', type: 'A', data: ['192.0.2.77'] },
    )
    const along = (target: string) => {
      server.put({ name: 'm.example', type: 'MX', data: [{ preference: 1, exchange: target }] })
      return describeResponse(server.ask(buildQuery('m.example', 'MX'))).additional.sort()
    }
    expect(along('Any.x.Example')).toEqual(['Any.x.example. 30 A 192.0.2.1', 'Any.x.example. 30 AAAA 2001:db8::1'])
    for (const target of ['there.example', 'x.there.example', 'x.sub.example', 'x.org', 'above.org', 'x.net', 'org']) {
      expect([target, along(target)]).toEqual([target, []])
    }
    expect(along('ns.dns.example')).toHaveLength(2)
    expectResponse(server.ask(buildQuery('www.sub.example')), {
      rcode: 'NOERROR',
      flags: 'QR RD',
      authority: ['sub.example. 30 NS ns.sub.example.', 'sub.example. 30 NS ns.example.'],
      additional: ['ns.example. 30 A 192.0.2.1', 'ns.example. 30 AAAA 2001:db8::1'],
    })
  })

  it('is not looked for where the answer is truncated', () => {
    const data = Array.from({ length: 100 }, (_, i) => ({ preference: i, exchange: `m${i}.example` }))
    const server = new Answering()
      .put({ name: 'm.example', type: 'MX', data })
      .put({ name: 'm1.example', type: 'A', data: ['192.0.2.1'] })
    expectResponse(server.ask(buildQuery('m.example', 'MX')), { rcode: 'NOERROR', flags: 'QR AA TC RD' })
  })
})

describe('the name server of a zone without NS records', () => {
  const server = new Answering({ policy: { ownAddresses: OWN } })

  it('is this server', () => {
    expectResponse(server.ask(buildQuery('example', 'NS')), {
      ...AA,
      answer: ['example. 30 NS ns.dns.example.'],
      additional: ['ns.dns.example. 30 A 192.0.2.53', 'ns.dns.example. 30 AAAA 2001:db8::35'],
    })
    expectResponse(server.ask(buildQuery('Ns.DNS.example')), { ...AA, answer: ['Ns.DNS.example. 30 A 192.0.2.53'] })
    expectResponse(server.ask(buildQuery('ns.dns.example', 'AAAA')), {
      ...AA,
      answer: ['ns.dns.example. 30 AAAA 2001:db8::35'],
    })
    expectResponse(server.askStream(buildQuery('ns.dns.example', 'ANY')), {
      ...AA,
      answer: ['ns.dns.example. 30 A 192.0.2.53'],
    })
    expectResponse(server.ask(buildQuery('ns.dns.example', 'TXT')), { ...AA, authority: [SOA] })
    expectResponse(server.ask(buildQuery('dns.example')), { ...AA, authority: [SOA] })
    expectResponse(server.ask(buildQuery('x.dns.example')), { rcode: 'NXDOMAIN', flags: 'QR AA RD', authority: [SOA] })
  })

  it('is what the store says instead, and no wildcard', () => {
    const stored = new Answering({ policy: { ownAddresses: OWN } }).put({
      name: '*.example',
      type: 'A',
      data: ['192.0.2.7'],
    })
    expectResponse(stored.ask(buildQuery('ns.dns.example')), { ...AA, answer: ['ns.dns.example. 30 A 192.0.2.53'] })
    expectResponse(stored.ask(buildQuery('x.dns.example')), { ...AA, answer: ['x.dns.example. 30 A 192.0.2.7'] })
    stored.put({ name: 'ns.dns.example', type: 'A', data: ['192.0.2.9'] })
    expectResponse(stored.ask(buildQuery('ns.dns.example')), { ...AA, answer: ['ns.dns.example. 30 A 192.0.2.9'] })
    expectResponse(stored.ask(buildQuery('ns.dns.example', 'AAAA')), { ...AA, authority: [SOA] })
    expectResponse(stored.ask(buildQuery('example', 'NS')), {
      ...AA,
      answer: ['example. 30 NS ns.dns.example.'],
      additional: ['ns.dns.example. 30 A 192.0.2.9'],
    })
  })

  it('has no address where the server knows none', () => {
    const without = new Answering()
    expectResponse(without.ask(buildQuery('ns.dns.example')), { ...AA, authority: [SOA] })
    expectResponse(without.ask(buildQuery('example', 'NS')), { ...AA, answer: ['example. 30 NS ns.dns.example.'] })
  })
})

describe('SRV weights', () => {
  const services = (...weights: [number, number][]) =>
    weights.map(([priority, weight], port) => ({ priority, weight, port, target: 'a.org' }))
  const put = (server: Answering, ...weights: [number, number][]) =>
    server.put({ name: 's.example', type: 'SRV', data: services(...weights) })
  const weightsOf = (server: Answering) =>
    describeResponse(server.askStream(buildQuery('s.example', 'SRV')))
      .answer.map((record) => record.split(' ').slice(3, 6).map(Number))
      .sort((left, right) => left[2]! - right[2]!)
      .map(([, weight]) => weight)

  it('are shares of 100 among those of a priority, rounded down', () => {
    const server = new Answering({ policy: { normalizesSrvWeights: true } })
    expect(weightsOf(put(server, [1, 10], [1, 10], [1, 10], [2, 7]))).toEqual([33, 33, 33, 100])
    expect(weightsOf(put(server, [65535, 65535], [65535, 1], [0, 0], [0, 0]))).toEqual([99, 0, 0, 0])
    // Nothing is left of the query before.
    expect(weightsOf(put(server, [1, 5], [65535, 3], [0, 1]))).toEqual([100, 100, 100])
  })

  it('of thousands of records are shares too', () => {
    const server = new Answering({ policy: { normalizesSrvWeights: true } })
    const many = Array.from({ length: 2000 }, (_, i): [number, number] => [i % 20, 3])
    expect(new Set(weightsOf(put(server, ...many)))).toEqual(new Set([1]))
  })

  it('are what was put in where that is wanted', () => {
    expect(weightsOf(put(new Answering(), [1, 10], [1, 30], [2, 0]))).toEqual([10, 30, 0])
  })
})
