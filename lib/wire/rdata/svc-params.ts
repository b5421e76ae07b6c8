import { describe } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import { getU16 } from './big-endian.js'

/** RFC 9460 §14.3.2 and RFC 9461 §5. */
export const SvcParamKey = {
  MANDATORY: 0,
  ALPN: 1,
  NO_DEFAULT_ALPN: 2,
  PORT: 3,
  IPV4HINT: 4,
  ECH: 5,
  IPV6HINT: 6,
  DOHPATH: 7,
} as const

/** Keys that have a name; all others are `keyNNNNN`. */
export const SVC_PARAM_KEYS: Readonly<Record<string, number>> = {
  mandatory: SvcParamKey.MANDATORY,
  alpn: SvcParamKey.ALPN,
  'no-default-alpn': SvcParamKey.NO_DEFAULT_ALPN,
  port: SvcParamKey.PORT,
  ipv4hint: SvcParamKey.IPV4HINT,
  ech: SvcParamKey.ECH,
  ipv6hint: SvcParamKey.IPV6HINT,
  dohpath: SvcParamKey.DOHPATH,
}

const NAMES = new Map(Object.entries(SVC_PARAM_KEYS).map(([name, key]) => [key, name]))
const GENERIC = /^key(0|[1-9]\d{0,4})$/
/** RFC 9460 §14.3.2: reserved as the key that is none. */
const INVALID_KEY = 65535

/** Throws CDNS_SVCB_INVALID. */
export function svcParamKey(name: unknown): number {
  if (typeof name === 'string') {
    if (Object.hasOwn(SVC_PARAM_KEYS, name)) return SVC_PARAM_KEYS[name]!
    const key = Number(GENERIC.exec(name)?.[1])
    if (key < INVALID_KEY) return key
  }
  throw invalid(`${describe(name)} is none of ${Object.keys(SVC_PARAM_KEYS).join(', ')} and keyNNNNN`)
}

export function svcParamName(key: number): string {
  return NAMES.get(key) ?? `key${key}`
}

/** Judges parameters in wire form: RFC 9460 §2.2 (order, each once), §7 and §8 (values, mandatory keys). Throws CDNS_SVCB_INVALID. */
export function checkSvcParams(bytes: Uint8Array, start: number, end: number): void {
  const keys = new Set<number>()
  let previous = -1
  for (let at = start; at < end; ) {
    const key = getU16(bytes, at)
    const valueAt = at + 4
    const valueEnd = valueAt + getU16(bytes, at + 2)
    if (!(valueEnd <= end)) throw invalid('the parameters end in the middle of one')
    if (key === previous) throw invalid(`${svcParamName(key)} is there twice`)
    if (key < previous) throw invalid(`${svcParamName(key)} does not come in the order of the keys`)
    if (key === INVALID_KEY) throw invalid(`key ${INVALID_KEY} is reserved`)
    const fault = faultOf(key, bytes, valueAt, valueEnd)
    if (fault !== undefined) throw invalid(`${svcParamName(key)} ${fault}`)
    keys.add(key)
    previous = key
    at = valueEnd
  }
  // RFC 9460 §7.1.1
  if (keys.has(SvcParamKey.NO_DEFAULT_ALPN) && !keys.has(SvcParamKey.ALPN)) {
    throw invalid('no-default-alpn stands without alpn')
  }
  // RFC 9460 §8: a client that finds a mandatory key missing throws the record away. The key of `mandatory` is the lowest.
  if (keys.has(SvcParamKey.MANDATORY)) {
    for (let at = start + 4; at < start + 4 + getU16(bytes, start + 2); at += 2) {
      const key = getU16(bytes, at)
      if (!keys.has(key)) throw invalid(`mandatory names ${svcParamName(key)}, which is not there`)
    }
  }
}

/** What is wrong with a value. */
function faultOf(key: number, bytes: Uint8Array, start: number, end: number): string | undefined {
  const length = end - start
  switch (key) {
    case SvcParamKey.MANDATORY:
      return faultOfMandatory(bytes, start, end)
    case SvcParamKey.ALPN:
      return faultOfAlpn(bytes, start, end)
    case SvcParamKey.NO_DEFAULT_ALPN:
      return length === 0 ? undefined : 'has no value'
    case SvcParamKey.PORT:
      return length === 2 ? undefined : 'must have two octets'
    case SvcParamKey.IPV4HINT:
      return length > 0 && length % 4 === 0 ? undefined : 'must be IPv4 addresses'
    case SvcParamKey.IPV6HINT:
      return length > 0 && length % 16 === 0 ? undefined : 'must be IPv6 addresses'
    case SvcParamKey.ECH:
    case SvcParamKey.DOHPATH:
      return length > 0 ? undefined : 'must not be empty'
    default:
      return undefined
  }
}

function faultOfMandatory(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end === start || (end - start) % 2 !== 0) return 'must be keys'
  let previous: number = SvcParamKey.MANDATORY
  for (let at = start; at < end; at += 2) {
    const key = getU16(bytes, at)
    // RFC 9460 §8: in order, each once, and never `mandatory` itself.
    if (key <= previous) return 'must name keys in their order, each once, and not itself'
    previous = key
  }
  return undefined
}

function faultOfAlpn(bytes: Uint8Array, start: number, end: number): string | undefined {
  let at = start
  while (at < end && bytes[at] !== 0) at += 1 + bytes[at]!
  return at === end && end > start ? undefined : 'must be protocol ids of 1 to 255 octets'
}

function invalid(reason: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_SVCB_INVALID', `parameters of a service are wrong: ${reason}`)
}
