import { startTestUpstream, type UpstreamQuery } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { nameFromText } from '../../lib/wire/name.js'
import { buildQuery, bytesOf, FLAGS, joined, optRecord, type QueryParts, record } from '../support/build-query.js'
import { eventually } from '../support/eventually.js'
import { askedOf, brief, Forwarding } from './forwarding.js'

// What an upstream may do with EDNS, counts and pointers, over a whole server.

const GOOD = '192.0.2.1'
const ODD = 'odd0.example.org'
const SERVFAIL = '2'
const CNAME = 5
/** Of the question's name, and of what stands behind it. */
const QNAME = 12
const BEHIND = QNAME + nameFromText(ODD).length + 4

const a = (name: string) => record(nameFromText(name), 1, Uint8Array.of(192, 0, 2, 1))

function reply({ id, name }: UpstreamQuery, parts: QueryParts = {}): Uint8Array {
  return buildQuery(name, 'A', { id, flags: FLAGS.QR | FLAGS.RD | FLAGS.RA, answer: [a(name)], ...parts })
}

/** An OPT record with the upper bits of BADVERS, 16. */
function badVersion(): Uint8Array {
  const opt = optRecord({ version: 1 })
  opt[5] = 1
  return opt
}

/** An upstream that answers queries for `odd` and a number in the odd way of that number, and all others as it should. */
const startOdd = (...ways: ((query: UpstreamQuery) => Uint8Array)[]) =>
  startTestUpstream({
    answer: (query) => {
      if (query.type !== 'A') return {}
      const [, number] = /^odd(\d)/.exec(query.name) ?? []
      return number === undefined ? reply(query, { edns: {} }) : ways[Number(number)]!(query)
    },
  })

const nameOf = (way: number) => ODD.replace('0', String(way))

describe('EDNS of an upstream', () => {
  it('changes neither the answer, nor what clients are told, nor what is asked next, whatever it says', async () => {
    const ways: [string, QueryParts][] = [
      ['takes no payload at all', { edns: { size: 0 } }],
      ['takes 511 octets', { edns: { size: 511 } }],
      ['takes 65535 octets', { edns: { size: 65_535 } }],
      ['twice, and not the same', { additional: [optRecord({ size: 0 }), optRecord({ flags: 0x8000 })] }],
      ['of a version that nobody has, without an error', { edns: { version: 255 } }],
      ['at a name', { additional: [optRecord({}, nameFromText('www.example.org'))] }],
      ['with an option that is cut short', { edns: { options: bytesOf(10, 500) } }],
    ]
    const amongAnswers = ({ name }: UpstreamQuery) => ({ answer: [optRecord(), a(name), badVersion()] })
    await using upstream = await startOdd(
      ...ways.map(
        ([, parts]) =>
          (query: UpstreamQuery) =>
            reply(query, parts),
      ),
      (query) => reply(query, amongAnswers(query)),
    )
    await using forwarding = await Forwarding.start([upstream], { attempts: 1, tryTimeoutMs: 2_000 })
    const { opt: sane } = await forwarding.ask('plain.example.org')
    for (const [way, what] of [...ways.map(([what]) => what), 'among the answers'].entries()) {
      for (let time = 0; time < 2; time++) {
        const response = await forwarding.ask(nameOf(way))
        // Whatever has OPT records twice, or elsewhere, has not been read here.
        expect([what, brief(response), response.opt, response.additional]).toEqual([what, `0 ${GOOD}`, sane, []])
        await forwarding.dns.cache.flush()
      }
    }
    const asked = askedOf(upstream).map(({ edns }) => edns)
    expect(asked.length).toBeGreaterThan(2 * ways.length)
    expect(asked).toEqual(asked.map(() => ({ version: 0, payloadSize: 1232, isDnssecOk: false })))
  })

  it.each<[string, (query: UpstreamQuery) => Uint8Array]>([
    ['BADVERS with version 1', (query) => reply(query, { answer: [], additional: [badVersion()] })],
    ['FORMERR without an OPT record', (query) => reply(query, { answer: [], flags: FLAGS.QR | 1 })],
    [
      'FORMERR, an OPT record among the answers',
      (query) => reply(query, { answer: [optRecord()], flags: FLAGS.QR | 1 }),
    ],
    ['FORMERR and nothing but a header', ({ id }) => bytesOf(id, FLAGS.QR | 1, 0, 0, 0, 0)],
  ])('is left out, once, when it is refused with %s', async (_, refusal) => {
    await using upstream = await startOdd((query) => (query.edns === undefined ? reply(query) : refusal(query)))
    await using forwarding = await Forwarding.start([upstream], { attempts: 1, tryTimeoutMs: 2_000 })
    expect(brief(await forwarding.ask(ODD))).toBe(`0 ${GOOD}`)
    expect(askedOf(upstream).map(({ edns }) => edns !== undefined)).toEqual([true, false])
  })

  it('that is refused, and its absence as well, is SERVFAIL, in three queries at most', async () => {
    await using upstream = await startOdd((query) => reply(query, { answer: [], additional: [badVersion()] }))
    await using forwarding = await Forwarding.start([upstream])
    expect(brief(await forwarding.ask(ODD))).toBe(SERVFAIL)
    expect(upstream.count(ODD)).toBeLessThanOrEqual(3)
  })
})

describe('a reply that cannot be read', () => {
  const toPlace = (offset: number) => bytesOf(0xc000 | offset)
  const A_RDATA = Uint8Array.of(192, 0, 2, 1)
  const alias = (name: string, rdata: Uint8Array) => record(nameFromText(name), CNAME, rdata)
  const RDATA_BEHIND = BEHIND + nameFromText(ODD).length + 10

  const WAYS: [string, (name: string) => QueryParts][] = [
    ['65535 records in each section', () => ({ counts: [1, 65_535, 65_535, 65_535] })],
    ['65535 answers', () => ({ counts: [1, 65_535] })],
    ['65535 records behind its answer', () => ({ counts: [1, 1, 0, 65_535] })],
    ['an owner that points to itself', () => ({ answer: [record(toPlace(BEHIND), 1, A_RDATA)] })],
    [
      'an owner that points to its own beginning',
      () => ({
        answer: [record(joined([Uint8Array.of(1, 0x61), toPlace(BEHIND)]), 1, A_RDATA)],
      }),
    ],
    [
      'two owners that point to each other',
      () => ({
        answer: [record(toPlace(BEHIND + 16), 1, A_RDATA), record(toPlace(BEHIND), 1, A_RDATA)],
      }),
    ],
    ['an alias that points to itself', (name) => ({ answer: [alias(name, toPlace(RDATA_BEHIND))] })],
    ['an alias that points behind the end', (name) => ({ answer: [alias(name, bytesOf(0xffff))] })],
    [
      'an OPT record at an owner that points to itself',
      (name) => ({
        answer: [a(name)],
        additional: [optRecord({}, toPlace(RDATA_BEHIND + A_RDATA.length))],
      }),
    ],
    ['a record that is cut short', () => ({ counts: [1, 2], trailing: bytesOf(0xc00c, 1, 1, 0) })],
  ]

  it('is SERVFAIL, is not asked for over and over, and takes nothing from what is right', async () => {
    await using upstream = await startOdd(
      ...WAYS.map(
        ([, parts]) =>
          (query: UpstreamQuery) =>
            reply(query, parts(query.name)),
      ),
    )
    await using forwarding = await Forwarding.start([upstream], { tryTimeoutMs: 2_000 })
    for (const [way, [what]] of WAYS.entries()) {
      expect([what, brief(await forwarding.ask(nameOf(way)))]).toEqual([what, SERVFAIL])
      expect([what, upstream.count(nameOf(way))]).toEqual([what, 1])
      expect(brief(await forwarding.ask(`plain${way}.example.org`))).toBe(`0 ${GOOD}`)
    }
    await eventually(() => expect(forwarding.dns.stats().forward?.upstreams).toMatchObject([{ state: 'up' }]))
  })
})
