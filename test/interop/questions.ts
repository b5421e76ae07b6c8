import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { nameFromText } from '../../lib/wire/name.js'
import { typeCode } from '../../lib/wire/rdata/record-type.js'
import { buildQuery, type EdnsParts } from '../support/build-query.js'
import { zoneRecords } from '../zone-file/zone-records.js'
import type { InteropZone } from './interop-zones.js'

/** What all servers are asked. */
export interface Question {
  readonly name: Uint8Array
  readonly type: number
  readonly edns: EdnsParts | undefined
  readonly flags: number
}

/** The same bytes for each server. */
export function queryOf({ name, type, edns, flags }: Question): Uint8Array {
  return buildQuery(name, type, edns === undefined ? { flags } : { flags, edns })
}

type Labels = readonly Uint8Array[]

const MAX_NAME_LENGTH = 255
const RD = 0x0100
const CD_AD = 0x0030

/** Questions about what is in zones and what is not: at, above, below, beside and far from each of their names. */
export function questions(zones: readonly InteropZone[]): fc.Arbitrary<Question> {
  const records = zones.flatMap(({ file }) => zoneRecords(readFileSync(file)))
  const owners = [...new Set(records.map(({ name }) => name))].map((text) => labelsOf(text))
  const targets = records.flatMap(({ data }) => (data ?? []).flatMap(namesIn)).map((text) => labelsOf(text))
  const apexes = zones.map(({ name }) => labelsOf(name))
  const owner = fc.constantFrom(...owners)
  const known = fc.oneof(
    { weight: 6, arbitrary: owner },
    { weight: 1, arbitrary: fc.constantFrom(...targets) },
    { weight: 1, arbitrary: fc.constantFrom(...apexes) },
  )
  const someLabels = fc.array(
    fc.oneof(
      label,
      // The root has no label.
      owner.map((labels) => labels[0] ?? ASTERISK),
    ),
    { minLength: 1, maxLength: 3 },
  )
  const name = fc.oneof(
    { weight: 6, arbitrary: known },
    { weight: 4, arbitrary: fc.tuple(someLabels, known).map(([below, labels]) => [...below, ...labels]) },
    { weight: 2, arbitrary: fc.tuple(known, fc.nat(4)).map(([labels, n]) => labels.slice(n % (labels.length || 1))) },
    { weight: 2, arbitrary: fc.tuple(known, fc.nat(9), label).map(replaced) },
    {
      weight: 2,
      arbitrary: fc.tuple(someLabels, fc.constantFrom(...apexes)).map(([below, apex]) => [...below, ...apex]),
    },
    { weight: 1, arbitrary: someLabels },
  )
  return fc.record({
    name: fc.tuple(name.map(fitted), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.boolean()).map(inMixedCase),
    type: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...records.map(({ type }) => typeCode(type))) }, anyType),
    edns,
    flags: fc.constantFrom(0, RD, RD, RD | CD_AD),
  })
}

/** No ANY, which is answered by policy, nor any other type that is not one of data. */
const anyType = fc.oneof(
  fc.constantFrom(1, 1, 28, 28, 2, 5, 6, 12, 15, 16, 33, 35, 43, 43, 64, 65, 257, 65280),
  fc.constantFrom(13, 17, 18, 24, 25, 29, 37, 39, 44, 46, 47, 48, 50, 51, 52, 59, 60, 61, 63, 99, 256, 1000),
)
const ASTERISK = Uint8Array.of(0x2a)
const edns = fc.option(fc.record({ size: fc.constantFrom(0, 512, 600, 1232, 1400, 4096, 65535) }), { nil: undefined })
const label = fc
  .oneof(
    fc.constantFrom('a', 'x', 'www', '*', '**', 'ns', 'ns.', 'absent', '_tcp', '\0', '\xff', '.', '\\', 'z'.repeat(63)),
    fc.stringMatching(/^[a-z0-9-]{1,8}$/),
  )
  .map((text) => new Uint8Array(Buffer.from(text, 'latin1')))

function replaced([labels, n, by]: [Labels, number, Uint8Array]): Labels {
  return labels.map((each, i) => (i === n % labels.length ? by : each))
}

/** Without the first labels of what is too long. */
function fitted(labels: Labels): Labels {
  let size = 1
  const from = labels.findLastIndex((each) => {
    size += 1 + each.length
    return size > MAX_NAME_LENGTH
  })
  return labels.slice(from + 1)
}

/** In wire form, with upper case where `bits` say so. */
function inMixedCase([labels, bits, isMixed]: [Labels, bigint, boolean]): Uint8Array {
  const wire = Buffer.concat([
    ...labels.map((each) => Buffer.concat([Uint8Array.of(each.length), each])),
    Uint8Array.of(0),
  ])
  if (!isMixed) return new Uint8Array(wire)
  let at = 0
  for (const { length } of labels) {
    for (let i = at + 1; i <= at + length; i++) {
      const isLetter = wire[i]! >= 0x61 && wire[i]! <= 0x7a
      if (isLetter && ((bits >> BigInt(i % 64)) & 1n) === 1n) wire[i]! -= 0x20
    }
    at += 1 + length
  }
  return new Uint8Array(wire)
}

/** Whatever looks like a name in a record's data. */
function namesIn(data: unknown): string[] {
  if (typeof data === 'string') return /^[^ ]+\.$/.test(data) ? [data] : []
  if (data === null || typeof data !== 'object' || data instanceof Uint8Array) return []
  return Object.values(data).flatMap(namesIn)
}

function labelsOf(text: string): Labels {
  const wire = nameFromText(text)
  const labels: Uint8Array[] = []
  for (let at = 0; wire[at] !== 0; at += wire[at]! + 1) labels.push(wire.slice(at + 1, at + 1 + wire[at]!))
  return labels
}
