import { describe, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { type ExpectedResponse, expectResponse } from '../support/expect-response.js'

const AUTHORITY = ['example. 30 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 30']
const AA = { rcode: 'NOERROR', flags: 'QR AA RD' }
const NODATA = { ...AA, authority: AUTHORITY }
const NXDOMAIN = { rcode: 'NXDOMAIN', flags: 'QR AA RD', authority: AUTHORITY }

const SSH = { priority: 0, weight: 0, port: 22, target: 'host.example.org' }

/** The zone of §2.2.1. */
const server = new Answering().put(
  { name: '*.example', type: 'TXT', data: ['this is a wildcard'] },
  { name: '*.example', type: 'MX', data: [{ preference: 10, exchange: 'mail.example.org' }] },
  { name: 'sub.*.example', type: 'TXT', data: ['this is not a wildcard'] },
  { name: 'host1.example', type: 'A', data: ['192.0.2.1'] },
  { name: '_ssh._tcp.host1.example', type: 'SRV', data: [SSH] },
  { name: '_ssh._tcp.host2.example', type: 'SRV', data: [SSH] },
  { name: 'subdel.example', type: 'NS', data: ['ns.example.com', 'ns.example.net'] },
)

function expectAnswer(name: string, type: string, expected: ExpectedResponse, asked = server): void {
  expectResponse(asked.ask(buildQuery(name, type)), expected)
}

describe('RFC 4592', () => {
  it('§2.1.1 a wildcard is a first label of one asterisk, and nothing like it', () => {
    const others = new Answering().put(
      { name: '**.example', type: 'A', data: ['192.0.2.1'] },
      { name: 'a*.example', type: 'A', data: ['192.0.2.1'] },
      { name: 'b.x*.example', type: 'A', data: ['192.0.2.1'] },
    )
    expectAnswer('x.a.example', 'A', NXDOMAIN, others)
    expectAnswer('ax.example', 'A', NXDOMAIN, others)
  })

  it('§2.2.1 a name that is not there is answered from the wildcard, under its own name', () => {
    expectAnswer('host3.example', 'MX', { ...AA, answer: ['host3.example. 30 MX 10 mail.example.org.'] })
    expectAnswer('foo.bar.example', 'TXT', { ...AA, answer: ['foo.bar.example. 30 TXT "this is a wildcard"'] })
  })

  it('§2.2.1 a type that the wildcard has not is NODATA', () => {
    expectAnswer('host3.example', 'A', NODATA)
  })

  it('§2.2.1 a name that is there is not answered from the wildcard', () => {
    expectAnswer('host1.example', 'MX', NODATA)
    expectAnswer('sub.*.example', 'MX', NODATA)
  })

  it('§2.2.2 a name with nothing but names below it is there', () => {
    expectAnswer('host2.example', 'MX', NODATA)
    expectAnswer('_tcp.host2.example', 'TXT', NODATA)
  })

  it('§2.2.1 below a name that is there the wildcard beside it does not count', () => {
    expectAnswer('_telnet._tcp.host1.example', 'SRV', NXDOMAIN)
    expectAnswer('x.host2.example', 'TXT', NXDOMAIN)
  })

  it('§2.2.1 below a delegation no wildcard counts', () => {
    expectAnswer('host.subdel.example', 'MX', {
      rcode: 'NOERROR',
      flags: 'QR RD',
      authority: ['subdel.example. 30 NS ns.example.com.', 'subdel.example. 30 NS ns.example.net.'],
    })
  })

  it('§2.2.1 below the wildcard itself there is no wildcard', () => {
    expectAnswer('ghost.*.example', 'MX', NXDOMAIN)
  })

  it('§2.3 a query for the asterisk gets what stands there', () => {
    expectAnswer('*.example', 'TXT', { ...AA, answer: ['*.example. 30 TXT "this is a wildcard"'] })
    expectAnswer('*.example', 'A', NODATA)
  })

  it('§3.3.1 the nearest name that is there decides, not the nearest wildcard', () => {
    const nested = new Answering().put(
      { name: '*.example', type: 'A', data: ['192.0.2.1'] },
      { name: '*.b.example', type: 'A', data: ['192.0.2.2'] },
      { name: 'x.c.b.example', type: 'A', data: ['192.0.2.3'] },
    )
    expectAnswer('z.example', 'A', { ...AA, answer: ['z.example. 30 A 192.0.2.1'] }, nested)
    expectAnswer('y.z.b.example', 'A', { ...AA, answer: ['y.z.b.example. 30 A 192.0.2.2'] }, nested)
    expectAnswer('y.c.b.example', 'A', NXDOMAIN, nested)
  })

  it('§3.3.2 a wildcard without records, for the sake of names below it, makes NODATA', () => {
    const empty = new Answering().put({ name: 'a.*.example', type: 'A', data: ['192.0.2.1'] })
    expectAnswer('x.example', 'A', NODATA, empty)
    expectAnswer('a.x.example', 'A', NODATA, empty)
  })

  it('§3.3.3 a CNAME of a wildcard leads on', () => {
    const alias = new Answering().put(
      { name: '*.example', type: 'CNAME', data: ['www.example'] },
      { name: 'www.example', type: 'A', data: ['192.0.2.1'] },
      { name: '*.loop.example', type: 'CNAME', data: ['x.loop.example'] },
    )
    expectAnswer(
      'y.example',
      'A',
      { ...AA, answer: ['y.example. 30 CNAME www.example.', 'www.example. 30 A 192.0.2.1'] },
      alias,
    )
    expectAnswer(
      'y.loop.example',
      'A',
      { ...AA, answer: ['y.loop.example. 30 CNAME x.loop.example.', 'x.loop.example. 30 CNAME x.loop.example.'] },
      alias,
    )
  })

  it('§4.5 a CNAME may lead to a name that a wildcard answers for', () => {
    const alias = new Answering().put(
      { name: 'a.example', type: 'CNAME', data: ['b.w.example'] },
      { name: '*.w.example', type: 'A', data: ['192.0.2.1'] },
    )
    const answer = ['a.example. 30 CNAME b.w.example.', 'b.w.example. 30 A 192.0.2.1']
    expectAnswer('a.example', 'A', { ...AA, answer }, alias)
  })

  it('§4.2 an NS RRset of a wildcard makes no cut of the names it answers for', () => {
    const delegating = new Answering().put({ name: '*.example', type: 'NS', data: ['ns.example.org'] })
    expectAnswer('a.example', 'NS', { ...AA, answer: ['a.example. 30 NS ns.example.org.'] }, delegating)
    expectAnswer('a.example', 'A', NODATA, delegating)
    expectAnswer(
      '*.example',
      'A',
      {
        rcode: 'NOERROR',
        flags: 'QR RD',
        authority: ['*.example. 30 NS ns.example.org.'],
      },
      delegating,
    )
  })
})
