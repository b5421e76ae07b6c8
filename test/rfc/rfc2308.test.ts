import { describe, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { expectResponse } from '../support/expect-response.js'

const soa = (minimum: number) => ({
  mname: 'ns.example',
  rname: 'me.example',
  serial: 1,
  refresh: 2,
  retry: 3,
  expire: 4,
  minimum,
})

describe('RFC 2308', () => {
  it('§2.1 NXDOMAIN comes with the SOA of the zone in the authority section, and no NS', () => {
    const server = new Answering().put({ name: 'example', type: 'SOA', ttl: 10, data: [soa(20)] })
    expectResponse(server.ask(buildQuery('no.example')), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      authority: ['example. 10 SOA ns.example. me.example. 1 2 3 4 20'],
    })
  })

  it('§2.1 a CNAME to a name that is not there is answered with NXDOMAIN and the CNAME', () => {
    const server = new Answering()
      .put({ name: 'example', type: 'SOA', ttl: 10, data: [soa(20)] })
      .put({ name: 'a.example', type: 'CNAME', data: ['no.example'] })
    expectResponse(server.ask(buildQuery('a.example')), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      answer: ['a.example. 30 CNAME no.example.'],
      authority: ['example. 10 SOA ns.example. me.example. 1 2 3 4 20'],
    })
  })

  it('§2.1, §2.2 a wildcard without such data is NODATA, and a referral is neither', () => {
    const server = new Answering({ negativeTtl: 5 })
      .put({ name: '*.example', type: 'A', data: ['192.0.2.1'] })
      .put({ name: 'sub.example', type: 'NS', data: ['ns.org'] })
    expectResponse(server.ask(buildQuery('x.example', 'AAAA')), {
      rcode: 'NOERROR',
      flags: 'QR AA RD',
      authority: ['example. 5 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 5'],
    })
    expectResponse(server.ask(buildQuery('no.sub.example')), {
      rcode: 'NOERROR',
      flags: 'QR RD',
      authority: ['sub.example. 30 NS ns.org.'],
    })
  })

  it('§2.2 NODATA is NOERROR without an answer, with the SOA', () => {
    const server = new Answering({ negativeTtl: 5 }).put({ name: 'a.example', type: 'A', data: ['192.0.2.1'] })
    expectResponse(server.ask(buildQuery('a.example', 'AAAA')), {
      rcode: 'NOERROR',
      flags: 'QR AA RD',
      authority: ['example. 5 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 5'],
    })
  })

  it.each([
    [600, 20, 20],
    [10, 20, 10],
    [2147483647, 4294967295, 2147483647],
    [600, 0, 0],
  ])('§3, §5 the SOA has the lesser of its own TTL %i and its minimum %i', (ttl, minimum, expected) => {
    const server = new Answering().put({ name: 'example', type: 'SOA', ttl, data: [soa(minimum)] })
    expectResponse(server.ask(buildQuery('no.example')), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      authority: [`example. ${expected} SOA ns.example. me.example. 1 2 3 4 ${minimum}`],
    })
  })
})
