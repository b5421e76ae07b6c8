import { type DecodedPacket, decode } from 'dns-packet'
import { expect } from 'vitest'

/** A whole response. What is left out must not be there. */
export interface ExpectedResponse {
  readonly rcode: string
  /** All that are set, in the order QR AA TC RD RA Z AD CD. */
  readonly flags: string
  readonly id?: number
  readonly opcode?: number
  /** `name class type`; null for none. Left out: one question, of any text. */
  readonly question?: string | null
  /** `name ttl type data`, in any order within an RRset. The class stands between TTL and type if it is not IN. */
  readonly answer?: readonly string[]
  readonly authority?: readonly string[]
  /** Without the OPT record. */
  readonly additional?: readonly string[]
  /** `size version`, then what else there is: `1232 v0 DO EDE14`. Left out: no OPT record. */
  readonly opt?: string
}

/** States a whole response, by what dns-packet reads in it: header, counts, all sections and the OPT record. */
export function expectResponse(response: Uint8Array, expected: ExpectedResponse): void {
  expect(response.length, 'there is a response').toBeGreaterThan(0)
  const described = describeResponse(response)
  const { id = described.id, opcode = 0, answer = [], authority = [], additional = [] } = expected
  const question =
    expected.question === undefined && described.question !== null ? described.question : expected.question
  expect(described).toEqual({
    id,
    opcode,
    rcode: expected.rcode,
    flags: expected.flags,
    question,
    answer: withRRsetsSorted(answer),
    authority: withRRsetsSorted(authority),
    additional: withRRsetsSorted(additional),
    opt: expected.opt ?? null,
  })
}

/** A response as `expectResponse` compares it. Throws when it is cut short, or has bytes that belong to no record. */
export function describeResponse(response: Uint8Array) {
  const packet = decode(Buffer.from(response)) as DecodedPacket
  if (decode.bytes !== response.length) throw new Error(`${response.length - decode.bytes} bytes belong to no record`)
  const view = new DataView(response.buffer, response.byteOffset, response.length)
  const flags = view.getUint16(2)
  const opts = (packet.additionals ?? []).filter((answer) => answer.type === 'OPT') as unknown as OptAnswer[]
  if (opts.length > 1) throw new Error(`${opts.length} OPT records`)
  const rcode = (flags & 0xf) | ((opts[0]?.extendedRcode ?? 0) << 4)
  if ((packet.questions ?? []).length > 1) throw new Error('more than one question')
  return {
    id: view.getUint16(0),
    opcode: (flags >>> 11) & 0xf,
    rcode: RCODES[rcode] ?? `RCODE${rcode}`,
    flags: FLAG_NAMES.filter(([, bit]) => (flags & bit) !== 0)
      .map(([name]) => name)
      .join(' '),
    question: packet.questions?.map((q) => `${dotted(q.name)} ${q.class} ${q.type}`)[0] ?? null,
    answer: sectionText(packet.answers),
    authority: sectionText(packet.authorities),
    additional: sectionText(packet.additionals?.filter((answer) => answer.type !== 'OPT')),
    opt: opts.length === 0 ? null : optText(opts[0]!),
  }
}

interface OptAnswer {
  readonly name: string
  readonly udpPayloadSize: number
  readonly extendedRcode: number
  readonly ednsVersion: number
  readonly flags: number
  readonly options: readonly { readonly code: number; readonly data: Uint8Array }[]
}

const RCODES: Record<number, string> = {
  0: 'NOERROR',
  1: 'FORMERR',
  2: 'SERVFAIL',
  3: 'NXDOMAIN',
  4: 'NOTIMP',
  5: 'REFUSED',
  16: 'BADVERS',
  23: 'BADCOOKIE',
}

const FLAG_NAMES: readonly (readonly [string, number])[] = [
  ['QR', 0x8000],
  ['AA', 0x0400],
  ['TC', 0x0200],
  ['RD', 0x0100],
  ['RA', 0x0080],
  ['Z', 0x0040],
  ['AD', 0x0020],
  ['CD', 0x0010],
]

const EXTENDED_ERROR_OPTION = 15

function optText(opt: OptAnswer): string {
  if (opt.name !== '.') throw new Error(`an OPT record with the owner ${opt.name}`)
  const words = [String(opt.udpPayloadSize), `v${opt.ednsVersion}`]
  if ((opt.flags & 0x8000) !== 0) words.push('DO')
  if ((opt.flags & 0x7fff) !== 0) words.push(`Z${opt.flags & 0x7fff}`)
  for (const { code, data } of opt.options) {
    words.push(
      code === EXTENDED_ERROR_OPTION && data.length === 2 ? `EDE${(data[0]! << 8) | data[1]!}` : `option${code}`,
    )
  }
  return words.join(' ')
}

function sectionText(answers: DecodedPacket['answers'] = []): string[] {
  return withRRsetsSorted(
    answers.map((answer) => {
      const {
        name,
        ttl,
        type,
        data,
        class: klass,
      } = answer as { name: string; ttl: number; type: string; data: unknown; class: string }
      return [dotted(name), ttl, ...(klass === 'IN' ? [] : [klass]), type, dataText(type, data)].join(' ')
    }),
  )
}

/** The order within an RRset does not matter; that of the RRsets does. */
function withRRsetsSorted(records: readonly string[]): string[] {
  const runs: string[][] = []
  for (const record of records) {
    const last = runs.at(-1)
    if (last !== undefined && rrsetOf(last[0]!) === rrsetOf(record)) last.push(record)
    else runs.push([record])
  }
  return runs.flatMap((run) => run.sort())
}

function rrsetOf(record: string): string {
  return record.split(' ', 3).join(' ').toLowerCase()
}

function dataText(type: string, data: unknown): string {
  if (type === 'TXT')
    return (data as Uint8Array[]).map((string) => JSON.stringify(Buffer.from(string).toString('latin1'))).join(' ')
  if (typeof data === 'string') return type === 'A' || type === 'AAAA' ? data : dotted(data)
  if (data instanceof Uint8Array) return Buffer.from(data).toString('hex')
  return Object.entries(data as object)
    .map(([field, value]) => (NAME_FIELDS.has(field) ? dotted(value as string) : String(value)))
    .join(' ')
}

const NAME_FIELDS = new Set(['mname', 'rname', 'exchange', 'target'])

function dotted(name: string): string {
  return name.endsWith('.') ? name : `${name}.`
}
