import { describe, expect, it } from 'vitest'
import { Answering } from '../support/answering.js'
import {
  buildMessage,
  buildQuery,
  bytesOf,
  FLAGS,
  joined,
  optRecord,
  type QueryParts,
  record,
} from '../support/build-query.js'
import { expectResponse } from '../support/expect-response.js'

const server = new Answering().put({ name: 'a.example', type: 'A', data: ['192.0.2.1'] })
const ROOT = Uint8Array.of(0)
const ANSWER = ['a.example. 30 A 192.0.2.1']
const ANSWERED = { rcode: 'NOERROR', flags: 'QR AA RD', answer: ANSWER }
const ECHOED = 'a.example. IN A'

function ask(parts: QueryParts = {}): Uint8Array {
  return server.ask(buildQuery('a.example', 'A', parts))
}

describe('silence', () => {
  it.each(Array.from({ length: 12 }, (_, length) => length))('is the answer to %i octets', (length) => {
    expect(server.ask(buildQuery('a.example').subarray(0, length))).toHaveLength(0)
    expect(server.ask(new Uint8Array(length).fill(0xff))).toHaveLength(0)
  })

  it.each([0, 1, 4, 5, 15])('is the answer to a response of opcode %i', (opcode) => {
    expect(ask({ flags: FLAGS.QR | (opcode << 11) })).toHaveLength(0)
  })

  it('is the answer to our own answers', () => {
    for (const query of [buildQuery('a.example'), buildQuery('no.example'), buildMessage(new Uint8Array(0))]) {
      expect(server.ask(server.ask(query))).toHaveLength(0)
    }
  })
})

describe('opcodes', () => {
  it.each(Array.from({ length: 15 }, (_, i) => i + 1))('%i is not implemented', (opcode) => {
    const expected = { rcode: 'NOTIMP', flags: 'QR RD', opcode, question: null, id: 0x1234 }
    expectResponse(ask({ flags: (opcode << 11) | FLAGS.RD }), expected)
    expectResponse(server.ask(buildMessage(new Uint8Array(0), { flags: (opcode << 11) | FLAGS.RD })), expected)
    expectResponse(ask({ flags: (opcode << 11) | FLAGS.RD, edns: {} }), expected)
  })
})

describe('the question section', () => {
  const FORMERR = { rcode: 'FORMERR', flags: 'QR RD', question: null }

  it.each([0, 2, 65535])('must not claim %i questions', (count) => {
    expectResponse(ask({ counts: [count] }), FORMERR)
  })

  it('must not hold two', () => {
    const question = buildQuery('a.example').subarray(12)
    expectResponse(server.ask(buildMessage(joined([question, question]), { counts: [2] })), FORMERR)
  })

  it('may be missing, which is an error, but an OPT record is answered', () => {
    expectResponse(server.ask(buildMessage(new Uint8Array(0))), FORMERR)
    expectResponse(server.ask(buildMessage(new Uint8Array(0), { edns: { flags: 0x8000 } })), {
      ...FORMERR,
      opt: '1232 v0 DO',
    })
  })

  it('must not be cut at any octet', () => {
    const query = buildQuery('a.example')
    for (let length = 12; length < query.length; length++)
      expectResponse(server.ask(query.subarray(0, length)), FORMERR)
  })

  it.each<[string, number[]]>([
    ['a label of 64 octets', [64, ...Array<number>(64).fill(120), 0]],
    ['a pointer to itself', [0xc0, 12]],
    ['a pointer to the header', [0xc0, 0]],
    ['a pointer past the end', [0xff, 0xff]],
    ['a pointer forward', [0xc0, 14, 1, 97, 0]],
    ['a pointer behind a label', [1, 97, 0xc0, 12]],
    ['half a pointer', [1, 97, 0xc0]],
    ['a label of type 0x40', [0x41, 1, 0]],
    ['a label of type 0x80', [0x80, 1, 0]],
    ['a name of 256 octets', [...Array.from({ length: 126 }, () => [1, 120]).flat(), 2, 120, 120, 0]],
    ['a name that goes on for ever', Array<number>(600).fill(1)],
  ])('must not hold %s', (_, name) => {
    expectResponse(server.ask(buildQuery(Uint8Array.from(name))), FORMERR)
  })

  it('may hold the longest label and the longest name', () => {
    const label = Uint8Array.from([63, ...Array<number>(63).fill(120), 0])
    expectResponse(server.ask(buildQuery(label)), { rcode: 'REFUSED', flags: 'QR RD' })
    const name = Uint8Array.from([...Array.from({ length: 127 }, () => [1, 120]).flat(), 0])
    expect(name).toHaveLength(255)
    expectResponse(server.ask(buildQuery(name)), { rcode: 'REFUSED', flags: 'QR RD' })
  })

  it('may ask for the root, which is not ours', () => {
    expectResponse(server.ask(buildQuery('.', 'NS')), { rcode: 'REFUSED', flags: 'QR RD', question: '. IN NS' })
  })
})

describe('classes and types', () => {
  it.each([0, 2, 3, 4, 254, 255, 65535])('class %i is refused', (klass) => {
    expectResponse(ask({ class: klass }), { rcode: 'REFUSED', flags: 'QR RD' })
  })

  it.each([0, 3, 10, 43, 46, 64, 65, 99, 249, 250, 253, 254, 256, 1000, 65280, 65535])(
    'type %i is there without data',
    (type) => {
      const soa = 'example. 30 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 30'
      expectResponse(server.ask(buildQuery('a.example', type)), {
        rcode: 'NOERROR',
        flags: 'QR AA RD',
        authority: [soa],
      })
    },
  )

  it.each(['AXFR', 'IXFR'])('%s is refused', (type) => {
    expectResponse(server.ask(buildQuery('example', type)), { rcode: 'REFUSED', flags: 'QR RD' })
  })

  it('type OPT is no question', () => {
    expectResponse(server.ask(buildQuery('example', 'OPT', { edns: {} })), {
      rcode: 'FORMERR',
      flags: 'QR RD',
      opt: '1232 v0',
    })
  })
})

describe('counts that lie', () => {
  const FORMERR = { rcode: 'FORMERR', flags: 'QR RD', question: ECHOED }

  it.each<[string, (number | undefined)[]]>([
    ['ANCOUNT', [1, 1]],
    ['NSCOUNT', [1, 0, 1]],
    ['ARCOUNT', [1, 0, 0, 1]],
    ['all of them', [1, 65535, 65535, 65535]],
  ])('%s', (_, counts) => {
    expectResponse(ask({ counts }), FORMERR)
  })

  it('by one, with an OPT record there', () => {
    expectResponse(ask({ counts: [1, 0, 0, 2], edns: {} }), { ...FORMERR, opt: '1232 v0' })
  })

  it('by less than there is: the rest is ignored, as are trailing bytes', () => {
    expectResponse(ask({ counts: [1, 0, 0, 0], edns: {} }), ANSWERED)
    expectResponse(ask({ trailing: new Uint8Array(100).fill(0xff) }), ANSWERED)
    expectResponse(ask({ edns: {}, trailing: Uint8Array.of(0) }), { ...ANSWERED, opt: '1232 v0' })
  })
})

describe('records besides the question', () => {
  const other = record(bytesOf(0xc00c), 1, Uint8Array.of(192, 0, 2, 9))

  it('are passed over, and never repeated', () => {
    expectResponse(ask({ answer: [other], authority: [other, other], additional: [other] }), ANSWERED)
    expectResponse(ask({ answer: [other], additional: [other], edns: {} }), { ...ANSWERED, opt: '1232 v0' })
  })

  it('may be a TSIG, which we do not know', () => {
    const tsig = joined([Uint8Array.of(3, 107, 101, 121, 0), bytesOf(250, 255, 0, 0, 20), new Uint8Array(20)])
    expectResponse(ask({ additional: [tsig] }), ANSWERED)
    expectResponse(ask({ additional: [optRecord(), tsig] }), { ...ANSWERED, opt: '1232 v0' })
  })

  it('must not have names that break a limit', () => {
    for (const owner of [
      Uint8Array.of(64, ...new Uint8Array(64).fill(120), 0),
      Uint8Array.of(0x40, 0),
      Uint8Array.of(0x80, 0),
    ]) {
      expectResponse(ask({ additional: [record(owner, 1, new Uint8Array(4))] }), { rcode: 'FORMERR', flags: 'QR RD' })
    }
  })
})

describe('OPT records', () => {
  const FORMERR = { rcode: 'FORMERR', flags: 'QR RD', question: ECHOED, opt: '1232 v0' }

  it('must not be two', () => {
    expectResponse(ask({ additional: [optRecord()], edns: {} }), FORMERR)
  })

  it.each(['answer', 'authority'] as const)('must not stand in the %s section', (section) => {
    expectResponse(ask({ [section]: [optRecord()] }), FORMERR)
  })

  it('must have the root for an owner', () => {
    expectResponse(ask({ additional: [optRecord({}, Uint8Array.of(1, 97, 0))] }), FORMERR)
    expectResponse(ask({ additional: [optRecord({}, bytesOf(0xc00c))] }), FORMERR)
  })

  it('must not be cut at any octet', () => {
    const query = buildQuery('a.example', 'A', { edns: { options: [[10, new Uint8Array(8)]] } })
    const optAt = buildQuery('a.example').length
    for (let length = optAt; length < query.length; length++) {
      const { opt, ...withoutOpt } = FORMERR
      // Without its owner and type it is not known to be one.
      const isOpt = length >= optAt + 3
      expectResponse(server.ask(query.subarray(0, length)), isOpt ? { ...withoutOpt, opt } : withoutOpt)
    }
  })

  it.each<[string, Uint8Array]>([
    ['half an option', bytesOf(10)],
    ['an option without its data', bytesOf(10, 8)],
    ['an option that reaches past the record', Uint8Array.of(0, 10, 0, 3, 1, 2)],
    ['an octet too many', Uint8Array.of(0, 10, 0, 1, 1, 0)],
  ])('must not hold %s', (_, options) => {
    expectResponse(ask({ edns: { options } }), FORMERR)
    // Something behind it that the option could run into.
    expectResponse(ask({ edns: { options }, trailing: new Uint8Array(20) }), FORMERR)
  })

  it('may stand before other records', () => {
    expectResponse(ask({ additional: [optRecord(), record(ROOT, 1, new Uint8Array(4))] }), {
      ...ANSWERED,
      opt: '1232 v0',
    })
  })
})
