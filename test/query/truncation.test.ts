import { describe, expect, it } from 'vitest'
import type { RRset } from '../../lib/records/rrset.js'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

const AA = { rcode: 'NOERROR', flags: 'QR AA RD' }
const CUT = { rcode: 'NOERROR', flags: 'QR AA TC RD' }

function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
}

function serverWith(count: number, udpPayloadSize = 1232): Answering {
  return new Answering({ udpPayloadSize }).put({ name: 'a.example', type: 'A', data: addresses(count) })
}

function answerOf(count: number): string[] {
  return addresses(count).map((address) => `a.example. 30 A ${address}`)
}

// Header 12, question 15, OPT 11, 16 for each address.
const mostIn = (size: number, isEdns: boolean) => Math.floor((size - 12 - 15 - (isEdns ? 11 : 0)) / 16)

describe('a response over UDP', () => {
  it.each([
    [512, undefined],
    [512, 512],
    [512, 0],
    [1232, 1232],
    [1232, 65535],
    [700, 700],
  ])('holds as many whole records as fit in %i bytes when the client says %s, or none', (size, clientSize) => {
    const edns = clientSize === undefined ? {} : { edns: { size: clientSize } }
    const opt = clientSize === undefined ? {} : { opt: '1232 v0' }
    const most = mostIn(size, clientSize !== undefined)
    const query = buildQuery('a.example', 'A', edns)
    const whole = serverWith(most).ask(query)
    expectResponse(whole, { ...AA, answer: answerOf(most), ...opt })
    expect(whole.length).toBeLessThanOrEqual(size)
    expect(whole.length).toBeGreaterThan(size - 16)
    expectResponse(serverWith(most + 1).ask(query), { ...CUT, ...opt })
  })

  it('is as large as the server is told it may be', () => {
    const query = buildQuery('a.example', 'A', { edns: { size: 65535 } })
    const most = mostIn(4096, true)
    expectResponse(serverWith(most, 4096).ask(query), { ...AA, answer: answerOf(most), opt: '4096 v0' })
    expectResponse(serverWith(most + 1, 4096).ask(query), { ...CUT, opt: '4096 v0' })
    expectResponse(serverWith(mostIn(512, true) + 1, 512).ask(query), { ...CUT, opt: '512 v0' })
  })

  it('keeps to the room that the transport has', () => {
    const query = buildQuery('a.example', 'A', { edns: { size: 4096 } })
    expectResponse(serverWith(mostIn(600, true), 4096).ask(query, 600), {
      ...AA,
      answer: answerOf(mostIn(600, true)),
      opt: '4096 v0',
    })
    expectResponse(serverWith(mostIn(600, true) + 1, 4096).ask(query, 600), { ...CUT, opt: '4096 v0' })
  })

  it('is cut at once for an RRset of thousands', () => {
    const query = buildQuery('a.example', 'A', { edns: {} })
    expectResponse(serverWith(4000).ask(query), { ...CUT, opt: '1232 v0' })
    const names = Array.from({ length: 2000 }, (_, i) => `h${i}.example`)
    const server = new Answering().put({ name: 'a.example', type: 'PTR', data: names })
    expectResponse(server.ask(buildQuery('a.example', 'PTR', { edns: {} })), { ...CUT, opt: '1232 v0' })
  })

  it('holds names that fit because they are compressed', () => {
    const long = `${'x'.repeat(60)}.${'y'.repeat(60)}.example`
    const data = Array.from({ length: 60 }, (_, i) => `h${i}.${long}`)
    const server = new Answering().put({ name: long, type: 'PTR', data })
    expectResponse(server.ask(buildQuery(long, 'PTR', { edns: {} })), {
      ...AA,
      answer: data.map((name) => `${long}. 30 PTR ${name}.`),
      opt: '1232 v0',
    })
  })

  it('keeps the links of a chain that fit, and leaves no part of an RRset', () => {
    const server = serverWith(40).put({ name: 'c.example', type: 'CNAME', data: ['a.example'] })
    expectResponse(server.ask(buildQuery('c.example')), { ...CUT, answer: ['c.example. 30 CNAME a.example.'] })
    const whole = new Answering({ zones: ['.'] })
    const long = (i: number): string => [1, 2, 3].map((part) => `${part}${i}${'x'.repeat(58)}`).join('.')
    for (let i = 0; i < 5; i++) whole.put({ name: long(i), type: 'CNAME', data: [long(i + 1)] })
    expectResponse(whole.ask(buildQuery(long(0))), {
      ...CUT,
      answer: [0].map((i) => `${long(i)}. 30 CNAME ${long(i + 1)}.`),
    })
  })

  it('has room for the longest question, an OPT record and a negative SOA in 512 bytes', () => {
    const name = `${Array(123).fill('x').join('.')}.example`
    const query = buildQuery(name, 'A', { edns: { size: 512 } })
    expect(query).toHaveLength(12 + 255 + 4 + 11)
    expectResponse(new Answering().ask(query), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      authority: ['example. 30 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 30'],
      opt: '1232 v0',
    })
  })

  it('has room for every refusal of the longest question in 512 bytes', () => {
    const name = Array(127).fill('x').join('.')
    for (const [parts, rcode, opt] of [
      [{ edns: { size: 512 } }, 'REFUSED', '1232 v0 EDE20'],
      [{ edns: { size: 512, version: 1 } }, 'BADVERS', '1232 v0'],
      [{ edns: { size: 512, options: Uint8Array.of(1) } }, 'FORMERR', '1232 v0'],
    ] as const) {
      expectResponse(new Answering().ask(buildQuery(name, 'A', parts), 512), { rcode, flags: 'QR RD', opt })
    }
    const notReady = new Answering({ loaded: false, zones: ['.'] })
    expectResponse(notReady.ask(buildQuery(name, 'A', { edns: { size: 512 } }), 512), {
      rcode: 'SERVFAIL',
      flags: 'QR RD',
      opt: '1232 v0 EDE14',
    })
  })

  it('says TC where the SOA of a negative answer does not fit', () => {
    const apex = [0, 1, 2].map((i) => `${i}${'z'.repeat(59)}`).join('.')
    const owner = [0, 1, 2].map((i) => `${i}${'o'.repeat(60)}`).join('.')
    const server = new Answering({ zones: ['.', apex] }).put({ name: owner, type: 'CNAME', data: [`no.${apex}`] })
    const { flags, rcode, answer, authority } = describeResponse(server.ask(buildQuery(owner)))
    expect([flags, rcode, answer.length, authority.length]).toEqual(['QR AA TC RD', 'NXDOMAIN', 1, 0])
  })
})

describe('a response over a stream', () => {
  it('is not cut, whatever the client says of UDP', () => {
    for (const edns of [{}, { edns: { size: 512 } }]) {
      const response = serverWith(4000).askStream(buildQuery('a.example', 'A', edns))
      expect(describeResponse(response).answer).toHaveLength(4000)
    }
  })

  it('holds any RRset that can be put in, with the longest question and an OPT record', () => {
    const name = `${Array(123).fill('x').join('.')}.example`
    const most = Math.floor((65535 - 12 - 259 - 11) / 16)
    const rrset: RRset = { name, type: 'A', data: addresses(most) }
    const response = new Answering().put(rrset).askStream(buildQuery(name, 'A', { edns: {} }))
    expect(describeResponse(response)).toMatchObject({ ...AA, opt: '1232 v0' })
    expect(response.length).toBeGreaterThan(65535 - 16)
  })

  it('holds the RRset of most records that there can be', () => {
    const characters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i))
    const pairs = characters.flatMap((first) => characters.map((second) => first + second))
    const data = ['', ...characters, ...pairs].slice(0, 4300)
    const response = new Answering()
      .put({ name: 'a.example', type: 'TXT', data })
      .askStream(buildQuery('a.example', 'TXT'))
    const { answer } = describeResponse(response)
    expect(new Set(answer)).toEqual(new Set(data.map((text) => `a.example. 30 TXT ${JSON.stringify(text)}`)))
    expect(answer).toHaveLength(4300)
  })
})
