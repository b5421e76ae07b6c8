import { addressToText } from '../clients/client-address.js'
import { HEALTH_STATES, type HealthState, STATE_UNKNOWN } from '../health/layout.js'
import type { AddressHealth } from '../query/query-context.js'
import { isWeighted, weightAt } from '../records/rrset-side.js'
import type { WireRRset } from '../records/wire-rrset.js'
import { RDLENGTH_SIZE, Type } from '../wire/constants.js'
import { nameToText } from '../wire/name.js'
import type { Backend } from './hooks.js'

// The backends of an RRset in bytes, one behind the other: | health u8 | weight u16 | rdlength u16 | rdata |
const HEALTH = 0
const WEIGHT = HEALTH + 1
const RDLENGTH = WEIGHT + 2
const RDATA = RDLENGTH + RDLENGTH_SIZE

// SRV rdata (RFC 2782): | priority u16 | weight u16 | port u16 | target |
const SRV_WEIGHT = 2
const SRV_PORT = SRV_WEIGHT + 2
const SRV_TARGET = SRV_PORT + 2

/** Whether the records of a type are backends. */
export function areBackends(type: number): boolean {
  return type === Type.A || type === Type.AAAA || type === Type.SRV
}

/** The state of an address, 4 or 16 octets from `start` on. */
export type HealthOf = (bytes: Uint8Array, start: number, length: number) => HealthState

/** Those that are down. Of all others a thread knows no more than that they are usable: `unknown`. */
export function healthOf(health: AddressHealth): HealthOf {
  return (bytes, start, length) => (health.isUnhealthy(bytes, start, length) ? 'unhealthy' : 'unknown')
}

/** Writes the backends of an RRset, and returns the length; 0 when there is no room for all of them. */
export function writeBackends(
  rrset: WireRRset,
  healthOf: HealthOf | undefined,
  target: Uint8Array,
  at: number,
  end: number,
): number {
  const { bytes, start, length, count, type } = rrset
  if (at + length + count * RDLENGTH > end) return 0
  const hasWeights = isWeighted(rrset)
  let from = start
  let to = at
  for (let i = 0; i < count; i++) {
    const size = readU16(bytes, from)
    const rdata = from + RDLENGTH_SIZE
    const state = type === Type.SRV ? undefined : healthOf?.(bytes, rdata, size)
    target[to + HEALTH] = state === undefined ? STATE_UNKNOWN : HEALTH_STATES.indexOf(state)
    const weight = type === Type.SRV ? readU16(bytes, rdata + SRV_WEIGHT) : hasWeights ? weightAt(rrset, i) : 1
    target[to + WEIGHT] = weight >>> 8
    target[to + WEIGHT + 1] = weight
    for (let j = 0; j < RDLENGTH_SIZE + size; j++) target[to + RDLENGTH + j] = bytes[from + j]!
    from = rdata + size
    to += RDATA + size
  }
  return to - at
}

/** The backends that `writeBackends` has written. */
export function readBackends(type: number, count: number, bytes: Uint8Array, start: number): Backend[] {
  const backends: Backend[] = []
  let at = start
  for (let i = 0; i < count; i++) {
    const length = readU16(bytes, at + RDLENGTH)
    const health = HEALTH_STATES[bytes[at + HEALTH]!]!
    const weight = readU16(bytes, at + WEIGHT)
    const rdata = at + RDATA
    if (type === Type.SRV) {
      const port = readU16(bytes, rdata + SRV_PORT)
      const target = nameToText(bytes, rdata + SRV_TARGET)
      backends.push({ target, port, priority: readU16(bytes, rdata), weight, health })
    } else {
      backends.push({ address: addressToText(bytes.slice(rdata, rdata + length)), weight, health })
    }
    at = rdata + length
  }
  return backends
}

/** A hash by which an RRset that has changed is known. */
export function fingerprint(bytes: Uint8Array, start: number, length: number): number {
  let hash = length
  for (let at = start; at < start + length; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  return hash
}

function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
