import fc from 'fast-check'
import { nameFromText } from '../../lib/wire/name.js'
import { buildMessage, bytesOf, joined, optRecord, record } from '../support/build-query.js'
import { NAMES } from './fuzzed-server.js'

// Datagrams that were queries until something was done to them. A message is put together from parts that may lie, and then its
// octets are changed.

const HEADER_SIZE = 12
const MAX_DATAGRAM = 4096

const u16 = fc.nat(0xffff)
const u8 = fc.nat(255)
const octets = (maxLength: number) => fc.uint8Array({ maxLength })

/** A compression pointer: into the header, to the question, to itself more or less, far ahead. */
const pointer = fc
  .oneof(fc.constantFrom(0, 4, 11, 12, 13, 0x3fff), fc.integer({ min: 12, max: 60 }), fc.nat(0x3fff))
  .map((to) => bytesOf(0xc000 | to))
const labelLie = fc
  .tuple(fc.oneof(fc.constantFrom(0, 1, 63, 64, 0x41, 0x80, 0xbf, 0xff), u8), octets(70))
  .map(([length, bytes]) => joined([Uint8Array.of(length), bytes]))
const goodName = fc.constantFrom(...NAMES).map((text) => nameFromText(text))
const manyLabels = fc
  .nat(140)
  .map((count) => Uint8Array.from([...Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 1 : 0x31)), 0]))
const brokenName = fc.oneof(
  pointer,
  labelLie,
  manyLabels,
  fc.tuple(goodName, pointer).map(([name, end]) => joined([name.subarray(0, -1), end])),
  fc.tuple(labelLie, goodName).map((parts) => joined(parts)),
)
const anyName = fc.oneof({ weight: 5, arbitrary: goodName }, { weight: 2, arbitrary: brokenName })
const type = fc.oneof(fc.constantFrom(1, 1, 28, 2, 5, 6, 15, 16, 33, 41, 43, 251, 252, 255), u16)
const question = (name: fc.Arbitrary<Uint8Array>) =>
  fc
    .tuple(name, type, fc.constantFrom(1, 1, 1, 1, 3, 255, 0))
    .map(([qname, qtype, qclass]) => joined([qname, bytesOf(qtype, qclass)]))

/** Of clients, as RFC 7871 has them: of IPv4, of IPv6, of nobody. */
const SUBNETS = [
  [0, 1, 24, 0, 192, 0, 2],
  [0, 1, 32, 0, 192, 0, 2, 1],
  [0, 2, 56, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 7],
  [0, 1, 0, 0],
].map((data) => Uint8Array.from(data))

const option = fc
  .record({
    code: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(3, 8, 8, 10, 11, 12, 15) }, { weight: 1, arbitrary: u16 }),
    data: fc.oneof(
      fc.constantFrom(0, 8, 16, 24, 40).map((length) => new Uint8Array(length)),
      fc.constantFrom(...SUBNETS),
      octets(50),
    ),
    /** What is added to the length that the option says it has. */
    lie: fc.constantFrom(0, 0, 0, 1, -1, 200, 0xffff),
  })
  .map(({ code, data, lie }) => joined([bytesOf(code, (data.length + lie) & 0xffff), data]))
const opt = fc
  .record({
    size: fc.oneof(fc.constantFrom(0, 511, 512, 1232, 4096), u16),
    version: fc.constantFrom(0, 0, 0, 0, 1, 255),
    flags: fc.oneof(fc.constantFrom(0, 0x8000), u16),
    options: fc.array(option, { maxLength: 4 }).map(joined),
    owner: fc.oneof({ weight: 6, arbitrary: fc.constant(Uint8Array.of(0)) }, { weight: 1, arbitrary: anyName }),
    lie: fc.constantFrom(0, 0, 0, 0, 1, -1, 0xffff),
  })
  .map(({ owner, lie, ...parts }) => {
    const bytes = optRecord(parts, owner)
    const lengthAt = bytes.length - parts.options.length - 2
    bytes.set(bytesOf((parts.options.length + lie) & 0xffff), lengthAt)
    return bytes
  })
const otherRecord = fc.tuple(anyName, type, octets(40)).map(([owner, code, rdata]) => record(owner, code, rdata))
const additional = fc.oneof(
  { weight: 6, arbitrary: opt.map((each) => [each]) },
  { weight: 2, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.tuple(opt, opt) },
  { weight: 1, arbitrary: fc.array(fc.oneof(opt, otherRecord), { maxLength: 6 }) },
)
const count = fc.oneof(
  { weight: 12, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.oneof(fc.nat(3), fc.constant(0xffff)) },
)
const flags = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(0, 0x0100, 0x0130) }, { weight: 2, arbitrary: u16 })

/** What was put together on purpose, right or wrong. */
const message = fc
  .record({
    id: u16,
    flags,
    questions: fc.oneof(
      { weight: 8, arbitrary: question(goodName) },
      { weight: 4, arbitrary: question(anyName) },
      { weight: 1, arbitrary: fc.array(question(anyName), { maxLength: 3 }).map(joined) },
    ),
    answer: fc.oneof(
      { weight: 9, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(otherRecord, { maxLength: 3 }) },
    ),
    additional,
    counts: fc.tuple(count, count, count, count),
    trailing: fc.oneof({ weight: 5, arbitrary: fc.constant(new Uint8Array(0)) }, { weight: 1, arbitrary: octets(600) }),
  })
  .map(({ questions, ...parts }) => buildMessage(questions, parts))

type Edit = (bytes: Uint8Array) => Uint8Array

const place = fc.nat(MAX_DATAGRAM)
const at = (bytes: Uint8Array, where: number) => where % Math.max(1, bytes.length)
const edit: fc.Arbitrary<Edit> = fc.oneof(
  // A bit.
  fc.tuple(place, fc.nat(7)).map(
    ([where, bit]) =>
      (bytes: Uint8Array) =>
        withOctet(bytes, at(bytes, where), (old) => old ^ (1 << bit)),
  ),
  // An octet.
  fc.tuple(place, u8).map(
    ([where, value]) =>
      (bytes: Uint8Array) =>
        withOctet(bytes, at(bytes, where), () => value),
  ),
  // The end is missing.
  place.map((where) => (bytes: Uint8Array) => bytes.slice(0, at(bytes, where))),
  // Octets are missing, or too many.
  fc.tuple(place, fc.nat(5)).map(
    ([where, length]) =>
      (bytes: Uint8Array) =>
        spliced(bytes, at(bytes, where), length, new Uint8Array(0)),
  ),
  fc.tuple(place, octets(20)).map(
    ([where, more]) =>
      (bytes: Uint8Array) =>
        spliced(bytes, at(bytes, where), 0, more),
  ),
  // A pointer where none was.
  fc.tuple(place, pointer).map(
    ([where, to]) =>
      (bytes: Uint8Array) =>
        spliced(bytes, Math.max(HEADER_SIZE, at(bytes, where)), 2, to),
  ),
  // The same again behind it.
  fc.constant((bytes: Uint8Array) => joined([bytes, bytes.subarray(HEADER_SIZE)])),
)

function withOctet(bytes: Uint8Array, where: number, change: (old: number) => number): Uint8Array {
  const changed = Uint8Array.from(bytes)
  if (where < changed.length) changed[where] = change(changed[where]!)
  return changed
}

function spliced(bytes: Uint8Array, where: number, length: number, more: Uint8Array): Uint8Array {
  return joined([bytes.subarray(0, where), more, bytes.subarray(where + length)])
}

/** Whatever may come in a datagram. */
export const datagram: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 30, arbitrary: message },
  {
    weight: 20,
    arbitrary: fc
      .tuple(message, fc.array(edit, { minLength: 1, maxLength: 3 }))
      .map(([bytes, edits]) => edits.reduce((edited, each) => each(edited), bytes).slice(0, MAX_DATAGRAM)),
  },
  { weight: 1, arbitrary: octets(600) },
)

/** A query for anything, with an option that somebody has made for it; something may have been done to it. */
export function datagramWith(code: number, data: Uint8Array): fc.Arbitrary<Uint8Array> {
  return fc
    .record({
      asked: question(goodName),
      options: fc.array(option, { maxLength: 2 }),
      edits: fc.array(edit, { maxLength: 1 }),
    })
    .map(({ asked, options, edits }) => {
      const edns = { size: 4096, options: joined([bytesOf(code, data.length), data, ...options]) }
      return edits.reduce((edited, each) => each(edited), buildMessage(asked, { edns })).slice(0, MAX_DATAGRAM)
    })
}
