import { describe, expect, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { expectResponse } from '../support/expect-response.js'

const AA = { rcode: 'NOERROR', flags: 'QR AA RD' }

describe('RFC 4343', () => {
  it('§3 names match whatever the case of their ASCII letters', () => {
    const server = new Answering({ zones: ['ExAmPle'] }).put({
      name: 'Abc-9_Z.exAmple',
      type: 'A',
      data: ['192.0.2.1'],
    })
    for (const name of ['abc-9_z.example', 'ABC-9_Z.EXAMPLE', 'aBc-9_z.eXaMpLe']) {
      expectResponse(server.ask(buildQuery(name)), {
        ...AA,
        question: `${name}. IN A`,
        answer: [`${name}. 30 A 192.0.2.1`],
      })
    }
  })

  it('§3 octets beside the letters, and beyond ASCII, have no case', () => {
    // `@` and `` ` ``, `[` and `{` differ in the bit that tells the case of letters, as do the two octets beyond ASCII.
    const server = new Answering().put({ name: '\\@\\[\\192.example', type: 'A', data: ['192.0.2.1'] })
    expect(server.ask(buildQuery('\\@\\[\\192.example'))[7]).toBe(1)
    for (const other of ['\\096\\[\\192', '\\@\\{\\192', '\\@\\[\\224'])
      expect(server.ask(buildQuery(`${other}.example`))[7]).toBe(0)
  })

  it('§4.1 the case of the question is kept in the response', () => {
    const server = new Answering().put({ name: 'a.example', type: 'A', data: ['192.0.2.1'] })
    for (const name of ['A.example', 'nO.eXAMPLE', 'A.COM']) {
      const query = buildQuery(name)
      expect(Buffer.from(server.ask(query).subarray(12, query.length))).toEqual(Buffer.from(query.subarray(12)))
    }
  })

  it('§3 a CNAME target matches whatever its case', () => {
    const server = new Answering()
      .put({ name: 'a.example', type: 'CNAME', data: ['B.EXAMPLE'] })
      .put({ name: 'b.example', type: 'A', data: ['192.0.2.1'] })
    expectResponse(server.ask(buildQuery('a.example')), {
      ...AA,
      answer: ['a.example. 30 CNAME B.example.', 'B.example. 30 A 192.0.2.1'],
    })
  })
})
