import { describe, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { expectResponse } from '../support/expect-response.js'

describe('RFC 8914', () => {
  it('§4.15 SERVFAIL says Not Ready (14) until the first load', () => {
    const server = new Answering({ loaded: false }).put({ name: 'a.example', type: 'A', data: ['192.0.2.1'] })
    const query = buildQuery('a.example', 'A', { edns: {} })
    expectResponse(server.ask(query), { rcode: 'SERVFAIL', flags: 'QR RD', opt: '1232 v0 EDE14' })
    server.index.setLoaded()
    expectResponse(server.ask(query), {
      rcode: 'NOERROR',
      flags: 'QR AA RD',
      answer: ['a.example. 30 A 192.0.2.1'],
      opt: '1232 v0',
    })
  })

  it('§2 there is no Extended DNS Error for a client without EDNS', () => {
    expectResponse(new Answering({ loaded: false }).ask(buildQuery('a.example')), { rcode: 'SERVFAIL', flags: 'QR RD' })
  })
})
