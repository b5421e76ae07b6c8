import { isViewName } from '../records/view.js'
import { labelOf, portsOf, type ServicePort } from './cluster-service.js'
import { canonicalAddress, dashed, isLabel } from './names.js'

/**
 * An EndpointSlice, as far as names go. Its endpoints are one string, a line each: `+web-0 10.1.0.1`, the first sign `+` for ready
 * and `-` for not; the zones that it is for stand last, `+web-0 10.1.0.1 a,b`. A cluster has ten times as many endpoints as all else: so one takes its letters and no object.
 */
export interface EndpointSlice {
  readonly namespace: string
  /** The Service that they belong to. */
  readonly service: string
  readonly lines: string
  readonly ports: readonly ServicePort[]
}

export interface Endpoint {
  readonly isReady: boolean
  /** Its own name, or its address with dashes. */
  readonly label: string
  readonly address: string
  /** The zones whose clients it is for; none where that is not asked for, or nobody has said. */
  readonly zones: readonly string[]
}

const NO_ZONES: readonly string[] = []
const SERVICE_LABEL = 'kubernetes.io/service-name'
const READY = '+'
const NOT_READY = '-'

/** undefined for a slice that belongs to no Service, or has no addresses in it. Throws an Error that says why this is none. */
export function readEndpointSlice(object: unknown, namesPods: boolean, hasZones = false): EndpointSlice | undefined {
  const { metadata, addressType, endpoints, ports } = object as SliceObject
  const namespace = labelOf(metadata?.namespace, 'metadata.namespace')
  const service = metadata?.labels?.[SERVICE_LABEL]
  if (service === undefined || addressType === 'FQDN') return undefined
  return {
    namespace,
    service: labelOf(service, `the label ${SERVICE_LABEL}`),
    lines: [...new Set(linesOf(endpoints, namesPods, hasZones))].join('\n'),
    ports: portsOf(ports),
  }
}

/** The endpoints of a slice that are in none of the lines of another. */
export function* endpointsBeside(slice: EndpointSlice | undefined, other: EndpointSlice | undefined) {
  const known = new Set(other?.lines.split('\n'))
  for (const line of eachLine(slice)) if (!known.has(line)) yield endpointOf(line)
}

export function* endpointsOf(slice: EndpointSlice): Generator<Endpoint> {
  for (const line of eachLine(slice)) yield endpointOf(line)
}

function eachLine(slice: EndpointSlice | undefined): readonly string[] {
  return slice === undefined || slice.lines === '' ? [] : slice.lines.split('\n')
}

function endpointOf(line: string): Endpoint {
  const [name = '', address = '', zones = ''] = line.slice(1).split(' ')
  return {
    isReady: line.startsWith(READY),
    label: name === '' ? dashed(address) : name,
    address,
    zones: zones === '' ? NO_ZONES : zones.split(','),
  }
}

function linesOf(given: unknown, namesPods: boolean, hasZones: boolean): string[] {
  if (!Array.isArray(given)) return []
  const lines: string[] = []
  for (const endpoint of given as (EndpointObject | null)[]) {
    if (!Array.isArray(endpoint?.addresses)) continue
    // Missing means ready, as the API has it.
    const sign = endpoint.conditions?.ready === false ? NOT_READY : READY
    const name = nameOf(endpoint, namesPods)
    const zones = hasZones ? zonesOf(endpoint) : ''
    for (const given of endpoint.addresses) {
      const address = canonicalAddress(given)
      if (address !== undefined) lines.push(`${sign}${name} ${address}${zones}`)
    }
  }
  return lines
}

/** Hints say more than where it stands: the control plane has looked at how much each zone has to bear. */
function zonesOf({ zone, hints }: EndpointObject): string {
  const hinted: readonly ({ readonly name?: unknown } | null)[] = Array.isArray(hints?.forZones) ? hints.forZones : []
  const names = hinted.length > 0 ? hinted.map((item) => item?.name) : [zone]
  const known = names.filter(isViewName)
  return known.length === 0 ? '' : ` ${known.join(',')}`
}

function nameOf({ hostname, targetRef }: EndpointObject, namesPods: boolean): string {
  if (isLabel(hostname)) return hostname.toLowerCase()
  return namesPods && isLabel(targetRef?.name) ? targetRef.name.toLowerCase() : ''
}

interface SliceObject {
  readonly metadata?: {
    readonly namespace?: unknown
    readonly labels?: Readonly<Record<string, unknown>> | null
  }
  readonly addressType?: unknown
  readonly endpoints?: unknown
  readonly ports?: unknown
}

interface EndpointObject {
  readonly addresses?: unknown
  readonly hostname?: unknown
  readonly conditions?: { readonly ready?: unknown } | null
  readonly targetRef?: { readonly name?: unknown } | null
  readonly zone?: unknown
  readonly hints?: { readonly forZones?: unknown } | null
}
