import { labelOf } from './cluster-service.js'
import { canonicalAddress } from './names.js'

/** A Pod, as far as names go. */
export interface ClusterPod {
  readonly namespace: string
  /** None for one that has ended, or whose addresses may be another's soon. */
  readonly addresses: readonly string[]
  /** The name of the node that it is on; '' for none yet. */
  readonly node: string
}

const ENDED: ReadonlySet<unknown> = new Set(['Succeeded', 'Failed'])

/** Throws an Error that says why this is no Pod. */
export function readPod(object: unknown): ClusterPod {
  const { metadata, spec, status } = object as PodObject
  const namespace = labelOf(metadata?.namespace, 'metadata.namespace')
  const isGone = ENDED.has(status?.phase) || typeof metadata?.deletionTimestamp === 'string'
  const node = spec?.nodeName
  return { namespace, addresses: isGone ? [] : addressesOf(status), node: typeof node === 'string' ? node : '' }
}

function addressesOf(status: PodObject['status']): string[] {
  const listed = Array.isArray(status?.podIPs) ? status.podIPs : []
  const given = [status?.podIP, ...listed.map((item: { readonly ip?: unknown } | null) => item?.ip)]
  return [...new Set(given.map(canonicalAddress).filter((address) => address !== undefined))]
}

interface PodObject {
  readonly metadata?: { readonly namespace?: unknown; readonly deletionTimestamp?: unknown }
  readonly spec?: { readonly nodeName?: unknown } | null
  readonly status?: { readonly phase?: unknown; readonly podIP?: unknown; readonly podIPs?: unknown }
}
