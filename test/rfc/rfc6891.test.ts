import { describe, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery, optRecord, type QueryParts, record } from '../support/build-query.js'
import { expectResponse } from '../support/expect-response.js'

const server = new Answering().put({ name: 'a.example', type: 'A', data: ['192.0.2.1'] })
const ANSWERED = { rcode: 'NOERROR', flags: 'QR AA RD', answer: ['a.example. 30 A 192.0.2.1'] }
const FORMERR = { rcode: 'FORMERR', flags: 'QR RD', opt: '1232 v0' }

function ask(parts: QueryParts): Uint8Array {
  return server.ask(buildQuery('a.example', 'A', parts))
}

describe('RFC 6891', () => {
  it('§6.1.1 a response has an OPT record if the query has one, and only then', () => {
    expectResponse(ask({ edns: {} }), { ...ANSWERED, opt: '1232 v0' })
    expectResponse(ask({}), ANSWERED)
    for (const name of ['no.example', 'a.com', 'example']) {
      const response = server.ask(buildQuery(name, 'SOA', { edns: {} }))
      const rcode = { 'no.example': 'NXDOMAIN', 'a.com': 'REFUSED', example: 'NOERROR' }[name]!
      const soa = 'example. 30 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 30'
      expectResponse(response, {
        rcode,
        flags: name === 'a.com' ? 'QR RD' : 'QR AA RD',
        ...(name === 'example' ? { answer: [soa] } : {}),
        ...(name === 'no.example' ? { authority: [soa] } : {}),
        opt: name === 'a.com' ? '1232 v0 EDE20' : '1232 v0',
      })
    }
  })

  it('§6.1.1 more than one OPT record is a FORMERR', () => {
    expectResponse(ask({ additional: [optRecord()], edns: {} }), FORMERR)
  })

  it('§6.1.1 an OPT record may stand anywhere in the additional section', () => {
    const other = record(Uint8Array.of(0), 16, Uint8Array.of(0))
    expectResponse(ask({ additional: [optRecord(), other] }), { ...ANSWERED, opt: '1232 v0' })
    expectResponse(ask({ additional: [other, optRecord()] }), { ...ANSWERED, opt: '1232 v0' })
  })

  it('§6.1.2 the owner of an OPT record is the root', () => {
    expectResponse(ask({ additional: [optRecord({}, Uint8Array.of(1, 97, 0))] }), FORMERR)
  })

  it('§6.1.2 options that are not known are ignored', () => {
    expectResponse(
      ask({
        edns: {
          options: [
            [100, new Uint8Array(5)],
            [65001, new Uint8Array(0)],
          ],
        },
      }),
      { ...ANSWERED, opt: '1232 v0' },
    )
  })

  it.each([1, 2, 255])('§6.1.3 version %i is answered with BADVERS and our version', (version) => {
    expectResponse(ask({ edns: { version } }), { rcode: 'BADVERS', flags: 'QR RD', opt: '1232 v0' })
    expectResponse(ask({ edns: { version, flags: 0x8000, options: [[100, new Uint8Array(1)]] } }), {
      rcode: 'BADVERS',
      flags: 'QR RD',
      opt: '1232 v0 DO',
    })
  })

  it('§6.1.4 bits of Z are ignored, and 0 in responses', () => {
    expectResponse(ask({ edns: { flags: 0x7fff } }), { ...ANSWERED, opt: '1232 v0' })
    expectResponse(ask({ edns: { flags: 0x0080 } }), { ...ANSWERED, opt: '1232 v0' })
  })

  it('§6.2.3 a size below 512 means 512', () => {
    const data = Array.from({ length: 29 }, (_, i) => `192.0.2.${i}`)
    const full = new Answering().put({ name: 'a.example', type: 'A', data })
    for (const size of [0, 1, 511, 512]) {
      const answer = data.map((address) => `a.example. 30 A ${address}`)
      expectResponse(full.ask(buildQuery('a.example', 'A', { edns: { size } })), {
        ...ANSWERED,
        answer,
        opt: '1232 v0',
      })
    }
  })

  it('§6.2.4 our own size bounds the response, whatever the client takes', () => {
    const data = Array.from({ length: 76 }, (_, i) => `192.0.2.${i}`)
    const large = new Answering().put({ name: 'a.example', type: 'A', data })
    expectResponse(large.ask(buildQuery('a.example', 'A', { edns: { size: 65535 } })), {
      rcode: 'NOERROR',
      flags: 'QR AA TC RD',
      opt: '1232 v0',
    })
  })

  it('§7 a truncated response has its OPT record', () => {
    const data = Array.from({ length: 40 }, (_, i) => `192.0.2.${i}`)
    const large = new Answering().put({ name: 'a.example', type: 'A', data })
    expectResponse(large.ask(buildQuery('a.example', 'A', { edns: { size: 512 } })), {
      rcode: 'NOERROR',
      flags: 'QR AA TC RD',
      opt: '1232 v0',
    })
  })

  it('§7 an error that is not about EDNS has its OPT record too', () => {
    expectResponse(ask({ class: 3, edns: {} }), { rcode: 'REFUSED', flags: 'QR RD', opt: '1232 v0 EDE21' })
    expectResponse(ask({ edns: { options: Uint8Array.of(0) } }), FORMERR)
  })
})
