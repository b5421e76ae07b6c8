import { canonicalAddress, isLabel } from './names.js'

/** A Service, as far as names go. */
export interface ClusterService {
  readonly namespace: string
  readonly name: string
  /** 'address': it has addresses of its own; 'headless': its endpoints have them; 'alias': it is another name. */
  readonly kind: 'address' | 'headless' | 'alias'
  /** What its own name is answered with; none for the other kinds. */
  readonly addresses: readonly string[]
  /** Its named and unnamed ports; the endpoints of a headless one say theirs themselves. */
  readonly ports: readonly ServicePort[]
  /** Of an alias: the name it stands for; '' for one that is an address, of which DNS has nothing to say. */
  readonly externalName: string
  /** Endpoints count whether they are ready or not. */
  readonly publishesNotReady: boolean
}

export interface ServicePort {
  /** Folded; '' for a port without one. */
  readonly name: string
  /** Folded: tcp, udp, sctp. */
  readonly protocol: string
  readonly port: number
}

/** Which addresses of a Service are answered: its cluster IPs, or its external IPs, as `svc-ip-source` of ContainerDNS in Go. */
export type ServiceAddresses = 'clusterIPs' | 'externalIPs'

/** The annotation that came before `publishNotReadyAddresses`; the specification still names it. */
const TOLERATES_UNREADY = 'service.alpha.kubernetes.io/tolerate-unready-endpoints'

/** Throws an Error that says why this is no Service. */
export function readService(object: unknown, source: ServiceAddresses): ClusterService {
  const { metadata, spec } = object as ServiceObject
  const namespace = labelOf(metadata?.namespace, 'metadata.namespace')
  const name = labelOf(metadata?.name, 'metadata.name')
  const kind = kindOf(spec)
  return {
    namespace,
    name,
    kind,
    addresses: kind === 'address' ? addressesOf(spec, source) : [],
    ports: kind === 'alias' ? [] : portsOf(spec?.ports),
    externalName: kind === 'alias' ? externalNameOf(spec) : '',
    publishesNotReady: spec?.publishNotReadyAddresses === true || metadata?.annotations?.[TOLERATES_UNREADY] === 'true',
  }
}

/** The name of an object as a folded label. Throws. */
export function labelOf(given: unknown, field: string): string {
  if (!isLabel(given)) throw new Error(`${field} is not a label of a domain name`)
  return given.toLowerCase()
}

/** Ports of a Service or of a slice of endpoints. What is no port is passed over: the addresses stay. */
export function portsOf(given: unknown): ServicePort[] {
  if (!Array.isArray(given)) return []
  return given.flatMap((item: PortObject | null): ServicePort[] => {
    const { name, protocol, port } = item ?? {}
    if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 0xffff) return []
    const isNamed = name !== undefined && name !== null && name !== ''
    if (isNamed && !isLabel(name)) return []
    return [{ name: isNamed ? (name as string).toLowerCase() : '', protocol: protocolOf(protocol), port }]
  })
}

function kindOf(spec: ServiceObject['spec']): ClusterService['kind'] {
  if (spec?.type === 'ExternalName') return 'alias'
  return spec?.clusterIP === 'None' ? 'headless' : 'address'
}

function addressesOf(spec: ServiceObject['spec'], source: ServiceAddresses): string[] {
  const given = source === 'externalIPs' ? spec?.externalIPs : (spec?.clusterIPs ?? [spec?.clusterIP])
  if (!Array.isArray(given)) return []
  // One that has no address yet says ''.
  return [...new Set(given.map(canonicalAddress).filter((address) => address !== undefined))]
}

/** Kubernetes takes digits and dots for a name; CoreDNS and we do not answer with a name that is an address. */
function externalNameOf(spec: ServiceObject['spec']): string {
  const name = spec?.externalName
  if (typeof name !== 'string' || name === '') throw new Error('spec.externalName is missing')
  return canonicalAddress(name) === undefined ? name : ''
}

function protocolOf(given: unknown): string {
  return typeof given === 'string' && isLabel(given) ? given.toLowerCase() : 'tcp'
}

/** What we look at. Anything may be in it. */
interface ServiceObject {
  readonly metadata?: {
    readonly namespace?: unknown
    readonly name?: unknown
    readonly annotations?: Readonly<Record<string, unknown>> | null
  }
  readonly spec?: {
    readonly type?: unknown
    readonly clusterIP?: unknown
    readonly clusterIPs?: unknown
    readonly externalIPs?: unknown
    readonly externalName?: unknown
    readonly ports?: unknown
    readonly publishNotReadyAddresses?: unknown
  }
}

interface PortObject {
  readonly name?: unknown
  readonly protocol?: unknown
  readonly port?: unknown
}
