import { afterEach, describe, expect, it, vi } from 'vitest'
import { BodyWriter } from '../../../lib/forward/reply/body-writer.js'
import { CheckedReply } from '../../../lib/forward/reply/checked-reply.js'
import { MessageName } from '../../../lib/forward/reply/message-name.js'
import { FoldedName } from '../../../lib/wire/folded-name.js'
import { nameFromText } from '../../../lib/wire/name.js'
import { buildQuery, bytesOf, FLAGS, joined, record } from '../../support/build-query.js'

// What a reply may cost the forward thread: counted in names that are read, compared and written, which is what takes the time.

const SEED = 7
const QNAME = 'a.b.c.d.www.example'
const MANY = 4_000
const Type = { A: 1, CNAME: 5, SOA: 6, MX: 15, TXT: 16, DNAME: 39, RRSIG: 46 } as const
const RULES = { minTtl: 0, maxTtl: 60, maxNegativeTtl: 30, mayAnswerFor: () => true }
const toName = bytesOf(0xc00c)

afterEach(() => vi.restoreAllMocks())

function folded(name: string): FoldedName {
  const wire = nameFromText(name)
  const target = new FoldedName()
  target.read(wire, 0, wire.length, SEED)
  return target
}

/** How many names were read, compared and written for a reply. */
function costOf(parts: Parameters<typeof buildQuery>[2], type: number = Type.A): number {
  const message = buildQuery(QNAME, type, { flags: FLAGS.QR | FLAGS.RA, ...parts })
  expect(message.length).toBeLessThan(65_536)
  const reply = new CheckedReply(SEED, RULES)
  const question = { name: folded(QNAME), type, isDnssecOk: true }
  const spies = [
    vi.spyOn(MessageName.prototype, 'read'),
    vi.spyOn(FoldedName.prototype, 'read'),
    vi.spyOn(FoldedName.prototype, 'isAtOrBelow'),
    vi.spyOn(BodyWriter.prototype, 'name'),
  ]
  reply.read(message, message.length, question)
  const count = spies.reduce((total, { mock }) => total + mock.calls.length, 0)
  for (const spy of spies) spy.mockRestore()
  return count
}

const times = (count: number, each: (i: number) => Uint8Array) => Array.from({ length: count }, (_, i) => each(i))
const chain = ['a.b.c.d.www.example', 'l1.example', 'l2.example', 'l3.example', 'l4.example'].map(nameFromText)
const links = chain.slice(1).map((to, i) => record(chain[i]!, Type.CNAME, to))
const end = record(chain.at(-1)!, Type.A, Uint8Array.of(192, 0, 2, 1))
/** A name of two octets behind which the question's own goes on: below it, and at none that the chain leads to. */
const below = (i: number) => joined([Uint8Array.of(1, 97 + (i % 26)), toName])

describe('a reply with thousands of records', () => {
  it.each<[string, (i: number) => Uint8Array]>([
    ['DNAMEs of names below', (i) => record(below(i), Type.DNAME, Uint8Array.of(0))],
    ['CNAMEs of other names', (i) => record(below(i), Type.CNAME, Uint8Array.of(0))],
    ['addresses of other names', (i) => record(below(i), Type.A, Uint8Array.of(1))],
    ['texts of the name itself', () => record(toName, Type.TXT, Uint8Array.of(0))],
    ['signatures that cover other types', () => record(toName, Type.RRSIG, bytesOf(Type.TXT))],
  ])('that are %s costs twice as much as with half of them, at most', (_, one) => {
    const cost = (count: number) => costOf({ answer: [...links, ...times(count, one), end] })
    const [few, many] = [cost(MANY / 2), cost(MANY)]
    expect(few).toBeGreaterThan(MANY / 2)
    expect(many).toBeLessThanOrEqual(2 * few)
    // Each is read once, folded once, and maybe looked at again by name a few times.
    expect(many).toBeLessThanOrEqual(6 * MANY)
  })

  it('that are SOAs of names that are not above it costs as much for each', () => {
    const cost = (count: number) =>
      costOf({ authority: times(count, (i) => record(below(i), Type.SOA, bytesOf(0, 0))) })
    expect(cost(3_000)).toBeLessThanOrEqual(2 * cost(1_500))
  })

  it('is written no further than to the end of a message, where its names do not fit uncompressed', () => {
    const mx = (name: Uint8Array) => record(toName, Type.MX, joined([bytesOf(1), name]))
    // After so many other names no more are remembered, and pointed to.
    const others = times(64, (i) => mx(nameFromText(`o${i}`)))
    const before = others.reduce((total, { length }) => total + length, 12 + nameFromText(QNAME).length + 4)
    const long = mx(joined([...times(121, () => Uint8Array.of(1, 120)), Uint8Array.of(0)]))
    const toLong = mx(joined([Uint8Array.of(1, 121), bytesOf(0xc000 | (before + 14))]))
    const answer = [...others, long, ...times(2_500, () => toLong)]
    const message = buildQuery(QNAME, Type.MX, { flags: FLAGS.QR | FLAGS.RA, answer })
    const reply = new CheckedReply(SEED, RULES)
    const writing = vi.spyOn(BodyWriter.prototype, 'name')
    expect(reply.read(message, message.length, { name: folded(QNAME), type: Type.MX, isDnssecOk: false })).toBe(false)
    // Two names a record, with more than 240 octets in each of the long ones.
    expect(writing.mock.calls.length).toBeLessThan(2 * (others.length + 65_536 / 240))
  })
})
