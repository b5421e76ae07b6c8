import { isUtf8 } from 'node:buffer'
import { isIP } from 'node:net'
import { isOwner, KUBERNETES, type RRset } from '../../records/rrset.js'
import { MAX_TTL } from '../../wire/constants.js'
import { nameToText } from '../../wire/name.js'
import { MAX_RDATA_SIZE, rdataCodec } from '../../wire/rdata/codec.js'
import type { MxData, RecordData, SrvData } from '../../wire/rdata/record-data.js'
import { type RecordType, typeCode } from '../../wire/rdata/record-type.js'
import { type Decoded, IGNORED, type LayoutRecord, type Spot } from './key-layout.js'
import { NO_TTL } from './leaf.js'

/** What a key's place means for each type; undefined where the type cannot stand there. */
export interface KeyPlace {
  own(): Spot | undefined
  parent(): Spot | undefined
  apexOfTxt(): Spot | undefined
  apexOfMail(): Spot | undefined
  apexOfNameServer(): Spot | undefined
  /** The name of the server that a key of type NS is about. */
  nameServer(): Spot | undefined
}

/** The origin's JSON. All of it may be missing, and a value read from etcd may hold anything at all in these places. */
export interface ServiceRecord {
  readonly type?: unknown
  readonly host?: unknown
  readonly ttl?: unknown
  readonly port?: unknown
  readonly priority?: unknown
  readonly weight?: unknown
  readonly text?: unknown
  readonly mail?: unknown
  readonly source?: unknown
  readonly user?: unknown
}

/** Larger than any record of the layout, a TXT of 64 KB with every character escaped left aside. Nothing above is parsed. */
const MAX_VALUE_BYTES = 128 * 1024
/** The origin's own: what it reads where there is no priority, and what its API writes for both. */
const DEFAULT_PRIORITY = 10
const DEFAULT_WEIGHT = 10
const MAX_STRING_BYTES = 255

/** Reads values. The one place that decides what a record of the origin means, for loads and for events alike. */
export class ValueReader {
  readonly #scratch = new Uint8Array(MAX_RDATA_SIZE)

  /** Never throws. */
  read(place: KeyPlace, value: Buffer): Decoded {
    try {
      const given = parse(value)
      if ('agent_name' in given && given.host === undefined) return IGNORED
      return { kind: 'records', records: this.#records(place, given) }
    } catch (error) {
      return { kind: 'bad', reason: (error as Error).message }
    }
  }

  #records(place: KeyPlace, given: ServiceRecord): LayoutRecord[] {
    const type = typeOf(given)
    switch (type) {
      case 'A':
      case 'AAAA':
        return [this.#address(place.parent(), given)]
      case 'CNAME':
        return [this.#record(place.own(), 'CNAME', given, nameIn(given))]
      case 'SRV':
        return this.#srv(place, given)
      case 'MX':
        return this.#mx(place, given)
      case 'NS':
        return this.#ns(place, given)
      case 'TXT':
        return [this.#record(place.apexOfTxt(), 'TXT', given, splitText(textIn(given)))]
      default:
        throw new Error(`type ${JSON.stringify(type.slice(0, 20))} is none of the layout's`)
    }
  }

  /** The address says which of the two types it is, as in the origin: its API writes A for both. */
  #address(spot: Spot | undefined, given: ServiceRecord): LayoutRecord {
    const family = isIP(hostIn(given))
    if (family === 0) throw new Error('host is not an address')
    return this.#record(spot, family === 4 ? 'A' : 'AAAA', given, hostIn(given))
  }

  /**
   * Where host is an address, which is what the origin's API writes for SRV, the origin answers with the key's own name as
   * target and adds the address for that name. So do we, but the name can be asked for too.
   */
  #srv(place: KeyPlace, given: ServiceRecord): LayoutRecord[] {
    const srv = (target: string): SrvData => ({
      priority: numberIn(given, 'priority', DEFAULT_PRIORITY),
      weight: numberIn(given, 'weight', DEFAULT_WEIGHT),
      port: numberIn(given, 'port', 0),
      target,
    })
    return this.#withTarget(given, place.own(), (target) => this.#record(place.parent(), 'SRV', given, srv(target)))
  }

  #mx(place: KeyPlace, given: ServiceRecord): LayoutRecord[] {
    const preference = numberIn(given, 'priority', DEFAULT_PRIORITY)
    return this.#withTarget(given, place.own(), (exchange) =>
      this.#record(place.apexOfMail(), 'MX', given, { preference, exchange }),
    )
  }

  #ns(place: KeyPlace, given: ServiceRecord): LayoutRecord[] {
    return this.#withTarget(given, place.nameServer(), (target) =>
      this.#record(place.apexOfNameServer(), 'NS', given, target),
    )
  }

  /** One record when host is a name; when it is an address, one with the name of `spot` in its place, and the address for that. */
  #withTarget(
    given: ServiceRecord,
    spot: Spot | undefined,
    recordFor: (target: string) => LayoutRecord,
  ): LayoutRecord[] {
    if (isIP(hostIn(given)) === 0) return [recordFor(nameIn(given))]
    const address = this.#address(spot, given)
    return [recordFor(nameToText(address.owner)), address]
  }

  #record(spot: Spot | undefined, type: RecordType, given: ServiceRecord, data: RecordData): LayoutRecord {
    if (spot === undefined) throw new Error(`the layout has no ${type} at such a key`)
    const length = rdataCodec(type).encode(data, this.#scratch, 0)
    const user = userIn(given)
    return {
      owner: spot.owner,
      path: spot.path,
      type: typeCode(type),
      ttl: ttlIn(given),
      rdata: this.#scratch.slice(0, length),
      ...(user !== undefined && { user }),
    }
  }
}

/** The value of a new key, for an RRset of which `saysAll` is true. `ttl` is always written, so that both generations serve the same. */
export function serviceRecord(type: RecordType, data: RecordData, ttl: number, user?: string): ServiceRecord {
  const fields = { type, source: SOURCE, ttl, ...(user !== undefined && { user }) }
  switch (type) {
    case 'A':
    case 'AAAA':
      return { ...fields, host: data }
    case 'CNAME':
      return { ...fields, host: `${data as string}.` }
    case 'SRV': {
      const { priority, weight, port, target } = data as SrvData
      return { ...fields, host: `${target}.`, port, priority, weight }
    }
    case 'MX': {
      const { preference, exchange } = data as MxData
      return { ...fields, host: `${exchange}.`, priority: preference, mail: true }
    }
    case 'TXT':
      return { ...fields, text: stringsOf(data).join('') }
    default:
      throw new Error(`the origin's values cannot hold ${type} records`)
  }
}

/** Who has written a record: the origin's bridge writes `svc` and `pod`, and clears away what is its own and gone from Kubernetes. */
const SOURCE = 'containerdns'

/** Sources of the origin's bridge from Kubernetes. */
const KUBERNETES_SOURCES: ReadonlySet<unknown> = new Set(['svc', 'pod'])

/** Whose a record is. What the origin's bridge has written is Kubernetes', whatever else it says. */
function userIn({ user, source }: ServiceRecord): string | undefined {
  if (KUBERNETES_SOURCES.has(source)) return KUBERNETES
  return isOwner(user) ? user : undefined
}

/** The fields of a value that could be parsed, to be written again with changes. */
export function parse(value: Buffer, maxBytes = MAX_VALUE_BYTES): ServiceRecord {
  if (value.length > maxBytes) throw new Error(`the value has ${value.length} bytes`)
  if (!isUtf8(value)) throw new Error('the value is not UTF-8')
  if (value.length > MAX_DEPTH && isDeeperThan(MAX_DEPTH, value)) throw new Error('the value is nested too deep')
  let given: unknown
  try {
    given = JSON.parse(value.toString('utf8'))
  } catch {
    throw new Error('the value is not JSON')
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new Error('the value is not a JSON object')
  return given
}

/** No record is. What could be read can be written again, and JavaScript gives up on writing what is nested some thousand times. */
const MAX_DEPTH = 500

function isDeeperThan(limit: number, json: Buffer): boolean {
  let depth = 0
  let isInString = false
  for (let i = 0; i < json.length; i++) {
    const code = json[i]
    if (isInString && code === BACKSLASH) i++
    else if (code === QUOTE) isInString = !isInString
    else if (!isInString && (code === OPEN_BRACE || code === OPEN_BRACKET) && ++depth > limit) return true
    else if (!isInString && (code === CLOSE_BRACE || code === CLOSE_BRACKET)) depth--
  }
  return false
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Without one, as older writers had it, host says what it is. */
function typeOf(given: ServiceRecord): string {
  if (given.type === undefined || given.type === '') return isIP(hostIn(given)) === 0 ? 'CNAME' : 'A'
  if (typeof given.type !== 'string') throw new Error('type is not a string')
  return given.type.toUpperCase()
}

export function hostIn(given: ServiceRecord): string {
  if (typeof given.host !== 'string' || given.host === '') throw new Error('host is missing or not a string')
  return given.host
}

function nameIn(given: ServiceRecord): string {
  const host = hostIn(given)
  if (isIP(host) !== 0) throw new Error('host is an address where a name is wanted')
  return host
}

function textIn(given: ServiceRecord): string {
  if (typeof given.text !== 'string' || given.text === '') throw new Error('text is missing or not a string')
  return given.text
}

function numberIn(given: ServiceRecord, field: 'priority' | 'weight' | 'port', missing: number): number {
  const value = given[field]
  if (value === undefined || value === null) return missing
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xffff) {
    throw new Error(`${field} is not a whole number from 0 to 65535`)
  }
  return value
}

/** A TTL that is none is no reason to lose the record. A lease of the key has no say in it: the origin took its id for one. */
export function ttlIn(given: { readonly ttl?: unknown }): number {
  const { ttl } = given
  return typeof ttl === 'number' && Number.isInteger(ttl) && ttl >= 0 && ttl <= MAX_TTL ? ttl : NO_TTL
}

/** A text in pieces that a TXT record can carry (RFC 1035 §3.3), cut between characters. */
export function splitText(text: string): string | string[] {
  if (Buffer.byteLength(text) <= MAX_STRING_BYTES) return text
  const pieces: string[] = []
  let piece = ''
  let size = 0
  for (const character of text) {
    const bytes = Buffer.byteLength(character)
    if (size + bytes > MAX_STRING_BYTES) {
      pieces.push(piece)
      piece = ''
      size = 0
    }
    piece += character
    size += bytes
  }
  return [...pieces, piece]
}

function stringsOf(data: RecordData): readonly string[] {
  return typeof data === 'string' ? [data] : (data as string[])
}

const RRSET_FIELDS: ReadonlySet<string> = new Set(['name', 'type', 'ttl', 'data', 'owner'])

/** Whether values of the origin can hold all that an RRset says: no options of how to answer of its own, plain addresses, and TXT as one text that is cut every 255 bytes. */
export function saysAll(rrset: RRset): boolean {
  for (const [field, value] of Object.entries(rrset)) if (!RRSET_FIELDS.has(field) && value !== undefined) return false
  if (rrset.type === 'A' || rrset.type === 'AAAA') return rrset.data.every((data) => typeof data === 'string')
  return rrset.type !== 'TXT' || rrset.data.every(isOneText)
}

function isOneText(data: RecordData): boolean {
  const strings = stringsOf(data)
  const text = strings.join('')
  const back = text === '' ? [] : [splitText(text)].flat()
  return back.length === strings.length && back.every((piece, i) => piece === strings[i])
}
