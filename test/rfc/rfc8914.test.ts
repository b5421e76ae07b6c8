import { describe, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { expectResponse } from '../support/expect-response.js'

const REFUSED = { rcode: 'REFUSED', flags: 'QR RD' }

describe('RFC 8914', () => {
  const server = new Answering().put({ name: 'a.example', type: 'A', data: ['192.0.2.1'] })

  it('§4.15 SERVFAIL says Not Ready (14) until the first load', () => {
    const early = new Answering({ loaded: false }).put({ name: 'a.example', type: 'A', data: ['192.0.2.1'] })
    const query = buildQuery('a.example', 'A', { edns: {} })
    expectResponse(early.ask(query), { rcode: 'SERVFAIL', flags: 'QR RD', opt: '1232 v0 EDE14' })
    early.index.setLoaded()
    expectResponse(early.ask(query), {
      rcode: 'NOERROR',
      flags: 'QR AA RD',
      answer: ['a.example. 30 A 192.0.2.1'],
      opt: '1232 v0',
    })
  })

  it('§4.21 a name in none of our zones is Not Authoritative (20)', () => {
    expectResponse(server.ask(buildQuery('a.com', 'A', { edns: {} })), { ...REFUSED, opt: '1232 v0 EDE20' })
  })

  it.each([
    ['another class', 'a.example', 'A', { class: 4 }],
    ['class CH', 'a.example', 'TXT', { class: 3 }],
    ['a transfer', 'example', 'AXFR', {}],
    ['a transfer of changes', 'example', 'IXFR', {}],
  ])('§4.22 %s is Not Supported (21)', (_, name, type, parts) => {
    expectResponse(server.ask(buildQuery(name, type, { ...parts, edns: {} })), { ...REFUSED, opt: '1232 v0 EDE21' })
  })

  it('§2 there is no Extended DNS Error for a client without EDNS', () => {
    expectResponse(new Answering({ loaded: false }).ask(buildQuery('a.example')), { rcode: 'SERVFAIL', flags: 'QR RD' })
    expectResponse(server.ask(buildQuery('a.com')), REFUSED)
  })
})
