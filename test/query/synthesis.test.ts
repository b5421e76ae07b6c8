import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RRset } from '../../lib/records/rrset.js'
import { nameFromText } from '../../lib/wire/name.js'
import { Answering, type AnsweringOptions } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { describeResponse } from '../support/expect-response.js'

const POD = Uint8Array.of(10, 1, 0, 1)
const POD6 = Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7)

function answer(server: Answering, name: string, type = 'A'): string[] | string {
  const { rcode, answer } = describeResponse(server.ask(buildQuery(name, type)))
  if (rcode !== 'NOERROR') return [...answer, rcode]
  return answer.length === 0 ? 'NODATA' : answer
}

describe('addresses in labels', () => {
  const rule: RRset = { name: '*.ns1.pod.example', type: 'TYPE65401', ttl: 5, data: ['\\# 0'] }
  const server = new Answering().put(rule)

  it('are answered with, in the family that was asked for', () => {
    expect(answer(server, '10-1-0-1.ns1.pod.example')).toEqual(['10-1-0-1.ns1.pod.example. 5 A 10.1.0.1'])
    expect(answer(server, '10-1-0-1.NS1.pod.example', 'AAAA')).toBe('NODATA')
    expect(answer(server, '2001-DB8--7.ns1.pod.example', 'AAAA')).toEqual([
      '2001-DB8--7.ns1.pod.example. 5 AAAA 2001:db8::7',
    ])
    expect(answer(server, '2001-db8--7.ns1.pod.example')).toBe('NODATA')
    expect(answer(server, '10-1-0-1.ns1.pod.example', 'TXT')).toBe('NODATA')
    expect(answer(server, '10-1-0-1.ns1.pod.example', 'ANY')).toEqual(['10-1-0-1.ns1.pod.example. 5 A 10.1.0.1'])
  })

  it('are those of one label right below the rule, and no other name is there', () => {
    for (const name of ['web', 'x.10-1-0-1', '10-1-0-256', '10-1-0']) {
      expect(answer(server, `${name}.ns1.pod.example`)).toEqual(['NXDOMAIN'])
    }
    expect(answer(server, '10-1-0-1.ns2.pod.example')).toEqual(['NXDOMAIN'])
    expect(answer(server, 'ns1.pod.example')).toBe('NODATA')
    expect(answer(server, 'web.ns1.pod.example', 'ANY')).toEqual(['NXDOMAIN'])
  })

  it('are led to by aliases, and give way to records of their own', () => {
    const other = new Answering().put(
      rule,
      { name: 'www.example', type: 'CNAME', data: ['10-1-0-1.ns1.pod.example'] },
      { name: '10-1-0-2.ns1.pod.example', type: 'A', data: ['192.0.2.1'] },
    )
    expect(answer(other, 'www.example')).toEqual([
      'www.example. 30 CNAME 10-1-0-1.ns1.pod.example.',
      '10-1-0-1.ns1.pod.example. 5 A 10.1.0.1',
    ])
    expect(answer(other, '10-1-0-2.ns1.pod.example')).toEqual(['10-1-0-2.ns1.pod.example. 30 A 192.0.2.1'])
  })

  it('say nothing where the wildcard has other data', () => {
    const other = new Answering().put(rule, { name: '*.ns1.pod.example', type: 'A', data: ['192.0.2.1'] })
    expect(answer(other, '10-1-0-1.ns1.pod.example')).toEqual(['10-1-0-1.ns1.pod.example. 30 A 192.0.2.1'])
  })
})

describe('what says how names are made up', () => {
  const server = new Answering().put(
    { name: '*.ns1.svc.example', type: 'TYPE65402', ttl: 5, data: [nameFromText('example')] },
    { name: '*.ns1.pod.example', type: 'TYPE65401', ttl: 5, data: ['\\# 0'] },
    { name: '*.mixed.example', type: 'TYPE65401', ttl: 5, data: ['\\# 0'] },
    { name: '*.mixed.example', type: 'TXT', data: ['longer'] },
  )

  it("is nobody's answer, whatever is asked at the wildcard or below", () => {
    const ask = (name: string, type: number) => describeResponse(server.askStream(buildQuery(name, type))).answer
    for (const type of [65401, 65402, 255]) {
      for (const name of ['*.ns1.svc.example', '*.ns1.pod.example', 'web.ns1.pod.example']) {
        expect(ask(name, type)).toEqual([])
      }
    }
    expect(ask('web.mixed.example', 65401)).toEqual([])
    expect(ask('web.mixed.example', 255)).toEqual(['web.mixed.example. 30 TXT "longer"'])
    expect(ask('*.mixed.example', 255)).toEqual(['*.mixed.example. 30 TXT "longer"'])
  })
})

describe('a search list', () => {
  const LIST = list('svc.example', 'example', '.')

  function cluster(options: AnsweringOptions = {}): Answering {
    const server = new Answering({ zones: ['example.', 'outside.'], ...options }).put(
      { name: '*.ns1.svc.example', type: 'TYPE65402', ttl: 5, data: [LIST] },
      { name: '*.ns2.svc.example', type: 'TYPE65402', ttl: 5, data: [LIST] },
      { name: '10-1-0-1.ns1.pod.example', type: 'A', data: ['10.1.0.1'] },
      { name: '2001-db8--7.ns1.pod.example', type: 'AAAA', data: ['2001:db8::7'] },
      { name: 'web.ns1.svc.example', type: 'A', data: ['10.3.0.1'] },
      { name: 'db.ns2.svc.example', type: 'A', data: ['10.3.0.2'] },
      { name: 'ns2.svc.example', type: 'TXT', data: ['the namespace'] },
      { name: 'host.example', type: 'A', data: ['10.4.0.1'] },
      { name: 'www.outside', type: 'A', data: ['192.0.2.1'] },
      { name: 'alias.outside', type: 'CNAME', data: ['www.outside'] },
    )
    server.client = POD
    return server
  }

  function list(...domains: string[]): Uint8Array {
    return Buffer.concat(domains.map((domain) => nameFromText(domain)))
  }

  it('is gone through for a pod of the namespace: the first name that is there answers by a CNAME', () => {
    const server = cluster()
    for (const client of [POD, POD6]) {
      server.client = client
      expect(answer(server, 'db.ns2.ns1.svc.example')).toEqual([
        'db.ns2.ns1.svc.example. 5 CNAME db.ns2.svc.example.',
        'db.ns2.svc.example. 30 A 10.3.0.2',
      ])
    }
    expect(answer(server, 'host.ns1.svc.example')).toEqual([
      'host.ns1.svc.example. 5 CNAME host.example.',
      'host.example. 30 A 10.4.0.1',
    ])
    expect(answer(server, 'WWW.outside.ns1.svc.example')).toEqual([
      'WWW.outside.ns1.svc.example. 5 CNAME www.outside.',
      'www.outside. 30 A 192.0.2.1',
    ])
  })

  it('follows the aliases of what it has found, and stops at a name without such data', () => {
    const server = cluster()
    expect(answer(server, 'alias.outside.ns1.svc.example')).toEqual([
      'alias.outside.ns1.svc.example. 5 CNAME alias.outside.',
      'alias.outside. 30 CNAME www.outside.',
      'www.outside. 30 A 192.0.2.1',
    ])
    expect(answer(server, 'www.outside.ns1.svc.example', 'AAAA')).toEqual([
      'www.outside.ns1.svc.example. 5 CNAME www.outside.',
    ])
  })

  it('leaves names alone that are there, and NXDOMAIN where none is', () => {
    const server = cluster()
    expect(answer(server, 'web.ns1.svc.example')).toEqual(['web.ns1.svc.example. 30 A 10.3.0.1'])
    expect(answer(server, 'web.ns1.svc.example', 'AAAA')).toBe('NODATA')
    expect(answer(server, 'nobody.ns1.svc.example')).toEqual(['NXDOMAIN'])
    expect(answer(server, 'nobody.outside.ns1.svc.example')).toEqual(['NXDOMAIN'])
    // In its place, another list is not begun.
    expect(answer(server, 'nobody.ns2.ns1.svc.example')).toEqual(['NXDOMAIN'])
  })

  it('is for nobody else: a stranger, or a pod of another namespace', () => {
    const server = cluster()
    expect(answer(server, 'host.ns2.svc.example')).toEqual(['NXDOMAIN'])
    server.client = Uint8Array.of(192, 0, 2, 1)
    expect(answer(server, 'host.ns1.svc.example')).toEqual(['NXDOMAIN'])
  })

  it('may be anything that somebody has written, and does no harm', () => {
    const octet = fc.oneof(fc.constantFrom(0, 1, 63, 64, 192, 255), fc.integer({ min: 0, max: 255 }))
    const labels = fc.array(fc.stringMatching(/^[a-z]{1,40}$/), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.array(octet, { maxLength: 600 }), labels, (octets, [...name]) => {
        const server = cluster()
        server.put({ name: '*.ns1.svc.example', type: 'TYPE65402', ttl: 5, data: [Uint8Array.from(octets)] })
        const { rcode } = describeResponse(server.ask(buildQuery(`${name.join('.')}.ns1.svc.example`)))
        expect(['NOERROR', 'NXDOMAIN']).toContain(rcode)
      }),
      { numRuns: 300 },
    )
  })

  it('is looked through for names of some length in all, and not for a hundred labels', () => {
    const deep = (count: number) => Array(count).fill('x').join('.')
    const server = cluster().put(
      { name: `${deep(20)}.example`, type: 'A', data: ['10.4.0.2'] },
      { name: `${deep(40)}.example`, type: 'A', data: ['10.4.0.3'] },
    )
    expect(answer(server, `${deep(20)}.ns1.svc.example`)).toHaveLength(2)
    expect(answer(server, `${deep(40)}.ns1.svc.example`)).toEqual(['NXDOMAIN'])
  })

  it('ends where it is no name, and with its first record', () => {
    const lists = [
      [Uint8Array.of(1, 0x79, 63), list('example')],
      [Buffer.alloc(400, '\x01y'), Uint8Array.of(0), list('example')],
    ].map((parts) => [Buffer.concat(parts)])
    for (const data of [...lists, [list('svc.example'), list('example', '.')]]) {
      const server = cluster().put({ name: '*.ns1.svc.example', type: 'TYPE65402', ttl: 5, data })
      expect(answer(server, 'host.ns1.svc.example')).toEqual(['NXDOMAIN'])
      expect(answer(server, 'outside.ns1.svc.example')).toEqual(['NXDOMAIN'])
    }
  })

  it('answers whoever asks for the alias with that alone', () => {
    expect(answer(cluster(), 'alias.outside.ns1.svc.example', 'CNAME')).toEqual([
      'alias.outside.ns1.svc.example. 5 CNAME alias.outside.',
    ])
  })

  it('makes no name that is too long', () => {
    const long = [63, 63, 63, 40].map((length) => 'y'.repeat(length)).join('.')
    const server = cluster().put({
      name: '*.ns1.svc.example',
      type: 'TYPE65402',
      ttl: 5,
      data: [list(long, 'example')],
    })
    expect(answer(server, 'host.ns1.svc.example')).toEqual([
      'host.ns1.svc.example. 5 CNAME host.example.',
      'host.example. 30 A 10.4.0.1',
    ])
  })
})
