import { describe, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { expectResponse } from '../support/expect-response.js'

const SOA = 'example. 30 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 30'
const links = ['a.example. 30 CNAME b.example.', 'b.example. 30 CNAME c.example.']

function server(): Answering {
  return new Answering()
    .put({ name: 'a.example', type: 'CNAME', data: ['b.example'] })
    .put({ name: 'b.example', type: 'CNAME', data: ['c.example'] })
}

describe('RFC 6604', () => {
  it('§2.1 AA is about the first name: set, though the chain ends in a zone that is not ours', () => {
    const leaving = new Answering().put({ name: 'a.example', type: 'CNAME', data: ['a.com'] })
    expectResponse(leaving.ask(buildQuery('a.example')), {
      rcode: 'NOERROR',
      flags: 'QR AA RD',
      answer: ['a.example. 30 CNAME a.com.'],
    })
  })

  it('§3 the RCODE is that of the last name in the chain: NXDOMAIN when it is not there', () => {
    expectResponse(server().ask(buildQuery('a.example')), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      answer: links,
      authority: [SOA],
    })
  })

  it('§3 NOERROR when it is there, with such data or without', () => {
    const whole = server().put({ name: 'c.example', type: 'A', data: ['192.0.2.1'] })
    expectResponse(whole.ask(buildQuery('a.example')), {
      rcode: 'NOERROR',
      flags: 'QR AA RD',
      answer: [...links, 'c.example. 30 A 192.0.2.1'],
    })
    expectResponse(whole.ask(buildQuery('a.example', 'AAAA')), {
      rcode: 'NOERROR',
      flags: 'QR AA RD',
      answer: links,
      authority: [SOA],
    })
  })
})
