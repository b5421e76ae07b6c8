/** A message taken apart with nothing taken on trust, names as octets: what dns-packet would change or forgive is kept or refused. */
export interface ReadMessage {
  readonly id: number
  /** The 16 bits behind the id. */
  readonly flags: number
  /** With the upper bits that the OPT record holds. */
  readonly rcode: number
  /** The question section as it stands. */
  readonly question: Uint8Array
  readonly answer: readonly ReadRecord[]
  readonly authority: readonly ReadRecord[]
  /** Without the OPT record. */
  readonly additional: readonly ReadRecord[]
  readonly opt: ReadRecord | undefined
}

export interface ReadRecord {
  /** Text in lower case, as in a zone file; so that two of them can be compared. */
  readonly owner: string
  readonly type: number
  readonly class: number
  readonly ttl: number
  /** Hexadecimal, names in it not compressed and in lower case. */
  readonly rdata: string
}

const HEADER_SIZE = 12
const MAX_NAME_LENGTH = 255
const OPT = 41

/** Throws for whatever RFC 1035 or RFC 6891 would not allow: octets that belong to nothing, a pointer that does not point back, two OPT records. */
export function readMessage(bytes: Uint8Array): ReadMessage {
  return new MessageReader(bytes).message()
}

/** The first name in a record's rdata, as text. */
export function nameIn(rdata: string, at = 0): string {
  return new MessageReader(Buffer.from(rdata, 'hex')).nameAt(at).text
}

interface NameAt {
  readonly text: string
  readonly octets: readonly number[]
  /** Behind it where it stands. */
  readonly end: number
}

class MessageReader {
  readonly #bytes: Buffer

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  message(): ReadMessage {
    const bytes = this.#bytes
    if (bytes.length < HEADER_SIZE) throw new Error(`a message of ${bytes.length} octets`)
    let at = HEADER_SIZE
    for (let left = bytes.readUInt16BE(4); left > 0; left--) at = this.#within(this.nameAt(at).end + 4)
    const question = bytes.subarray(HEADER_SIZE, at)
    const sections: ReadRecord[][] = []
    for (const offset of [6, 8, 10]) {
      const records: ReadRecord[] = []
      for (let left = bytes.readUInt16BE(offset); left > 0; left--) at = this.#record(at, records)
      sections.push(records)
    }
    if (at !== bytes.length) throw new Error(`${bytes.length - at} octets belong to no record`)
    return this.#told(question, sections as [ReadRecord[], ReadRecord[], ReadRecord[]])
  }

  nameAt(start: number): NameAt {
    const bytes = this.#bytes
    const octets: number[] = []
    let [at, end, lowest] = [start, -1, start]
    for (;;) {
      const length = bytes[this.#within(at + 1) - 1]!
      if (length >= 0xc0) {
        const to = bytes.readUInt16BE(this.#within(at + 2) - 2) & 0x3fff
        if (to >= lowest || to < HEADER_SIZE) throw new Error(`a pointer at ${at} to ${to}`)
        if (end === -1) end = at + 2
        at = to
        lowest = to
      } else if (length > 63) throw new Error(`a label of type ${length >> 6} at ${at}`)
      else {
        octets.push(length)
        for (const octet of bytes.subarray(at + 1, this.#within(at + 1 + length))) octets.push(folded(octet))
        if (octets.length > MAX_NAME_LENGTH) throw new Error(`a name at ${start} of more than 255 octets`)
        at += 1 + length
        if (length === 0) return { text: nameText(octets), octets, end: end === -1 ? at : end }
      }
    }
  }

  #record(start: number, records: ReadRecord[]): number {
    const bytes = this.#bytes
    const owner = this.nameAt(start)
    const type = bytes.readUInt16BE(this.#within(owner.end + 10) - 10)
    const rdataStart = owner.end + 10
    const end = this.#within(rdataStart + bytes.readUInt16BE(owner.end + 8))
    records.push({
      owner: owner.text,
      type,
      class: bytes.readUInt16BE(owner.end + 2),
      ttl: bytes.readUInt32BE(owner.end + 4),
      rdata: this.#rdata(type, rdataStart, end),
    })
    return end
  }

  #rdata(type: number, start: number, end: number): string {
    const layout = NAMES_IN_RDATA[type]
    if (layout === undefined) return this.#bytes.toString('hex', start, end)
    let at = start + layout.before
    let hex = this.#bytes.toString('hex', start, at)
    for (let i = 0; i < layout.names; i++) {
      const name = this.nameAt(at)
      if (!layout.compressed && name.end - at !== name.octets.length)
        throw new Error(`a compressed name in type ${type}`)
      hex += Buffer.from(name.octets).toString('hex')
      at = name.end
    }
    if (at > end || (layout.ends && at !== end))
      throw new Error(`rdata of type ${type} at ${start} ends at ${end}, not ${at}`)
    return hex + this.#bytes.toString('hex', at, end)
  }

  #told(
    question: Uint8Array,
    [answer, authority, additional]: [ReadRecord[], ReadRecord[], ReadRecord[]],
  ): ReadMessage {
    const [id, flags] = [this.#bytes.readUInt16BE(0), this.#bytes.readUInt16BE(2)]
    const opts = additional.filter(({ type }) => type === OPT)
    if (opts.length > 1) throw new Error(`${opts.length} OPT records`)
    if ([...answer, ...authority].some(({ type }) => type === OPT))
      throw new Error('an OPT record in the wrong section')
    const opt = opts[0]
    if (opt !== undefined) checkOptions(opt)
    return {
      ...{ id, flags, question, answer, authority, opt },
      rcode: (flags & 0xf) | (((opt?.ttl ?? 0) >>> 24) << 4),
      additional: additional.filter((record) => record !== opt),
    }
  }

  #within(end: number): number {
    if (end > this.#bytes.length) throw new Error(`${end - this.#bytes.length} octets are missing`)
    return end
  }
}

/** Where names stand in rdata. RFC 3597 §4: those of RFC 1035's types alone may be compressed. */
interface NamesInRdata {
  /** Octets before the first. */
  readonly before: number
  readonly names: number
  readonly compressed: boolean
  /** Whether nothing comes behind the last. */
  readonly ends: boolean
}

const NAMES_IN_RDATA: Readonly<Record<number, NamesInRdata>> = {
  2: { before: 0, names: 1, compressed: true, ends: true },
  5: { before: 0, names: 1, compressed: true, ends: true },
  6: { before: 0, names: 2, compressed: true, ends: false },
  12: { before: 0, names: 1, compressed: true, ends: true },
  15: { before: 2, names: 1, compressed: true, ends: true },
  33: { before: 6, names: 1, compressed: false, ends: true },
  64: { before: 2, names: 1, compressed: false, ends: false },
  65: { before: 2, names: 1, compressed: false, ends: false },
}

function checkOptions({ owner, rdata }: ReadRecord): void {
  if (owner !== '.') throw new Error(`an OPT record with the owner ${owner}`)
  const bytes = Buffer.from(rdata, 'hex')
  let at = 0
  while (at + 4 <= bytes.length) at += 4 + bytes.readUInt16BE(at + 2)
  if (at !== bytes.length) throw new Error('an option that ends outside of its OPT record')
}

function folded(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet
}

function nameText(octets: readonly number[]): string {
  if (octets.length === 1) return '.'
  let text = ''
  for (let at = 0; octets[at] !== 0; at += octets[at]! + 1) {
    for (const octet of octets.slice(at + 1, at + 1 + octets[at]!)) text += octetText(octet)
    text += '.'
  }
  return text
}

function octetText(octet: number): string {
  if (octet === 0x2e || octet === 0x5c) return `\\${String.fromCharCode(octet)}`
  return octet > 0x20 && octet < 0x7f ? String.fromCharCode(octet) : `\\${String(octet).padStart(3, '0')}`
}
