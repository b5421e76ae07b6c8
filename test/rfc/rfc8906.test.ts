import { describe, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildMessage, buildQuery, type EdnsParts, FLAGS, type QueryParts } from '../support/build-query.js'
import { expectResponse } from '../support/expect-response.js'

// The tests of §8 as far as they are about UDP; each asks for the SOA of a zone that is ours, with RD clear unless it says so.

const server = new Answering()
const SOA = ['example. 30 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 30']
const ANSWERED = { rcode: 'NOERROR', flags: 'QR AA', answer: SOA }
const WITH_EDNS = { ...ANSWERED, opt: '1232 v0' }
const BADVERS = { rcode: 'BADVERS', flags: 'QR', opt: '1232 v0' }

function ask(parts: QueryParts = {}, type: string | number = 'SOA'): Uint8Array {
  return server.ask(buildQuery('example', type, { flags: 0, ...parts }))
}

function askEdns(edns: EdnsParts): Uint8Array {
  return ask({ edns })
}

describe('RFC 8906', () => {
  it('§8.1.1 the zone is configured', () => expectResponse(ask(), ANSWERED))

  it('§8.1.2 a type that is not known is NODATA', () => {
    expectResponse(ask({}, 1000), { rcode: 'NOERROR', flags: 'QR AA', authority: SOA })
  })

  it('§8.1.3.1 CD=1', () => expectResponse(ask({ flags: FLAGS.CD }), ANSWERED))
  it('§8.1.3.2 AD=1', () => expectResponse(ask({ flags: FLAGS.AD }), ANSWERED))
  it('§8.1.3.3 the reserved bit is not copied', () => expectResponse(ask({ flags: FLAGS.Z }), ANSWERED))
  it('§8.1.3.4 RD=1 is copied, and recursion is not available', () => {
    expectResponse(ask({ flags: FLAGS.RD }), { ...ANSWERED, flags: 'QR AA RD' })
  })

  it('§8.1.4 an opcode that is not known is NOTIMP, with a question or without', () => {
    const expected = { rcode: 'NOTIMP', flags: 'QR', opcode: 15, question: null }
    expectResponse(server.ask(buildMessage(new Uint8Array(0), { flags: 15 << 11 })), expected)
    expectResponse(ask({ flags: 15 << 11 }), expected)
  })

  it('§8.2.1 minimal EDNS', () => expectResponse(askEdns({}), WITH_EDNS))
  it('§8.2.2 version negotiation', () => expectResponse(askEdns({ version: 1 }), BADVERS))
  it('§8.2.3 an option that is not known is ignored', () => {
    expectResponse(askEdns({ options: [[100, new Uint8Array(0)]] }), WITH_EDNS)
  })
  it('§8.2.4 a flag that is not known is ignored', () => expectResponse(askEdns({ flags: 0x40 }), WITH_EDNS))
  it('§8.2.5 version and flags', () => expectResponse(askEdns({ version: 1, flags: 0x40 }), BADVERS))
  it('§8.2.6 version and options', () => {
    expectResponse(askEdns({ version: 1, options: [[100, new Uint8Array(0)]] }), BADVERS)
  })

  it('§8.2.7 a truncated response has an OPT record', () => {
    const data = Array.from({ length: 60 }, (_, i) => `192.0.2.${i}`)
    const large = new Answering().put({ name: 'a.example', type: 'A', data })
    const query = buildQuery('a.example', 'A', { flags: 0, edns: { size: 512, flags: 0x8000 } })
    expectResponse(large.ask(query), { rcode: 'NOERROR', flags: 'QR AA TC', opt: '1232 v0 DO' })
  })

  it('§8.2.8 DO=1', () => expectResponse(askEdns({ flags: 0x8000 }), { ...WITH_EDNS, opt: '1232 v0 DO' }))
  it('§8.2.9 version and DO', () => {
    expectResponse(askEdns({ version: 1, flags: 0x8000 }), { ...BADVERS, opt: '1232 v0 DO' })
  })

  it('§8.2.10 several options: NSID, cookie, client subnet, expire', () => {
    const options = [
      [3, new Uint8Array(0)],
      [10, new Uint8Array(8)],
      [8, new Uint8Array(4)],
      [9, new Uint8Array(0)],
    ] as const
    expectResponse(askEdns({ options }), WITH_EDNS)
  })
})
