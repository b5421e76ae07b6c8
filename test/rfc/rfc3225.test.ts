import { describe, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { expectResponse } from '../support/expect-response.js'

describe('RFC 3225', () => {
  it('§3 DO is copied from the query to the response', () => {
    const server = new Answering().put({ name: 'a.example', type: 'A', data: ['192.0.2.1'] })
    const answered = { rcode: 'NOERROR', flags: 'QR AA RD', answer: ['a.example. 30 A 192.0.2.1'] }
    expectResponse(server.ask(buildQuery('a.example', 'A', { edns: { flags: 0x8000 } })), {
      ...answered,
      opt: '1232 v0 DO',
    })
    expectResponse(server.ask(buildQuery('a.example', 'A', { edns: { flags: 0 } })), { ...answered, opt: '1232 v0' })
    // Without an OPT record there is no DO, not even the one of the query before.
    expectResponse(server.ask(buildQuery('a.example')), answered)
    expectResponse(server.ask(buildQuery('a.com', 'A', { edns: { flags: 0xffff } })), {
      rcode: 'REFUSED',
      flags: 'QR RD',
      opt: '1232 v0 DO EDE20',
    })
  })
})
