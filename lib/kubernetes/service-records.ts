import type { RRset } from '../records/rrset.js'
import type { SrvData } from '../wire/rdata/record-data.js'
import type { ClusterService, ServicePort } from './cluster-service.js'
import { type Endpoint, type EndpointSlice, endpointsOf } from './endpoint-slice.js'
import { isIpv4 } from './names.js'

/** What the examples of the specification have; it prescribes neither. Endpoints are alike, so their weights are. */
const PRIORITY = 10
const WEIGHT = 100

/**
 * A headless Service has SRV records at its own name, too, as CoreDNS and ContainerDNS in Go have it, up to this many: all that is at
 * one name must fit into one message, and addresses go first.
 */
const MAX_OWN_SRV = 200

const NO_ZONES: ReadonlySet<string> = new Set()

/** Its own name, in what a Service has touched: all others are relative to it. */
export const OWN = ''

/** All records of a Service, by name, worked out once for any number of names. Short-lived: it holds an object for each endpoint. */
export class ServiceRecords {
  readonly #service: ClusterService | undefined
  readonly #ttl: number
  /** `<service>.<namespace>.svc.<zone>` */
  readonly #name: string
  readonly #byLabel = new Map<string, Set<string>>()
  readonly #labelsByAddress = new Map<string, Set<string>>()
  readonly #srv = new Map<string, SrvData[]>()
  readonly #ownSrv: SrvData[] = []
  readonly #addresses: Set<string>
  /** Of a headless Service, by the address of the endpoint. */
  readonly #tcpPorts = new Map<string, Set<number>>()

  /** The same of the endpoints that are for a zone, by its name: of a headless Service, and where zones are views. */
  readonly #byZone = new Map<string, ServiceRecords>()

  /** `service` is undefined for one that is gone: its names have nothing any more. `zones` have answers of their own. */
  constructor(
    service: ClusterService | undefined,
    slices: Iterable<EndpointSlice>,
    name: string,
    ttl: number,
    zones: ReadonlySet<string> = NO_ZONES,
  ) {
    this.#service = service
    this.#name = name
    this.#ttl = ttl
    this.#addresses = new Set(service?.addresses)
    if (service === undefined || service.kind === 'alias') return
    for (const slice of slices) {
      for (const endpoint of endpointsOf(slice)) {
        this.#addEndpoint(service, endpoint, slice.ports)
        if (service.kind === 'headless' && zones.size > 0) this.#addToZones(service, endpoint, slice.ports, zones)
      }
    }
    if (service.kind === 'address' && this.#addresses.size > 0) {
      for (const port of service.ports) this.#addPort(port, name)
    }
  }

  /** What a name is to be answered with; none: nothing. `relative` is OWN, a label of an endpoint, or `_port._proto`. */
  at(relative: string): RRset[] {
    const rrsets = this.#at(relative)
    if (this.#byZone.size === 0 || rrsets.length === 0) return rrsets
    if (relative !== OWN && !this.#srv.has(relative)) return rrsets
    return [
      ...rrsets,
      ...Array.from(this.#byZone, ([zone, records]) => inView(zone, records.#at(relative), rrsets)).flat(),
    ]
  }

  #at(relative: string): RRset[] {
    if (relative === OWN) return this.#own()
    const name = `${relative}.${this.#name}`
    const srv = this.#srv.get(relative)
    if (srv !== undefined) return [{ name, type: 'SRV', ttl: this.#ttl, data: sortedSrv(srv) }]
    return addressRRsets(name, this.#ttl, this.#byLabel.get(relative) ?? [])
  }

  /** Whether the address is the Service's own, and not one of its endpoints'. */
  owns(address: string): boolean {
    return this.#service?.kind === 'address' && this.#addresses.has(address)
  }

  /** Whether the Service's own name has the address. */
  answersWith(address: string): boolean {
    return this.#addresses.has(address)
  }

  /** Where an address of the Service, or of an endpoint, takes connections. */
  tcpPortsAt(address: string): number[] {
    if (this.#service?.kind !== 'address') return [...(this.#tcpPorts.get(address) ?? [])]
    return this.#service.ports.filter(({ protocol }) => protocol === 'tcp').map(({ port }) => port)
  }

  /** The name of the Service. */
  get name(): string {
    return this.#name
  }

  /** The names of the endpoints that have an address. */
  endpointNames(address: string): string[] {
    return Array.from(this.#labelsByAddress.get(address) ?? [], (label) => `${label}.${this.#name}`)
  }

  #own(): RRset[] {
    const service = this.#service
    const ttl = this.#ttl
    if (service === undefined) return []
    if (service.kind === 'alias') {
      return service.externalName === '' ? [] : [{ name: this.#name, type: 'CNAME', ttl, data: [service.externalName] }]
    }
    const rrsets = addressRRsets(this.#name, ttl, this.#addresses)
    if (this.#ownSrv.length > 0 && this.#ownSrv.length <= MAX_OWN_SRV) {
      rrsets.push({ name: this.#name, type: 'SRV', ttl, data: sortedSrv(this.#ownSrv) })
    }
    return rrsets
  }

  #addEndpoint(service: ClusterService, { isReady, label, address }: Endpoint, ports: readonly ServicePort[]): void {
    if (!isReady && !service.publishesNotReady) return
    addTo(this.#byLabel, label, address)
    addTo(this.#labelsByAddress, address, label)
    if (service.kind !== 'headless') return
    this.#addresses.add(address)
    for (const port of ports) {
      this.#addPort(port, `${label}.${this.#name}`)
      if (port.protocol === 'tcp') addTo(this.#tcpPorts, address, port.port)
    }
  }

  #addToZones(
    service: ClusterService,
    endpoint: Endpoint,
    ports: readonly ServicePort[],
    known: ReadonlySet<string>,
  ): void {
    for (const zone of endpoint.zones) {
      if (!known.has(zone)) continue
      let records = this.#byZone.get(zone)
      if (records === undefined) {
        records = new ServiceRecords(service, [], this.#name, this.#ttl)
        this.#byZone.set(zone, records)
      }
      records.#addEndpoint(service, endpoint, ports)
    }
  }

  #addPort({ name, protocol, port }: ServicePort, target: string): void {
    const data: SrvData = { priority: PRIORITY, weight: WEIGHT, port, target }
    this.#ownSrv.push(data)
    // Unnamed ports have no SRV record of their own (§2.3.2, §2.4.2).
    if (name === '') return
    const relative = portLabels(name, protocol)
    const others = this.#srv.get(relative)
    if (others === undefined) this.#srv.set(relative, [data])
    else others.push(data)
  }
}

/**
 * What clients in a zone see at a name: its endpoints where it has any that are ready, and everybody's where it has none of a type, since
 * a view has a name for itself as soon as it has anything of it.
 */
function inView(zone: string, own: readonly RRset[], all: readonly RRset[]): RRset[] {
  if (own.length === 0) return []
  return all.map((rrset) => ({ ...(own.find(({ type }) => type === rrset.type) ?? rrset), view: zone }))
}

/** `_https._tcp` */
export function portLabels(name: string, protocol: string): string {
  return `_${name}._${protocol}`
}

/** In a fixed order: slices come in any, and what has not changed is not to be written. */
export function addressRRsets(name: string, ttl: number, addresses: Iterable<string>): RRset[] {
  const ipv4: string[] = []
  const ipv6: string[] = []
  for (const address of addresses) (isIpv4(address) ? ipv4 : ipv6).push(address)
  const rrsets: RRset[] = []
  if (ipv4.length > 0) rrsets.push({ name, type: 'A', ttl, data: ipv4.sort() })
  if (ipv6.length > 0) rrsets.push({ name, type: 'AAAA', ttl, data: ipv6.sort() })
  return rrsets
}

function sortedSrv(data: SrvData[]): SrvData[] {
  return data.sort((a, b) => (a.target < b.target ? -1 : a.target > b.target ? 1 : a.port - b.port))
}

function addTo<T>(sets: Map<string, Set<T>>, key: string, value: T): void {
  const set = sets.get(key)
  if (set === undefined) sets.set(key, new Set([value]))
  else set.add(value)
}
