import { describe, expect, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

describe('RFC 8482', () => {
  it('§4.1 ANY is answered with one RRset of those there are, whole', () => {
    const server = new Answering()
      .put({ name: 'a.example', type: 'A', data: ['192.0.2.1', '192.0.2.2'] })
      .put({ name: 'a.example', type: 'AAAA', data: ['2001:db8::1', '2001:db8::2'] })
      .put({ name: 'a.example', type: 'TXT', data: ['one', 'two'] })
    const { rcode, flags, answer } = describeResponse(server.ask(buildQuery('a.example', 'ANY')))
    expect([rcode, flags, answer.length]).toEqual(['NOERROR', 'QR AA RD', 2])
    expect(new Set(answer.map((record) => record.split(' ')[2])).size).toBe(1)
  })

  it('§4.1 ANY for a name that is not there, or has no data, is answered as any type is', () => {
    const server = new Answering().put({ name: 'a.b.example', type: 'A', data: ['192.0.2.1'] })
    const authority = ['example. 30 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 30']
    expectResponse(server.ask(buildQuery('no.example', 'ANY')), { rcode: 'NXDOMAIN', flags: 'QR AA RD', authority })
    expectResponse(server.ask(buildQuery('b.example', 'ANY')), { rcode: 'NOERROR', flags: 'QR AA RD', authority })
  })
})
