import { describe, expect, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

const SOA = 'example. 30 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 30'

describe('RFC 8482', () => {
  const server = new Answering()
    .put({ name: 'a.example', type: 'TXT', data: ['one', 'two', 'x'.repeat(200)] })
    .put({ name: 'a.example', type: 'A', data: ['192.0.2.1', '192.0.2.2'] })
    .put({ name: 'a.example', type: 'AAAA', data: ['2001:db8::1', '2001:db8::2'] })
    .put({ name: 'a.b.example', type: 'A', data: ['192.0.2.1'] })

  it('§4.1 ANY is answered with one RRset of those there are, the smallest, whole', () => {
    expectResponse(server.askStream(buildQuery('a.example', 'ANY')), {
      rcode: 'NOERROR',
      flags: 'QR AA RD',
      answer: ['a.example. 30 A 192.0.2.1', 'a.example. 30 A 192.0.2.2'],
    })
  })

  it('§4.1 ANY for a name that is not there, or has no data, is answered as any type is', () => {
    const authority = [SOA]
    expectResponse(server.askStream(buildQuery('no.example', 'ANY')), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      authority,
    })
    expectResponse(server.askStream(buildQuery('b.example', 'ANY')), {
      rcode: 'NOERROR',
      flags: 'QR AA RD',
      authority,
    })
  })

  it('§4.4 over UDP no answer to ANY has more than one and a half octets for each of the query', () => {
    for (const name of ['a.example', 'no.example', 'b.example', 'example', 'a.b.example', 'a.com']) {
      for (const parts of [{}, { edns: {} }, { edns: { options: [[10, new Uint8Array(8)]] as const } }]) {
        const query = buildQuery(name, 'ANY', parts)
        expect(server.ask(query).length).toBeLessThanOrEqual(1.5 * query.length)
      }
    }
  })

  it('§4.4 leaves whole what an OPT record has to say to clients in networks that are trusted, an error among it', () => {
    const named = new Answering({ policy: { nsid: new Uint8Array(20).fill(0x41) } })
    const query = buildQuery('version.bind', 'ANY', { edns: { options: [[3, new Uint8Array(0)]] } })
    expectResponse(named.ask(query), {
      rcode: 'REFUSED',
      flags: 'QR RD',
      opt: describeResponse(named.askStream(query)).opt!,
    })
  })

  it('§4.4 what is larger is truncated, and there over TCP', () => {
    expectResponse(server.ask(buildQuery('a.example', 'ANY')), { rcode: 'NOERROR', flags: 'QR AA TC RD' })
    const small = new Answering().put({ name: 'a-longer-name.example', type: 'A', data: ['192.0.2.1'] })
    const { flags, answer } = describeResponse(small.ask(buildQuery('a-longer-name.example', 'ANY')))
    expect([flags, answer]).toEqual(['QR AA RD', ['a-longer-name.example. 30 A 192.0.2.1']])
  })
})
