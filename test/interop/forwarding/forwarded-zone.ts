import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FastRandom } from '../../../lib/fast-random.js'
import { Type } from '../../../lib/wire/constants.js'
import { nameFromText } from '../../../lib/wire/name.js'
import type { InteropZone } from '../interop-zones.js'
import type { Question } from '../questions.js'

export const ZONE = 'forwarded.example'

const [RD, CD, AD] = [0x0100, 0x0010, 0x0020]
const DO = 0x8000
/** RRsets of two to four kilobytes, which do not fit a datagram. */
const LARGE_SETS = 40
/** The types that a name `typed-n` has one of, each in its turn. */
const TYPED: readonly (readonly [type: number, record: (n: number) => string])[] = [
  [Type.AAAA, (n) => `AAAA 2001:db8::${(n % 65535).toString(16)}`],
  [Type.MX, (n) => `MX ${n % 100} host-${n % 10}`],
  [Type.SRV, (n) => `SRV 1 ${n % 1000} 443 host-${n % 10}`],
  [Type.TXT, (n) => `TXT "number ${n}" "and more"`],
  [Type.CAA, (n) => `CAA 0 issue "ca-${n}.example"`],
  [Type.NAPTR, (n) => `NAPTR ${n % 100} 10 "U" "SIP+D2U" "!^.*$!sip:${n}@example.org!" .`],
  [Type.PTR, (n) => `PTR host-${n % 10}`],
  [Type.SVCB, () => 'SVCB 1 . port=853'],
  [Type.HTTPS, () => 'HTTPS 1 . alpn=h2'],
  [65280, (n) => `TYPE65280 \\# 4 ${n.toString(16).padStart(8, '0')}`],
]

/** Writes a zone that has something of everything for `count` questions, signed, as a file in `folder`. */
export function writeSignedZone(folder: string, count: number): InteropZone {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'zone'), zoneText(count))
  const run = (program: string, ...args: string[]) => execFileSync(program, args, { cwd: folder, stdio: 'pipe' })
  for (const flags of [[], ['-f', 'KSK']]) run('dnssec-keygen', '-q', '-a', 'ECDSAP256SHA256', ...flags, ZONE)
  // -S: with the keys in the folder; -P: what has just been signed need not be checked.
  run('dnssec-signzone', '-S', '-P', '-o', ZONE, '-f', 'zone.signed', 'zone')
  return { name: ZONE, file: join(folder, 'zone.signed') }
}

function zoneText(count: number): string {
  const lines = [
    `$ORIGIN ${ZONE}.`,
    '$TTL 3600',
    '@ SOA ns hostmaster 1 3600 900 43200 60',
    '@ NS ns',
    'ns A 198.51.100.53',
    '*.wild 120 TXT "for all"',
    '*.wild 120 A 192.0.2.200',
    '*.aliases CNAME host-1',
    'below.an.empty A 192.0.2.201',
  ]
  for (let n = 0; n < count; n++) {
    lines.push(`host-${n} ${60 + (n % 1000)} A 10.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`)
    if (n % KINDS.length === 0) lines.push(`typed-${n} ${TYPED[(n / KINDS.length) % TYPED.length]![1](n)}`)
    // A chain of one to four links: 7 to 6 to 5 to 4, and from there to a host.
    if (n % KINDS.length === 1) lines.push(...chain(n))
  }
  for (let n = 0; n < LARGE_SETS; n++) {
    for (let i = 0; i < 10 + (n % 10); i++) lines.push(`large-${n} TXT "${`${n} ${i} `.padEnd(200, 'x')}"`)
  }
  return `${lines.join('\n')}\n`
}

function chain(n: number): string[] {
  const links = 1 + (((n / KINDS.length) | 0) % 4)
  return Array.from({ length: links }, (_, i) => {
    const target = i === links - 1 ? `host-${n}` : `link-${i + 1}-${n}`
    return `${i === 0 ? `alias-${n}` : `link-${i}-${n}`} CNAME ${target}`
  })
}

/** What is asked of number n; hosts there are for each number, all else for every tenth. */
const KINDS: readonly ((n: number) => readonly [name: string, type: number])[] = [
  (n) => [`host-${n}`, Type.A],
  (n) => [`host-${n}`, Type.A],
  (n) => [`host-${n}`, Type.AAAA],
  (n) => [`typed-${n - (n % 10)}`, TYPED[((n - (n % 10)) / 10) % TYPED.length]![0]],
  (n) => [`alias-${n - (n % 10) + 1}`, n % 20 < 10 ? Type.A : Type.TXT],
  (n) => [`any-${n}.deep.wild`, n % 20 < 10 ? Type.TXT : Type.MX],
  (n) => [`absent-${n}`, Type.A],
  (n) => [`below-${n}.host-${n}`, Type.A],
  (n) => [`large-${n % LARGE_SETS}`, Type.TXT],
  (n) => [ODD_NAMES[n % ODD_NAMES.length]!(n), n % 3 === 0 ? Type.CNAME : Type.A],
]

const ODD_NAMES: readonly ((n: number) => string)[] = [
  (n) => `n${n}.aliases`,
  () => 'an.empty',
  () => 'ns',
  (n) => `dot\\.in-${n}`,
  (n) => `\\000\\255-${n}`,
]

/** `count` questions about it, in an order and a spelling that the seed decides; one in ten of them twice. */
export function forwardedQuestions(count: number, seed: number): Question[] {
  const random = new FastRandom(seed)
  const questions = Array.from({ length: count }, (_, n) => {
    const [name, type] = KINDS[n % KINDS.length]!(n)
    return questionOf(nameFromText(`${name}.${ZONE}`), type, random)
  })
  for (let i = 0; i < count / 10; i++) questions.push(questions[random.below(count)]!)
  for (let i = questions.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[questions[i], questions[j]] = [questions[j]!, questions[i]!]
  }
  return questions
}

function questionOf(name: Uint8Array, type: number, random: FastRandom): Question {
  for (let i = 0; i < name.length; i++) {
    const isLetter = name[i]! >= 0x61 && name[i]! <= 0x7a
    if (isLetter && random.below(4) === 0) name[i]! ^= 0x20
  }
  const kind = random.below(4)
  // No EDNS, EDNS, and twice with signatures.
  const edns = kind === 0 ? undefined : { size: random.below(2) === 0 ? 1232 : 4096, flags: kind > 1 ? DO : 0 }
  const flags = RD | (random.below(8) === 0 ? CD : 0) | (random.below(8) === 0 ? AD : 0)
  return { name, type, edns, flags }
}
