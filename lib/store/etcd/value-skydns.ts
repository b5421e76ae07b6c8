import { isIP } from 'node:net'
import { nameFromText, nameToText } from '../../wire/name.js'
import { MAX_RDATA_SIZE, rdataCodec } from '../../wire/rdata/codec.js'
import type { RecordData } from '../../wire/rdata/record-data.js'
import { type RecordType, typeCode } from '../../wire/rdata/record-type.js'
import type { Decoded, LayoutRecord } from './key-layout.js'
import type { ServicePlace } from './layout-skydns.js'
import { NO_TTL } from './leaf.js'
import { servicePath } from './leaf-path.js'
import { MAX_GROUP_BYTES, serviceRdata } from './service-leaf.js'
import { parse, splitText, ttlIn } from './value-containerdns.js'

/** A service of SkyDNS, checked, with the defaults of CoreDNS. */
interface Service {
  readonly host: string
  readonly family: 0 | 4 | 6
  readonly port: number
  readonly priority: number
  readonly weight: number
  readonly text: string
  readonly isMail: boolean
  readonly targetStrip: number
  readonly group: Buffer
  /** Seconds, or NO_TTL. */
  readonly ttl: number
}

const DEFAULT_PRIORITY = 10
const DEFAULT_WEIGHT = 100
const MAX_U16 = 0xffff
/** No name has more labels. */
const MAX_TARGET_STRIP = 127

/** Reads services and makes the records of them. */
export class ServiceReader {
  readonly #scratch = new Uint8Array(MAX_RDATA_SIZE)

  /** Never throws. `name` is that of the key. */
  read(name: Uint8Array, places: readonly ServicePlace[], value: Buffer): Decoded {
    try {
      const service = serviceIn(value)
      const records = places.flatMap((place) => place.types.flatMap((type) => this.#record(service, name, place, type)))
      return { kind: 'records', records }
    } catch (error) {
      return { kind: 'bad', reason: (error as Error).message }
    }
  }

  #record(service: Service, name: Uint8Array, { owner, level, below }: ServicePlace, type: RecordType): LayoutRecord[] {
    const data = dataFor(service, name, owner, type)
    if (data === undefined) return []
    const length = rdataCodec(type).encode(data, this.#scratch, 0)
    const rdata = serviceRdata(level, service.group, this.#scratch.subarray(0, length))
    return [{ owner, path: servicePath(type, below), type: typeCode(type), ttl: service.ttl, rdata }]
  }
}

/** What a service says as a record of this type; undefined when it is none. */
function dataFor(service: Service, name: Uint8Array, owner: Uint8Array, type: RecordType): RecordData | undefined {
  const { host, family, port, priority, weight, text, isMail } = service
  switch (type) {
    case 'A':
      return family === 4 ? host : undefined
    case 'AAAA':
      return family === 6 ? host : undefined
    case 'CNAME':
      return host !== '' && family === 0 && !isSameName(host, owner) ? host : undefined
    case 'PTR':
      return host !== '' && family === 0 ? host : undefined
    case 'SRV':
      // CoreDNS gives a service without a port as well, with port 0, where nobody can call.
      return host !== '' && port > 0 ? { priority, weight, port, target: targetOf(service, name) } : undefined
    case 'MX':
      return host !== '' && isMail ? { preference: priority, exchange: targetOf(service, name) } : undefined
    case 'NS':
      return family === 0 ? undefined : targetOf(service, name)
    case 'TXT':
      return text === '' ? undefined : splitText(text)
    default:
      return undefined
  }
}

/** A host that is an address is called by the name of its key. `targetstrip` takes labels off the left, unless none would remain. */
function targetOf({ host, family, targetStrip }: Service, name: Uint8Array): string {
  const wire = family === 0 ? nameFromText(host) : name
  let at = 0
  for (let i = 0; i < targetStrip && wire[at] !== 0; i++) at += wire[at]! + 1
  return nameToText(wire, wire[at] === 0 ? 0 : at)
}

/** RFC 1034 §3.6.2: a name that is an alias of itself would lead nowhere. */
function isSameName(host: string, owner: Uint8Array): boolean {
  return nameToText(nameFromText(host)).toLowerCase() === nameToText(owner)
}

function serviceIn(value: Buffer): Service {
  const given = parse(value) as Readonly<Record<string, unknown>>
  const host = textIn(given, 'host')
  const text = textIn(given, 'text')
  if (host === '' && text === '') throw new Error('the service has neither host nor text')
  const group = Buffer.from(textIn(given, 'group'))
  if (group.length > MAX_GROUP_BYTES) throw new Error(`group is longer than ${MAX_GROUP_BYTES} bytes`)
  const ttl = ttlIn(given)
  return {
    host,
    family: isIP(host) as 0 | 4 | 6,
    // -1 is how some say that there is no port.
    port: given['port'] === -1 ? 0 : numberIn(given, 'port', MAX_U16),
    priority: numberIn(given, 'priority', MAX_U16) || DEFAULT_PRIORITY,
    weight: numberIn(given, 'weight', MAX_U16) || DEFAULT_WEIGHT,
    text,
    isMail: flagIn(given, 'mail'),
    targetStrip: numberIn(given, 'targetstrip', MAX_TARGET_STRIP),
    group,
    // Go's zero value stands for none.
    ttl: ttl === 0 ? NO_TTL : ttl,
  }
}

function textIn(given: Readonly<Record<string, unknown>>, field: string): string {
  const value = given[field] ?? ''
  if (typeof value !== 'string') throw new Error(`${field} is not a string`)
  return value
}

function numberIn(given: Readonly<Record<string, unknown>>, field: string, max: number): number {
  const value = given[field] ?? 0
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
    throw new Error(`${field} is not a whole number from 0 to ${max}`)
  }
  return value
}

function flagIn(given: Readonly<Record<string, unknown>>, field: string): boolean {
  const value = given[field] ?? false
  if (typeof value !== 'boolean') throw new Error(`${field} is not true or false`)
  return value
}
