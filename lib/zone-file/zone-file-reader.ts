import { describe } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import { MAX_NAME_LENGTH, MAX_TTL } from '../wire/constants.js'
import { foldName, writeNameFromText } from '../wire/name.js'
import type { RecordData, SoaData } from '../wire/rdata/record-data.js'
import { RECORD_TYPES, type RecordType, typeCode, typeName } from '../wire/rdata/record-type.js'
import { secondsFrom } from './duration.js'
import { EntryReader } from './entry-reader.js'
import { dataFromText, genericFrom, type RdataTokens } from './rdata-from-text.js'
import { SyntaxFault } from './syntax-fault.js'

/**
 * The records of a master file (RFC 1035 §5, RFC 2308 §4, RFC 3597 §5), one after another. Class IN only, no `$INCLUDE`.
 *
 * Made once for a file: `next` goes on to the next record and overwrites the last. Throws SyntaxFault, with a cause where there
 * is a code for what is wrong. What a record may stand beside, and in which zone, is not known here.
 */
export class ZoneFileReader {
  /** Of the record in hand. The owner is folded, in wire form, in bytes that the next record overwrites. */
  owner = new Uint8Array(0)
  type: RecordType = 'A'
  /** Seconds; undefined where the file says nothing of a TTL. */
  ttl: number | undefined
  data: RecordData = ''
  line = 0
  readonly #entries: EntryReader
  readonly #name = new Uint8Array(MAX_NAME_LENGTH + 1)
  readonly #tokens: EntryTokens
  #origin: string | undefined
  /** What `$TTL` says; what the last record said that said something. */
  #defaultTtl: number | undefined
  #lastTtl: number | undefined

  /** `origin` is an absolute name, for relative names before the first `$ORIGIN`. */
  constructor(bytes: Buffer, origin?: string) {
    this.#entries = new EntryReader(bytes)
    this.#origin = origin === undefined || origin.endsWith('.') ? origin : `${origin}.`
    this.#tokens = new EntryTokens(this.#entries, (text) => this.#absolute(text))
  }

  /** False at the end of the file. */
  next(): boolean {
    const entries = this.#entries
    while (entries.next()) {
      this.line = entries.line
      try {
        if (this.#isDirective()) this.#directive()
        else {
          this.#record()
          return true
        }
      } catch (cause) {
        throw new SyntaxFault(entries.line, (cause as Error).message, { cause })
      }
    }
    return false
  }

  #isDirective(): boolean {
    const entries = this.#entries
    return !entries.startsBlank && !entries.isQuoted(0) && entries.text(0).startsWith('$')
  }

  #directive(): void {
    const tokens = this.#tokens
    tokens.reset(0)
    const name = tokens.take().text.toUpperCase()
    if (name === '$ORIGIN') this.#origin = checkedName(tokens.name(), this.#name)
    else if (name === '$TTL') this.#defaultTtl = ttlFrom(tokens.take().text)
    else if (name === '$INCLUDE') throw new Error('$INCLUDE is not taken: give the other file as a zone file too')
    else throw new Error(`${describe(name)} is none of $ORIGIN, $TTL`)
    tokens.end()
  }

  #record(): void {
    const tokens = this.#tokens
    tokens.reset(0)
    if (!this.#entries.startsBlank) this.#setOwner(tokens.name())
    else if (this.owner.length === 0) throw new Error('there is no record before it whose owner it could have')
    const ttl = this.#ttlAndType()
    this.data = this.#dataOf(this.type)
    tokens.end()
    this.ttl = this.#effectiveTtl(ttl)
  }

  #setOwner(text: string): void {
    const length = writeNameFromText(text, this.#name)
    foldName(this.#name, 0, length)
    this.owner = this.#name.subarray(0, length)
  }

  /** RFC 1035 §5.1: TTL and class, both optional and in either order, then the type. */
  #ttlAndType(): number | undefined {
    const tokens = this.#tokens
    let ttl: number | undefined
    let hasClass = false
    for (;;) {
      const { text, isQuoted } = tokens.take()
      if (isQuoted) throw new Error('a type is wanted before the first string')
      const isNumber = text.charCodeAt(0) >= 0x30 && text.charCodeAt(0) <= 0x39
      if (isNumber && ttl === undefined) ttl = ttlFrom(text)
      else if (!isNumber && !hasClass && isClass(text)) hasClass = true
      else {
        this.type = typeFrom(text)
        return ttl
      }
    }
  }

  #dataOf(type: RecordType): RecordData {
    const tokens = this.#tokens
    if (!tokens.startsWith('\\#')) return dataFromText(type, tokens)
    tokens.take()
    return genericFrom(type, tokens)
  }

  /** RFC 2308 §4: `$TTL` before what the last record said; without both, an SOA's minimum as BIND has it. */
  #effectiveTtl(given: number | undefined): number | undefined {
    if (given !== undefined) {
      this.#lastTtl = given
      return given
    }
    if (this.type === 'SOA' && this.#defaultTtl === undefined && this.#lastTtl === undefined) {
      this.#defaultTtl = Math.min((this.data as SoaData).minimum, MAX_TTL)
    }
    return this.#defaultTtl ?? this.#lastTtl
  }

  #absolute(text: string): string {
    if (text !== '@' && endsWithDot(text)) return text
    if (this.#origin === undefined) {
      throw new Error(`${describe(text)} is a relative name, and no $ORIGIN says what to add to it`)
    }
    if (text === '@') return this.#origin
    return this.#origin === '.' ? `${text}.` : `${text}.${this.#origin}`
  }
}

/** The tokens of the entry in hand, from one on. */
class EntryTokens implements RdataTokens {
  readonly #entries: EntryReader
  readonly #absolute: (text: string) => string
  #next = 0

  constructor(entries: EntryReader, absolute: (text: string) => string) {
    this.#entries = entries
    this.#absolute = absolute
  }

  reset(next: number): void {
    this.#next = next
  }

  get left(): number {
    return this.#entries.count - this.#next
  }

  take(): { readonly text: string; readonly isQuoted: boolean } {
    if (this.left === 0) throw new Error('the record ends too early')
    const index = this.#next++
    return { text: this.#entries.text(index), isQuoted: this.#entries.isQuoted(index) }
  }

  name(): string {
    const { text, isQuoted } = this.take()
    if (isQuoted) throw new Error(`${describe(text)} is a string where a name is wanted`)
    return this.#absolute(text)
  }

  startsWith(text: string): boolean {
    return this.left > 0 && !this.#entries.isQuoted(this.#next) && this.#entries.text(this.#next) === text
  }

  end(): void {
    if (this.left > 0) throw new Error(`${describe(this.#entries.text(this.#next))} is more than the record can hold`)
  }
}

function checkedName(text: string, scratch: Uint8Array): string {
  writeNameFromText(text, scratch.slice())
  return text
}

/** Throws CDNS_TTL_INVALID. */
function ttlFrom(text: string): number {
  const seconds = secondsFrom(text)
  if (seconds !== undefined && seconds <= MAX_TTL) return seconds
  throw new ContainerDnsError(
    'CDNS_TTL_INVALID',
    `a TTL must be from 0 to ${MAX_TTL} seconds, with or without units (1h30m), got ${describe(text)}`,
  )
}

/** Throws for any class but IN. */
function isClass(text: string): boolean {
  if (!/^(?:IN|CH|HS|CS|ANY|NONE|CLASS\d+)$/i.test(text)) return false
  if (/^(?:IN|CLASS1)$/i.test(text)) return true
  throw new Error(`class ${text.toUpperCase()} is not served, only IN is`)
}

/** In a master file a type may go by its number although it has a name (RFC 3597 §5). Throws CDNS_TYPE_UNSUPPORTED. */
function typeFrom(text: string): RecordType {
  const upper = text.toUpperCase()
  if (Object.hasOwn(RECORD_TYPES, upper)) return upper as RecordType
  const code = /^TYPE(\d{1,5})$/.exec(upper)?.[1]
  return typeName(code === undefined ? typeCode(upper) : Number(code))
}

/** A dot at the end that no backslash hides. */
function endsWithDot(text: string): boolean {
  if (!text.endsWith('.')) return false
  let backslashes = 0
  while (text[text.length - 2 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 0
}
