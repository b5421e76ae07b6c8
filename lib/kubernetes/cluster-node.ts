import { isViewName } from '../records/view.js'
import { canonicalAddress } from './names.js'

/** A Node, as far as it tells where clients are. */
export interface ClusterNode {
  /** The zone that it is in; '' where nobody has said. */
  readonly zone: string
  /** Where its pods, and it itself, ask from: networks and addresses. */
  readonly networks: readonly string[]
}

const ZONE_LABEL = 'topology.kubernetes.io/zone'
const INTERNAL = 'InternalIP'
const NETWORK = /^([^/]+)\/(\d{1,3})$/

/** What cannot be understood of it is left out: a node without networks has no clients. */
export function readNode(object: unknown): ClusterNode {
  const { metadata, spec, status } = object as NodeObject
  const zone = metadata?.labels?.[ZONE_LABEL]
  const given = Array.isArray(spec?.podCIDRs) ? spec.podCIDRs : [spec?.podCIDR]
  return {
    zone: isViewName(zone) ? zone : '',
    networks: [...new Set([...given.filter(isNetwork), ...addressesOf(status)])],
  }
}

function isNetwork(given: unknown): given is string {
  const [, address, length] = (typeof given === 'string' ? NETWORK.exec(given) : null) ?? []
  return canonicalAddress(address) !== undefined && Number(length) <= (address!.includes(':') ? 128 : 32)
}

function addressesOf(status: NodeObject['status']): string[] {
  const listed: readonly (AddressObject | null)[] = Array.isArray(status?.addresses) ? status.addresses : []
  const internal = listed.filter((item) => item?.type === INTERNAL).map((item) => canonicalAddress(item?.address))
  return internal.filter((address) => address !== undefined)
}

interface NodeObject {
  readonly metadata?: { readonly labels?: Readonly<Record<string, unknown>> | null }
  readonly spec?: { readonly podCIDR?: unknown; readonly podCIDRs?: unknown }
  readonly status?: { readonly addresses?: unknown }
}

interface AddressObject {
  readonly type?: unknown
  readonly address?: unknown
}
