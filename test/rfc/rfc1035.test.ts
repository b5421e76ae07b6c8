import { describe, expect, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildMessage, buildQuery, FLAGS } from '../support/build-query.js'
import { expectResponse } from '../support/expect-response.js'

const server = new Answering().put({ name: 'a.example', type: 'A', data: ['192.0.2.1'] })
const ANSWERED = { rcode: 'NOERROR', flags: 'QR AA RD', answer: ['a.example. 30 A 192.0.2.1'] }
const FORMERR = { rcode: 'FORMERR', flags: 'QR RD', question: null }

describe('RFC 1035', () => {
  it('§2.3.4 labels have 63 octets at most, names 255', () => {
    const label = (length: number) => Uint8Array.of(length, ...new Uint8Array(length).fill(120), 0)
    expectResponse(server.ask(buildQuery(label(63))), { rcode: 'REFUSED', flags: 'QR RD' })
    expectResponse(server.ask(buildQuery(label(64))), FORMERR)
    const name = (octets: number) =>
      Uint8Array.from([
        ...Array.from({ length: 126 }, () => [1, 120]).flat(),
        octets - 254,
        ...Array(octets - 254).fill(120),
        0,
      ])
    expectResponse(server.ask(buildQuery(name(255))), { rcode: 'REFUSED', flags: 'QR RD' })
    expectResponse(server.ask(buildQuery(name(256))), FORMERR)
  })

  it('§3.3.14 a TXT record is one or more strings of up to 255 octets', () => {
    const long = 'x'.repeat(255)
    const txt = new Answering().put({ name: 'a.example', type: 'TXT', data: [[long, '']] })
    expectResponse(txt.ask(buildQuery('a.example', 'TXT')), {
      ...ANSWERED,
      answer: [`a.example. 30 TXT ${JSON.stringify(long)} ""`],
    })
  })

  it('§4.1.1 the id is that of the query', () => {
    for (const id of [0, 1, 0xff00, 0xffff])
      expectResponse(server.ask(buildQuery('a.example', 'A', { id })), { ...ANSWERED, id })
  })

  it('§4.1.1 RD is copied; RA is clear, as we do not recurse; Z is 0', () => {
    const all = FLAGS.AA | FLAGS.TC | FLAGS.RD | FLAGS.RA | FLAGS.Z
    expectResponse(server.ask(buildQuery('a.example', 'A', { flags: all | 0xf })), ANSWERED)
    expectResponse(server.ask(buildQuery('a.example', 'A', { flags: 0 })), { ...ANSWERED, flags: 'QR AA' })
  })

  it('§4.1.1 RCODE 1 where the query cannot be read', () => {
    expectResponse(server.ask(buildQuery('a.example').subarray(0, 20)), FORMERR)
  })

  it('§4.1.1 RCODE 4 for a kind of query that we do not support: IQUERY, STATUS', () => {
    for (const opcode of [1, 2]) {
      const query = buildQuery('a.example', 'A', { flags: (opcode << 11) | FLAGS.RD })
      expectResponse(server.ask(query), { rcode: 'NOTIMP', flags: 'QR RD', opcode, question: null })
    }
  })

  it('§4.1.1 RCODE 5 where we do not answer for policy: not our zone', () => {
    expectResponse(server.ask(buildQuery('a.com')), { rcode: 'REFUSED', flags: 'QR RD' })
  })

  it('§4.1.2 the question is repeated as it came', () => {
    const query = buildQuery('A.eXaMpLe')
    const response = server.ask(query)
    expect(Buffer.from(response.subarray(12, query.length))).toEqual(Buffer.from(query.subarray(12)))
  })

  it('§4.1.4 a name may end in a pointer to one before it', () => {
    const response = server.ask(buildQuery('a.example'))
    expect([...response.subarray(27, 29)]).toEqual([0xc0, 12])
  })

  it('§4.2.1 a response over UDP has 512 octets at most, and TC says that there is more', () => {
    const addresses = Array.from({ length: 31 }, (_, i) => `192.0.2.${i}`)
    const large = new Answering().put({ name: 'a.example', type: 'A', data: addresses })
    expectResponse(large.ask(buildQuery('a.example')), { rcode: 'NOERROR', flags: 'QR AA TC RD' })
  })

  it('§4.1.1 QR marks a response, which is not answered', () => {
    expect(server.ask(buildMessage(new Uint8Array(0), { flags: FLAGS.QR }))).toHaveLength(0)
  })
})
