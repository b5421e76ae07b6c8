import { describe, expect, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { expectResponse } from '../support/expect-response.js'

const REFERRAL = { rcode: 'NOERROR', flags: 'QR RD' }
const AA = { rcode: 'NOERROR', flags: 'QR AA RD' }
const SOA = 'example. 30 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 30'

const server = new Answering({ zones: ['example.', 'own.example.', 'org.'] }).put(
  { name: 'sub.example', type: 'NS', data: ['ns.sub.example', 'ns.org', 'ns.example.com'] },
  { name: 'ns.sub.example', type: 'A', data: ['192.0.2.1'] },
  { name: 'deep.sub.example', type: 'NS', data: ['ns.deep.sub.example'] },
  { name: 'www.sub.example', type: 'A', data: ['192.0.2.99'] },
  { name: 'ns.org', type: 'AAAA', data: ['2001:db8::1'] },
  { name: 'mail.example', type: 'MX', data: [{ preference: 1, exchange: 'www.sub.example' }] },
  { name: 'alias.example', type: 'CNAME', data: ['x.sub.example'] },
  { name: 'alias.org', type: 'CNAME', data: ['www.sub.example'] },
  { name: 'a.example', type: 'A', data: ['192.0.2.2'] },
  { name: 'own.example', type: 'NS', data: ['ns.own.example'] },
  { name: 'ns.own.example', type: 'A', data: ['192.0.2.3'] },
)
const CUT = {
  authority: ['sub.example. 30 NS ns.example.com.', 'sub.example. 30 NS ns.org.', 'sub.example. 30 NS ns.sub.example.'],
  additional: ['ns.sub.example. 30 A 192.0.2.1', 'ns.org. 30 AAAA 2001:db8::1'],
}

describe('a delegation', () => {
  it.each([
    ['sub.example', 'A'],
    ['sub.example', 'NS'],
    ['sub.example', 'SOA'],
    ['no.sub.example', 'A'],
    ['www.sub.example', 'A'],
    ['ns.sub.example', 'A'],
    ['a.b.c.deep.sub.example', 'DS'],
    ['deep.sub.example', 'NS'],
  ])('is told to who asks for %s %s, from the cut nearest to the apex', (name, type) => {
    expectResponse(server.ask(buildQuery(name, type)), { ...REFERRAL, ...CUT })
  })

  it('keeps the case of the question', () => {
    expectResponse(server.ask(buildQuery('X.SuB.example')), {
      ...REFERRAL,
      additional: ['ns.SuB.example. 30 A 192.0.2.1', CUT.additional[1]!],
      authority: CUT.authority.map((record) =>
        record.replace('sub.example. 30', 'SuB.example. 30').replace('ns.sub', 'ns.SuB'),
      ),
    })
  })

  it('has nothing of type DS, which the zone above says itself', () => {
    expectResponse(server.ask(buildQuery('sub.example', 'DS')), { ...AA, authority: [SOA] })
    expectResponse(server.ask(buildQuery('own.example', 'DS')), { ...AA, authority: [SOA] })
  })

  it('to an empty zone of ours has no DS either, and a wildcard does not stand in', () => {
    const empty = new Answering({ zones: ['example.', 'own.example.'] }).put({
      name: '*.example',
      type: 'CNAME',
      data: ['a.example'],
    })
    expectResponse(empty.ask(buildQuery('own.example', 'DS')), { ...AA, authority: [SOA] })
    expectResponse(empty.ask(buildQuery('example', 'DS')), { ...AA, authority: [SOA] })
  })

  it('hides the DS of a zone of ours that lies below it, whether that is asked for or an alias leads there', () => {
    const nested = new Answering({ zones: ['example.', 'own.sub.example.'] }).put(
      { name: 'sub.example', type: 'NS', data: ['ns.example.com'] },
      { name: 'own.sub.example', type: 'TYPE43', data: [Uint8Array.of(0xec, 0x45, 5, 2, ...new Uint8Array(32))] },
      { name: 'alias.own.sub.example', type: 'CNAME', data: ['own.sub.example'] },
    )
    const authority = ['sub.example. 30 NS ns.example.com.']
    expectResponse(nested.ask(buildQuery('own.sub.example', 'DS')), { ...REFERRAL, authority })
    const answer = ['alias.own.sub.example. 30 CNAME own.sub.example.']
    expectResponse(nested.ask(buildQuery('alias.own.sub.example', 'DS')), { ...AA, answer, authority })
  })

  it('ends a chain, which stays authoritative', () => {
    expectResponse(server.ask(buildQuery('alias.example')), {
      ...AA,
      ...CUT,
      answer: ['alias.example. 30 CNAME x.sub.example.'],
    })
    expectResponse(server.ask(buildQuery('alias.org')), {
      ...AA,
      ...CUT,
      answer: ['alias.org. 30 CNAME www.sub.example.'],
    })
  })

  it('hides addresses below it from answers that would bring them along', () => {
    expectResponse(server.ask(buildQuery('mail.example', 'MX')), {
      ...AA,
      answer: ['mail.example. 30 MX 1 www.sub.example.'],
    })
  })

  it('is none at the apex of a zone of ours', () => {
    expectResponse(server.ask(buildQuery('own.example', 'NS')), {
      ...AA,
      answer: ['own.example. 30 NS ns.own.example.'],
      additional: ['ns.own.example. 30 A 192.0.2.3'],
    })
    expectResponse(server.ask(buildQuery('ns.own.example')), { ...AA, answer: ['ns.own.example. 30 A 192.0.2.3'] })
  })

  it('changes nothing for the names beside it', () => {
    expectResponse(server.ask(buildQuery('a.example')), { ...AA, answer: ['a.example. 30 A 192.0.2.2'] })
    expectResponse(server.ask(buildQuery('no.example')), { rcode: 'NXDOMAIN', flags: 'QR AA RD', authority: [SOA] })
  })

  it('comes and goes with its NS records', () => {
    const changing = new Answering().put({ name: 'www.sub.example', type: 'A', data: ['192.0.2.1'] })
    const answered = { ...AA, answer: ['www.sub.example. 30 A 192.0.2.1'] }
    expectResponse(changing.ask(buildQuery('www.sub.example')), answered)
    changing.put({ name: 'sub.example', type: 'NS', data: ['ns.org'] })
    expectResponse(changing.ask(buildQuery('www.sub.example')), {
      ...REFERRAL,
      authority: ['sub.example. 30 NS ns.org.'],
    })
    changing.index.write(Uint8Array.of(3, 115, 117, 98, 7, 101, 120, 97, 109, 112, 108, 101, 0), [])
    expectResponse(changing.ask(buildQuery('www.sub.example')), answered)
  })

  it('may lie forty labels deep', () => {
    const deep = Array.from({ length: 40 }, () => 'x').join('.')
    const far = new Answering().put(
      { name: `${deep}.example`, type: 'NS', data: ['ns.org'] },
      { name: `*.${deep.slice(2)}.example`, type: 'A', data: ['192.0.2.1'] },
    )
    expectResponse(far.ask(buildQuery(`a.b.${deep}.example`)), {
      ...REFERRAL,
      authority: [`${deep}.example. 30 NS ns.org.`],
    })
    expectResponse(far.ask(buildQuery(`y.y.${deep.slice(2)}.example`)), {
      ...AA,
      answer: [`y.y.${deep.slice(2)}.example. 30 A 192.0.2.1`],
    })
  })
})

describe('a name of many labels that is not there', () => {
  it('is looked for no deeper than names go, however deep there are cuts', () => {
    const deep = new Answering().put({ name: `cut.${'v.'.repeat(100)}example`, type: 'NS', data: ['ns.com'] })
    const { reader } = deep.index
    const find = reader.find.bind(reader)
    let lookUps = 0
    reader.find = (...given) => {
      lookUps++
      return find(...given)
    }
    expectResponse(deep.ask(buildQuery(`${'x.'.repeat(120)}example`)), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      authority: ['example. 30 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 30'],
    })
    expect(lookUps).toBeLessThan(8)
  })
})
