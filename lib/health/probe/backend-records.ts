import type { WireRRset } from '../../records/wire-rrset.js'
import { RDLENGTH_SIZE, Type } from '../../wire/constants.js'
import { foldName } from '../../wire/name.js'

// What RRsets say of backends: where they are, and at which ports.

/** Whether records of a type have an address for rdata. */
export function isAddress(type: number): boolean {
  return type === Type.A || type === Type.AAAA
}

/** Copies. For types that `isAddress` names. */
export function addressesOf(rrset: WireRRset): Uint8Array[] {
  return rdatasOf(rrset)
}

// SRV rdata (RFC 2782): | priority u16 | weight u16 | port u16 | target |
const SRV_PORT = 4
const SRV_TARGET = 6

/** Where an SRV record leads. */
export interface Service {
  /** Folded. */
  readonly target: Uint8Array
  readonly port: number
}

/** Of an RRset of SRV; a port of 0, and the target ".", are nowhere. */
export function servicesOf(rrset: WireRRset): Service[] {
  return rdatasOf(rrset)
    .map((rdata) => {
      const target = rdata.subarray(SRV_TARGET)
      foldName(target, 0, target.length)
      return { target, port: (rdata[SRV_PORT]! << 8) | rdata[SRV_PORT + 1]! }
    })
    .filter(({ target, port }) => port !== 0 && target.length > 1)
}

const UDP_LABEL = Buffer.from('\x04_udp', 'latin1')

/** RFC 2782 has the protocol as a label of the owner; a name without one may be anything. */
export function hasTcp(owner: Uint8Array): boolean {
  for (let at = 0; owner[at] !== 0; at += owner[at]! + 1) {
    if (isSame(owner.subarray(at, at + UDP_LABEL.length), UDP_LABEL)) return false
  }
  return true
}

/** Whether two are the same bytes. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** Copies of the rdata of each record. */
function rdatasOf({ bytes, start, count }: WireRRset): Uint8Array[] {
  const rdatas: Uint8Array[] = []
  for (let i = 0, at = start; i < count; i++) {
    const end = at + RDLENGTH_SIZE + ((bytes[at]! << 8) | bytes[at + 1]!)
    rdatas.push(bytes.slice(at + RDLENGTH_SIZE, end))
    at = end
  }
  return rdatas
}
