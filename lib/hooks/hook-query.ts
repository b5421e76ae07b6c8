import { addressToText } from '../clients/client-address.js'
import type { Protocol } from '../transport/datagram-transport.js'
import { Rcode, Type } from '../wire/constants.js'
import { nameToText } from '../wire/name.js'
import { RECORD_TYPES } from '../wire/rdata/record-type.js'
import type { HookQuery, HookResponse } from './hooks.js'

const PROTOCOLS: readonly (Protocol | undefined)[] = [undefined, 'udp', 'tcp', 'dot', 'doh']
const TYPE_NAMES = new Map<number, string>(
  Object.entries({ ...RECORD_TYPES, ANY: Type.ANY }).map(([name, code]) => [code, name]),
)
const RCODE_NAMES = new Map<number, string>(Object.entries(Rcode).map(([name, code]) => [code, name]))

/** What a slot holds for a protocol. */
export function protocolCode(protocol: Protocol | undefined): number {
  return PROTOCOLS.indexOf(protocol)
}

export function protocolOf(code: number): Protocol | undefined {
  return PROTOCOLS[code]
}

/** `name` begins a name in wire form; `client` is an address of 4 or 16 octets, or of none. */
export function hookQuery(
  name: Uint8Array,
  nameStart: number,
  type: number,
  client: Uint8Array,
  view: string,
  protocol: Protocol | undefined,
): HookQuery {
  return {
    name: nameToText(name, nameStart),
    type: TYPE_NAMES.get(type) ?? `TYPE${type}`,
    client: client.length === 0 ? undefined : addressToText(client),
    view,
    protocol,
  }
}

export function hookResponse(rcode: number, truncated: boolean, answers: number, sizeBytes: number): HookResponse {
  return { rcode: RCODE_NAMES.get(rcode) ?? `RCODE${rcode}`, truncated, answers, sizeBytes }
}
