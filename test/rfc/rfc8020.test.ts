import { describe, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { expectResponse } from '../support/expect-response.js'

const SOA = 'example. 30 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 30'
const NODATA = { rcode: 'NOERROR', flags: 'QR AA RD', authority: [SOA] }
const NXDOMAIN = { rcode: 'NXDOMAIN', flags: 'QR AA RD', authority: [SOA] }

describe('RFC 8020', () => {
  it('§2 a name with nothing but names below it exists', () => {
    const server = new Answering().put({ name: '_http._tcp.a.b.example', type: 'A', data: ['192.0.2.1'] })
    for (const name of ['_tcp.a.b.example', 'a.b.example', 'b.example']) {
      expectResponse(server.ask(buildQuery(name)), NODATA)
      expectResponse(server.askStream(buildQuery(name, 'ANY')), NODATA)
    }
  })

  it('§2 where there is NXDOMAIN, there is nothing below', () => {
    const server = new Answering().put({ name: 'a.b.example', type: 'A', data: ['192.0.2.1'] })
    for (const name of ['c.example', 'x.c.example', 'x.a.b.example'])
      expectResponse(server.ask(buildQuery(name)), NXDOMAIN)
  })

  it('§2 a zone of ours below a name makes that name exist, though the zone is empty', () => {
    const server = new Answering({ zones: ['example.', 'k8s.prod.example.'] })
    expectResponse(server.ask(buildQuery('prod.example')), NODATA)
    expectResponse(server.ask(buildQuery('test.example')), NXDOMAIN)
  })
})
