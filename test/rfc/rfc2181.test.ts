import { describe, expect, it } from 'vitest'
import { checkRRset } from '../../lib/records/rrset.js'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { errorCode } from '../support/error-code.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

const AA = { rcode: 'NOERROR', flags: 'QR AA RD' }

describe('RFC 2181', () => {
  it('§5 no two records of an RRset are alike', () => {
    const server = new Answering().put({
      name: 'a.example',
      type: 'PTR',
      data: ['b.example', 'B.EXAMPLE', 'c.example', 'b.example'],
    })
    expectResponse(server.ask(buildQuery('a.example', 'PTR')), {
      ...AA,
      answer: ['a.example. 30 PTR b.example.', 'a.example. 30 PTR c.example.'],
    })
  })

  it('§5.1 an answer holds the whole RRset', () => {
    const data = Array.from({ length: 25 }, (_, i) => `192.0.2.${i}`)
    const server = new Answering().put({ name: 'a.example', type: 'A', data })
    expectResponse(server.ask(buildQuery('a.example')), {
      ...AA,
      answer: data.map((address) => `a.example. 30 A ${address}`),
    })
  })

  it('§5.2 the records of an RRset have one TTL', () => {
    const server = new Answering().put({ name: 'a.example', type: 'A', ttl: 77, data: ['192.0.2.1', '192.0.2.2'] })
    expectResponse(server.ask(buildQuery('a.example')), {
      ...AA,
      answer: ['a.example. 77 A 192.0.2.1', 'a.example. 77 A 192.0.2.2'],
    })
  })

  it('§8 a TTL has 31 bits', () => {
    const rrset = { name: 'a.example', type: 'A', data: ['192.0.2.1'] } as const
    expect(errorCode(() => checkRRset({ ...rrset, ttl: 2 ** 31 }))).toBe('CDNS_TTL_INVALID')
    const server = new Answering().put({ ...rrset, ttl: 2 ** 31 - 1, data: [...rrset.data] })
    expectResponse(server.ask(buildQuery('a.example')), { ...AA, answer: ['a.example. 2147483647 A 192.0.2.1'] })
  })

  it('§9 TC is set when an RRset that was asked for does not fit whole, and no part of it is sent', () => {
    const data = Array.from({ length: 100 }, (_, i) => `192.0.2.${i}`)
    const server = new Answering().put({ name: 'a.example', type: 'A', data })
    expectResponse(server.ask(buildQuery('a.example')), { rcode: 'NOERROR', flags: 'QR AA TC RD' })
  })

  it('§9 TC is not set for want of room in the additional section', () => {
    const data = Array.from({ length: 20 }, (_, i) => ({ preference: i, exchange: `m${i}.example` }))
    const server = new Answering().put({ name: 'a.example', type: 'MX', data })
    for (const { exchange } of data) server.put({ name: exchange, type: 'A', data: ['192.0.2.1', '192.0.2.2'] })
    const { flags, answer } = describeResponse(server.ask(buildQuery('a.example', 'MX')))
    expect([flags, answer.length]).toEqual(['QR AA RD', 20])
  })

  it('§10.1 a name has one CNAME at most', () => {
    const two = { name: 'a.example', type: 'CNAME', data: ['b.example', 'c.example'] }
    expect(errorCode(() => checkRRset(two))).toBe('CDNS_RRSET_INVALID')
  })

  it('§11 a label may hold any octets', () => {
    const server = new Answering().put({ name: '\\000\\255\\032.example', type: 'A', data: ['192.0.2.1'] })
    expect(server.ask(buildQuery(Uint8Array.of(3, 0, 255, 32, 7, 101, 120, 97, 109, 112, 108, 101, 0)))[7]).toBe(1)
  })
})
