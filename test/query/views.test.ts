import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RRset } from '../../lib/records/rrset.js'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

const OFFICE = Uint8Array.of(10, 1, 2, 3)
const ONE_DESK = Uint8Array.of(10, 1, 2, 4)
const LAB = Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
const ELSEWHERE = Uint8Array.of(192, 0, 2, 1)

const SOA = { mname: 'ns.example', rname: 'h.example', refresh: 1, retry: 1, expire: 1, minimum: 5 }

const views = [
  { name: 'office', clients: ['10.0.0.0/8'] },
  { name: 'desk', clients: ['10.1.2.4', '2001:db8::1'] },
  { name: 'lab', clients: ['2001:db8::/32'] },
]

function serverWith(...rrsets: RRset[]): Answering {
  return new Answering({ views }).put(...rrsets)
}

function a(name: string, address: string, view?: string): RRset {
  return { name, type: 'A', data: [address], ...(view === undefined ? {} : { view }) }
}

function ask(server: Answering, client: Uint8Array, name: string, type = 'A') {
  server.client = client
  return describeResponse(server.ask(buildQuery(name, type)))
}

function answerOf(server: Answering, client: Uint8Array, name: string, type = 'A') {
  const { rcode, answer } = ask(server, client, name, type)
  return rcode === 'NOERROR' ? answer : rcode
}

describe('a view', () => {
  it('is that of the longest network of all views that holds the client, of either family', () => {
    const server = serverWith(
      a('www.example', '192.0.2.1'),
      a('www.example', '192.0.2.2', 'office'),
      a('www.example', '192.0.2.3', 'desk'),
      a('www.example', '192.0.2.4', 'lab'),
    )
    expect(answerOf(server, ELSEWHERE, 'www.example')).toEqual(['www.example. 30 A 192.0.2.1'])
    expect(answerOf(server, OFFICE, 'www.example')).toEqual(['www.example. 30 A 192.0.2.2'])
    expect(answerOf(server, ONE_DESK, 'www.example')).toEqual(['www.example. 30 A 192.0.2.3'])
    expect(answerOf(server, LAB, 'www.example')).toEqual(['www.example. 30 A 192.0.2.4'])
    const desk = Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
    expect(answerOf(server, desk, 'www.example')).toEqual(['www.example. 30 A 192.0.2.3'])
  })

  it('answers for a name alone once it has any RRset of it, and leaves all other names to the default view', () => {
    const server = serverWith(
      a('www.example', '192.0.2.1'),
      { name: 'www.example', type: 'TXT', data: ['for all'] },
      a('www.example', '192.0.2.2', 'office'),
      a('other.example', '192.0.2.9'),
    )
    expect(answerOf(server, OFFICE, 'www.example', 'TXT')).toEqual([])
    expect(answerOf(server, ELSEWHERE, 'www.example', 'TXT')).toEqual(['www.example. 30 TXT "for all"'])
    expect(answerOf(server, OFFICE, 'other.example')).toEqual(['other.example. 30 A 192.0.2.9'])
  })

  it('hides its names from all others, which get NXDOMAIN', () => {
    const server = serverWith(a('secret.example', '192.0.2.2', 'office'))
    expect(answerOf(server, OFFICE, 'secret.example')).toEqual(['secret.example. 30 A 192.0.2.2'])
    expect(answerOf(server, ELSEWHERE, 'secret.example')).toBe('NXDOMAIN')
    expect(answerOf(server, LAB, 'secret.example')).toBe('NXDOMAIN')
    expect(answerOf(server, LAB, 'secret.example', 'ANY')).toBe('NXDOMAIN')
  })

  it('has wildcards of its own, which speak for nobody else', () => {
    const server = serverWith(
      { name: '*.example', type: 'A', data: ['192.0.2.2'], view: 'office' },
      a('*.apps.example', '192.0.2.3'),
      { name: '*.apps.example', type: 'A', data: ['192.0.2.4'], view: 'lab' },
    )
    expect(answerOf(server, OFFICE, 'x.example')).toEqual(['x.example. 30 A 192.0.2.2'])
    expect(answerOf(server, ELSEWHERE, 'x.example')).toBe('NXDOMAIN')
    expect(answerOf(server, ELSEWHERE, 'x.apps.example')).toEqual(['x.apps.example. 30 A 192.0.2.3'])
    expect(answerOf(server, OFFICE, 'x.apps.example')).toEqual(['x.apps.example. 30 A 192.0.2.3'])
    expect(answerOf(server, LAB, 'x.apps.example')).toEqual(['x.apps.example. 30 A 192.0.2.4'])
  })

  it('has delegations of its own, with their glue', () => {
    const server = serverWith(
      { name: 'sub.example', type: 'NS', data: ['ns.sub.example'], view: 'office' },
      a('ns.sub.example', '192.0.2.2', 'office'),
      a('www.sub.example', '192.0.2.1'),
    )
    server.client = OFFICE
    expectResponse(server.ask(buildQuery('www.sub.example')), {
      rcode: 'NOERROR',
      flags: 'QR RD',
      authority: ['sub.example. 30 NS ns.sub.example.'],
      additional: ['ns.sub.example. 30 A 192.0.2.2'],
    })
    expect(answerOf(server, ELSEWHERE, 'www.sub.example')).toEqual(['www.sub.example. 30 A 192.0.2.1'])
  })

  it('is kept along a chain of CNAMEs, and for the addresses that come along', () => {
    const server = serverWith(
      { name: 'alias.example', type: 'CNAME', data: ['www.example'] },
      a('www.example', '192.0.2.1'),
      a('www.example', '192.0.2.2', 'office'),
      { name: '_x._tcp.example', type: 'SRV', data: [{ priority: 0, weight: 1, port: 80, target: 'www.example' }] },
    )
    expect(answerOf(server, OFFICE, 'alias.example')).toContain('www.example. 30 A 192.0.2.2')
    expect(answerOf(server, ELSEWHERE, 'alias.example')).toContain('www.example. 30 A 192.0.2.1')
    expect(ask(server, OFFICE, '_x._tcp.example', 'SRV').additional).toEqual(['www.example. 30 A 192.0.2.2'])
  })

  it('may have an SOA of its own for what is not there', () => {
    const server = serverWith({ name: 'example', type: 'SOA', data: [{ ...SOA, serial: 77 }], view: 'office' })
    expect(ask(server, OFFICE, 'nope.example').authority[0]).toContain(' 77 ')
    expect(ask(server, ELSEWHERE, 'nope.example').authority[0]).not.toContain(' 77 ')
  })

  it('has the SOA and NS of all where it has other records at the apex, with what its clients see of them', () => {
    const server = serverWith(
      { name: 'example', type: 'SOA', data: [{ ...SOA, serial: 76 }] },
      { name: 'example', type: 'NS', data: ['ns.example'] },
      { name: 'example', type: 'TXT', data: ['for all'] },
      a('ns.example', '192.0.2.53'),
      a('ns.example', '10.0.0.53', 'office'),
      a('example', '10.0.0.1', 'office'),
    )
    const soa = 'example. 30 SOA ns.example. h.example. 76 1 1 1 5'
    expect(answerOf(server, OFFICE, 'example', 'SOA')).toEqual([soa])
    expect(ask(server, OFFICE, 'example', 'NS')).toMatchObject({
      answer: ['example. 30 NS ns.example.'],
      additional: ['ns.example. 30 A 10.0.0.53'],
    })
    expect(answerOf(server, OFFICE, 'example', 'A')).toEqual(['example. 30 A 10.0.0.1'])
    // All else goes by the name alone.
    expect(ask(server, OFFICE, 'example', 'TXT')).toMatchObject({ answer: [], authority: [soa.replace(' 30 ', ' 5 ')] })
    expect(ask(server, OFFICE, 'nope.example').authority).toEqual([soa.replace(' 30 ', ' 5 ')])
    server.put({ name: 'example', type: 'SOA', data: [{ ...SOA, serial: 78 }], view: 'office' })
    expect(answerOf(server, OFFICE, 'example', 'SOA')).toEqual([soa.replace(' 76 ', ' 78 ')])
    expect(ask(server, OFFICE, 'nope.example').authority).toEqual([soa.replace(' 30 ', ' 5 ').replace(' 76 ', ' 78 ')])
    expect(answerOf(server, ELSEWHERE, 'example', 'SOA')).toEqual([soa])
  })

  it('agrees with a Map after any run of puts and removals, of any of its names', () => {
    const names = ['a.example', 'b.a.example', 'c.example']
    const change = fc.record({
      name: fc.constantFrom(...names),
      view: fc.constantFrom(undefined, 'office', 'desk', 'lab'),
      type: fc.constantFrom('A' as const, 'TXT' as const),
      last: fc.integer({ min: 1, max: 250 }),
    })
    const property = fc.property(fc.array(change, { maxLength: 25 }), (changes) => {
      const server = serverWith()
      const model = new Map<string, string>()
      for (const { name, view, type, last } of changes) {
        const address = `192.0.2.${last}`
        server.put({ name, type, data: [address], ...(view === undefined ? {} : { view }) } as RRset)
        model.set(
          `${view ?? ''} ${name} ${type}`,
          type === 'A' ? `${name}. 30 A ${address}` : `${name}. 30 TXT "${address}"`,
        )
      }
      for (const [view, client] of [
        ['', ELSEWHERE],
        ['office', OFFICE],
        ['desk', ONE_DESK],
        ['lab', LAB],
      ] as const) {
        for (const name of names) {
          const own = ['A', 'TXT'].some((type) => model.has(`${view} ${name} ${type}`))
          for (const type of ['A', 'TXT']) {
            const expected = model.get(`${own ? view : ''} ${name} ${type}`)
            const { answer } = ask(server, client, name, type)
            expect(answer).toEqual(expected === undefined ? [] : [expected])
          }
        }
      }
    })
    fc.assert(property, { numRuns: 60 })
  })
})
