import { describe, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery, FLAGS } from '../support/build-query.js'
import { expectResponse } from '../support/expect-response.js'

const SOA = 'example. 30 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 30'
const AA = { rcode: 'NOERROR', flags: 'QR AA RD' }

describe('RFC 1034', () => {
  it('§3.1 a label is compared whole: the end of one is not a match', () => {
    const server = new Answering().put({ name: 'a.example', type: 'A', data: ['192.0.2.1'] })
    expectResponse(server.ask(buildQuery('ba.example')), { rcode: 'NXDOMAIN', flags: 'QR AA RD', authority: [SOA] })
    expectResponse(server.ask(buildQuery('a.bexample')), { rcode: 'REFUSED', flags: 'QR RD' })
  })

  it('§3.6.2 a CNAME is answered and followed, unless it is what was asked for', () => {
    const server = new Answering()
      .put({ name: 'alias.example', type: 'CNAME', data: ['real.example'] })
      .put({ name: 'real.example', type: 'A', data: ['192.0.2.1'] })
    const link = 'alias.example. 30 CNAME real.example.'
    expectResponse(server.ask(buildQuery('alias.example')), { ...AA, answer: [link, 'real.example. 30 A 192.0.2.1'] })
    expectResponse(server.ask(buildQuery('alias.example', 'CNAME')), { ...AA, answer: [link] })
  })

  it('§4.2.1 a zone has an SOA and name servers at its apex', () => {
    const server = new Answering()
    expectResponse(server.ask(buildQuery('example', 'SOA')), { ...AA, answer: [SOA] })
    expectResponse(server.ask(buildQuery('example', 'NS')), { ...AA, answer: ['example. 30 NS ns.dns.example.'] })
  })

  it('§4.3.2 step 2: the zone nearest to the name answers', () => {
    const server = new Answering({ zones: ['example.', 'sub.example.'] })
      .put({ name: 'a.example', type: 'A', data: ['192.0.2.1'] })
      .put({ name: 'a.sub.example', type: 'A', data: ['192.0.2.2'] })
    expectResponse(server.ask(buildQuery('a.sub.example')), { ...AA, answer: ['a.sub.example. 30 A 192.0.2.2'] })
    expectResponse(server.ask(buildQuery('b.sub.example')), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      authority: ['sub.example. 30 SOA ns.dns.sub.example. hostmaster.sub.example. 7 7200 1800 86400 30'],
    })
  })

  it('§4.3.2 step 3a: all records of the type are answered, and of no other', () => {
    const server = new Answering()
      .put({ name: 'a.example', type: 'A', data: ['192.0.2.1', '192.0.2.2'] })
      .put({ name: 'a.example', type: 'TXT', data: ['no'] })
    expectResponse(server.ask(buildQuery('a.example')), {
      ...AA,
      answer: ['a.example. 30 A 192.0.2.1', 'a.example. 30 A 192.0.2.2'],
    })
  })

  it('§4.3.2 step 3b: below a cut the answer is a referral, which is not authoritative', () => {
    const server = new Answering()
      .put({ name: 'sub.example', type: 'NS', data: ['ns.sub.example'] })
      .put({ name: 'ns.sub.example', type: 'A', data: ['192.0.2.1'] })
    for (const name of ['sub.example', 'www.sub.example', 'ns.sub.example']) {
      expectResponse(server.ask(buildQuery(name)), {
        rcode: 'NOERROR',
        flags: 'QR RD',
        authority: ['sub.example. 30 NS ns.sub.example.'],
        additional: ['ns.sub.example. 30 A 192.0.2.1'],
      })
    }
  })

  it('§4.3.2 step 3c: a wildcard answers for a name that is not there', () => {
    const server = new Answering().put({ name: '*.example', type: 'A', data: ['192.0.2.1'] })
    expectResponse(server.ask(buildQuery('a.b.example')), { ...AA, answer: ['a.b.example. 30 A 192.0.2.1'] })
  })

  it('§4.3.2 step 6: the addresses of what is in the answer come along', () => {
    const server = new Answering()
      .put({ name: 'a.example', type: 'MX', data: [{ preference: 1, exchange: 'mx.example' }] })
      .put({ name: 'mx.example', type: 'A', data: ['192.0.2.1'] })
    expectResponse(server.ask(buildQuery('a.example', 'MX')), {
      ...AA,
      answer: ['a.example. 30 MX 1 mx.example.'],
      additional: ['mx.example. 30 A 192.0.2.1'],
    })
  })

  it('§4.3.2 step 3c: a name that is not there is an authoritative error', () => {
    expectResponse(new Answering().ask(buildQuery('no.example')), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      authority: [SOA],
    })
  })

  it('§4.3.1 recursion is not available, wanted or not', () => {
    const server = new Answering().put({ name: 'a.example', type: 'A', data: ['192.0.2.1'] })
    const answer = ['a.example. 30 A 192.0.2.1']
    expectResponse(server.ask(buildQuery('a.example', 'A', { flags: FLAGS.RD })), { ...AA, answer })
    expectResponse(server.ask(buildQuery('a.example', 'A', { flags: 0 })), { rcode: 'NOERROR', flags: 'QR AA', answer })
  })
})
