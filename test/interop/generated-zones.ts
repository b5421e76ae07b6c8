import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import type { InteropZone } from './interop-zones.js'

/** Zones one below the other, at names that generated ones have, and one apart. */
export const NESTED = ['gen.example', 'sub.gen.example', 'b.a.gen.example', 'other.example']
/** All there is, with zones below. */
export const ROOT = ['.', 'example', 'a.b.example']

/** What stands at a name: of each kind what the bits say. */
interface Entry {
  readonly owner: string
  readonly kind: 'address' | 'data' | 'alias' | 'cut' | 'pointers'
  readonly targets: readonly string[]
  readonly bits: number
}

const DS = 'TYPE43 \\# 36 ec4505020000000000000000000000000000000000000000000000000000000000000001'

/**
 * Lines of zone files: few labels, so that wildcards, aliases, cuts and zones meet at each other's names. What others refuse is not among it:
 * an alias beside other data, NS records of a wildcard.
 */
export function generatedZones(apexes: readonly string[]): fc.Arbitrary<ReadonlyMap<string, readonly string[]>> {
  const label = fc.constantFrom('a', 'b', 'c', '*', '*', 'w', 'sub')
  const name = fc
    .tuple(fc.array(label, { maxLength: 4 }), fc.constantFrom(...apexes))
    .map(([labels, apex]) => below(labels, apex))
  const target = fc.oneof(
    { weight: 8, arbitrary: name },
    { weight: 1, arbitrary: fc.constantFrom('.', 'example.', 'www.elsewhere.', 'gen.example.') },
  )
  const entry: fc.Arbitrary<Entry> = fc.record({
    owner: name,
    kind: fc.constantFrom('address', 'address', 'data', 'alias', 'alias', 'cut', 'cut', 'pointers'),
    targets: fc.uniqueArray(target, { minLength: 1, maxLength: 3 }),
    bits: fc.nat(255),
  })
  return fc.array(entry, { minLength: 40, maxLength: 90, size: 'max' }).map((entries) => linesOf(apexes, entries))
}

/** As files in a folder of the test. */
export function writeGenerated(folder: string, zones: ReadonlyMap<string, readonly string[]>): InteropZone[] {
  mkdirSync(folder, { recursive: true })
  return [...zones].map(([name, lines], i) => {
    const file = join(folder, `${i}.zone`)
    writeFileSync(file, `$TTL 300\n${lines.join('\n')}\n`)
    return { name, file }
  })
}

function linesOf(apexes: readonly string[], entries: readonly Entry[]): ReadonlyMap<string, readonly string[]> {
  const zones = new Map(apexes.map((apex) => [apex, apexLines(apex)]))
  const zoneOf = (name: string) =>
    apexes.filter((apex) => isAtOrBelow(name, apex)).reduce((a, b) => (a.length > b.length ? a : b))
  for (const apex of apexes) {
    if (apex === '.') continue
    const above = apexes.filter((other) => other !== apex && isAtOrBelow(below([], apex), other))
    const upper = above.reduce((a, b) => (a.length > b.length ? a : b), '')
    zones.get(upper)?.push(...delegationLines(apex))
  }
  const taken = new Set(apexes.flatMap((apex) => [below([], apex), below(['ns'], apex)]))
  for (const entry of entries) {
    if (taken.has(entry.owner)) continue
    taken.add(entry.owner)
    const lines = zones.get(zoneOf(entry.owner))!
    for (const data of dataOf(entry)) lines.push(`${entry.owner} ${data}`)
  }
  return zones
}

function apexLines(apex: string): string[] {
  const [self, server] = [below([], apex), below(['ns'], apex)]
  return [
    `${self} SOA ns.elsewhere. h.elsewhere. ${apex.length} 2 3 4 60`,
    `${self} NS ${server}`,
    `${server} A 198.51.100.1`,
  ]
}

/** As the zone above has it: long out of date. */
function delegationLines(apex: string): string[] {
  const [self, server] = [below([], apex), below(['ns'], apex)]
  const lines = [`${self} 60 NS ${server}`, `${self} NS ns.gone.`, `${server} A 198.51.100.99`]
  return apex.length % 2 === 0 ? lines : [...lines, `${self} ${DS}`]
}

function dataOf({ owner, kind, targets, bits }: Entry): string[] {
  const has = (bit: number) => (bits & bit) !== 0
  switch (kind === 'cut' && owner.startsWith('*') ? 'address' : kind) {
    case 'alias':
      return [`CNAME ${targets[0]}`]
    case 'cut':
      return [
        ...targets.map((target) => `NS ${target}`),
        ...(has(1) ? [`A 192.0.2.${bits}`] : []),
        ...(has(2) ? [DS] : []),
        ...(has(4) ? ['TXT "occluded"'] : []),
      ]
    case 'pointers':
      return [
        'TXT "beside"',
        ...(has(1) ? targets.map((target) => `MX 1 ${target}`) : []),
        ...(has(2) ? targets.map((target) => `SRV 1 1 1 ${target}`) : []),
        ...(has(4) ? targets.map((target) => `PTR ${target}`) : []),
        ...(has(8) ? ['TYPE65280 \\# 1 00'] : []),
      ]
    case 'address':
      return [`A 192.0.2.${bits}`, ...(has(1) ? [`AAAA 2001:db8::${bits}`] : []), ...(has(2) ? ['TXT "too"'] : [])]
    default:
      return [`TXT "${bits}"`, ...(has(1) ? [`AAAA 2001:db8::${bits}`] : []), ...(has(2) ? ['PTR .'] : [])]
  }
}

function below(labels: readonly string[], apex: string): string {
  return apex === '.' ? `${labels.join('.')}.` : [...labels, apex, ''].join('.')
}

function isAtOrBelow(name: string, apex: string): boolean {
  return apex === '.' || name === `${apex}.` || name.endsWith(`.${apex}.`)
}
