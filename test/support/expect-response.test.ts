import { AUTHORITATIVE_ANSWER, encode, type Packet, RECURSION_DESIRED } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { type ExpectedResponse, expectResponse } from './expect-response.js'

const FLAGS = AUTHORITATIVE_ANSWER | RECURSION_DESIRED

function response(packet: Packet = {}): Uint8Array {
  return encode({
    type: 'response',
    id: 5,
    flags: FLAGS,
    questions: [{ name: 'a.example', type: 'A', class: 'IN' }],
    answers: [
      { name: 'a.example', type: 'A', ttl: 30, data: '192.0.2.1' },
      { name: 'a.example', type: 'A', ttl: 30, data: '192.0.2.2' },
    ],
    ...packet,
  })
}

const EXPECTED: ExpectedResponse = {
  rcode: 'NOERROR',
  flags: 'QR AA RD',
  answer: ['a.example. 30 A 192.0.2.1', 'a.example. 30 A 192.0.2.2'],
}

describe('expectResponse', () => {
  it('passes over the order within an RRset, but not over that of RRsets', () => {
    expectResponse(response(), { ...EXPECTED, answer: [...EXPECTED.answer!].reverse() })
    const chain = ['a.example. 30 CNAME b.example.', 'b.example. 30 A 192.0.2.1']
    const answers: Packet['answers'] = [
      { name: 'a.example', type: 'CNAME', ttl: 30, data: 'b.example' },
      { name: 'b.example', type: 'A', ttl: 30, data: '192.0.2.1' },
    ]
    expectResponse(response({ answers }), { ...EXPECTED, answer: chain })
    expect(() => expectResponse(response({ answers }), { ...EXPECTED, answer: [...chain].reverse() })).toThrow()
  })

  it.each<[string, Uint8Array, ExpectedResponse]>([
    ['a record that was not stated', response(), { ...EXPECTED, answer: [EXPECTED.answer![0]!] }],
    ['a missing record', response({ answers: [] }), EXPECTED],
    ['a flag', response({ flags: FLAGS | 0x80 }), EXPECTED],
    ['an RCODE', response({ flags: FLAGS | 3 }), EXPECTED],
    ['an id', response(), { ...EXPECTED, id: 6 }],
    ['an opcode', response({ flags: FLAGS | (2 << 11) }), EXPECTED],
    [
      'an authority section',
      response({ authorities: [{ name: 'example', type: 'NS', data: 'ns.example' }] }),
      EXPECTED,
    ],
    ['an OPT record', response({ additionals: [optOf()] }), EXPECTED],
    ['another question', response(), { ...EXPECTED, question: 'b.example. IN A' }],
    ['a question where there should be none', response(), { ...EXPECTED, question: null }],
    ['bytes behind the last record', Uint8Array.of(...response(), 0), EXPECTED],
    ['a count that lies', lying(response()), EXPECTED],
    ['no response at all', new Uint8Array(0), EXPECTED],
  ])('notices %s', (_, bytes, expected) => {
    expect(() => expectResponse(bytes, expected)).toThrow()
  })

  it('states an OPT record in words', () => {
    const opt = { ...optOf(), flags: 0x8000, ednsVersion: 0, options: [{ code: 15, data: Buffer.from([0, 14]) }] }
    expectResponse(response({ additionals: [opt as never] }), { ...EXPECTED, opt: '1232 v0 DO EDE14' })
    expectResponse(response({ additionals: [{ ...optOf(), extendedRcode: 1 } as never], flags: FLAGS }), {
      ...EXPECTED,
      rcode: 'BADVERS',
      opt: '1232 v0',
    })
  })

  it('writes data as zone files do', () => {
    const answers: Packet['answers'] = [
      { name: 'a.example', type: 'MX', ttl: 1, data: { preference: 10, exchange: 'mx.example' } },
      { name: 'a.example', type: 'TXT', ttl: 1, data: ['x y', 'z'] },
    ]
    expectResponse(response({ answers }), {
      ...EXPECTED,
      answer: ['a.example. 1 MX 10 mx.example.', 'a.example. 1 TXT "x y" "z"'],
    })
  })
})

function optOf() {
  const numbers = { udpPayloadSize: 1232, extendedRcode: 0, ednsVersion: 0, flags: 0 }
  return { name: '.', type: 'OPT' as const, ...numbers, flag_do: false, options: [] }
}

/** Says that it has one record more than it has. */
function lying(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy[7]!++
  return copy
}
