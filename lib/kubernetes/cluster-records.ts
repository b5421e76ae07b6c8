import { isDeepStrictEqual } from 'node:util'
import type { RRset } from '../records/rrset.js'
import { ClusterClients, type ZoneClients } from './cluster-clients.js'
import { readNode } from './cluster-node.js'
import { type ClusterPod, readPod } from './cluster-pod.js'
import { type ClusterService, labelOf, readService, type ServiceAddresses } from './cluster-service.js'
import { type EndpointSlice, endpointsBeside, endpointsOf, readEndpointSlice } from './endpoint-slice.js'
import type { MonitoredAddress } from './monitor-value.js'
import { dashed, isLabel, reverseName } from './names.js'
import { fixedRecords, NamespaceRecords } from './namespace-records.js'
import { addressRRsets, OWN, portLabels, ServiceRecords } from './service-records.js'
import { Touched } from './touched.js'

/** The kinds of objects that names come from, as the API's paths have them. */
export type ClusterKind = 'namespaces' | 'services' | 'endpointslices' | 'pods' | 'nodes'

/** Whether pods have names: none, one for each address that a pod has indeed, or one for every address there can be. */
export type PodNames = 'disabled' | 'verified' | 'insecure'

export interface ClusterRecordsOptions {
  /** The cluster domain, folded, without its last dot. */
  readonly zone: string
  readonly ttl: number
  readonly pods: PodNames
  readonly serviceAddresses: ServiceAddresses
  /** Endpoints without a hostname are named after their pods. */
  readonly endpointPodNames: boolean
  /** Pods have names beside those of Services, as ContainerDNS in Go gave them. */
  readonly originPodNames: boolean
  /** Search lists of pods are gone through for them. */
  readonly autopath: boolean
  /** Tells of each address what it is answered for. */
  readonly monitor: boolean
  /** Zones of the cluster whose clients see the endpoints that are for them, by views of these names. */
  readonly zoneViews: ReadonlySet<string>
  readonly zoneClients: ZoneClients
}

/** An owner and all it is to be answered with; none: nothing any more. */
export interface OwnerRecords {
  readonly name: string
  /** What it is the name of. */
  readonly source: 'svc' | 'pod'
  readonly rrsets: readonly RRset[]
  /** Of the name of an address, where addresses are monitored: what for. */
  readonly monitored?: MonitoredAddress
}

/** Names that point from one address. A thousand tell nobody anything. */
const MAX_POINTERS = 100

/**
 * What a cluster's objects mean in DNS (Kubernetes DNS-Based Service Discovery 1.1.0). No I/O.
 *
 * Objects are put and deleted as they come; `take` gives the owners that this has touched, each with all its records. Nothing but
 * what names depend on is kept of an object.
 */
export class ClusterRecords {
  readonly #options: ClusterRecordsOptions
  readonly #namespaces = new Set<string>()
  /** By `<namespace>/<name>`, as all that follow. */
  readonly #services = new Map<string, ClusterService>()
  readonly #slices = new Map<string, EndpointSlice>()
  /** By the Service's key, then by the slice's. */
  readonly #slicesOf = new Map<string, Map<string, EndpointSlice>>()
  readonly #pods = new Map<string, ClusterPod>()
  readonly #namespaceRecords: NamespaceRecords
  /** Where clients ask from. */
  readonly clients: ClusterClients
  /** How many pods of a namespace have an address, by `<namespace>/<address>`: those of the host's network share one. */
  readonly #podAddresses = new Map<string, number>()
  /** The keys of the Services whose names an address may point to; one for each place it stands at. */
  readonly #servicesAt = new Map<string, string[]>()
  #touched = new Touched()

  constructor(options: ClusterRecordsOptions) {
    this.#options = options
    this.#namespaceRecords = new NamespaceRecords(options)
    this.clients = new ClusterClients(options)
    this.#touched.isFirst = true
  }

  /** Namespaces that are known to be there without having been seen. */
  assume(namespaces: readonly string[]): void {
    for (const namespace of namespaces) this.#addNamespace(namespace)
  }

  /** Throws an Error that says why the object is none of its kind; what was known of it stays then. */
  put(kind: ClusterKind, object: unknown): void {
    const key = keyOf(object)
    switch (kind) {
      case 'namespaces':
        this.#addNamespace(labelOf(key.slice(1), 'metadata.name'))
        break
      case 'services':
        this.#setService(key, readService(object, this.#options.serviceAddresses))
        break
      case 'endpointslices':
        this.#setSlice(key, readEndpointSlice(object, this.#options.endpointPodNames, this.#options.zoneViews.size > 0))
        break
      case 'pods':
        this.#setPod(key, readPod(object))
        break
      case 'nodes':
        this.clients.setNode(key, readNode(object))
        break
    }
  }

  /** `key` is what `keyOf` gives. */
  delete(kind: ClusterKind, key: string): void {
    switch (kind) {
      case 'namespaces':
        if (this.#namespaces.delete(key.slice(1))) this.#touched.namespaces.add(key.slice(1))
        break
      case 'services':
        this.#setService(key, undefined)
        break
      case 'endpointslices':
        this.#setSlice(key, undefined)
        break
      case 'pods':
        this.#setPod(key, undefined)
        break
      case 'nodes':
        this.clients.setNode(key, undefined)
        break
    }
  }

  /** The keys of all objects of a kind. */
  keys(kind: ClusterKind): string[] {
    if (kind === 'namespaces') return Array.from(this.#namespaces, (name) => `/${name}`)
    if (kind === 'nodes') return this.clients.nodeKeys()
    const maps = { services: this.#services, endpointslices: this.#slices, pods: this.#pods }
    return [...maps[kind].keys()]
  }

  get hasChanges(): boolean {
    return this.#touched.size > 0
  }

  /**
   * The owners that were touched since, as they are to be now. What comes in between two steps is for the next call, but for what
   * this one has still to tell: that may say either.
   */
  *take(): Generator<OwnerRecords> {
    const touched = this.#touched
    this.#touched = new Touched()
    if (touched.isFirst) yield* fixedRecords(this.#options)
    for (const namespace of touched.namespaces) {
      yield* this.#namespaceRecords.of(namespace, this.#namespaces.has(namespace))
    }
    for (const key of touched.pods) yield this.#pod(key)
    const known = new Map<string, ServiceRecords>()
    for (const [key, names] of touched.services) {
      const records = this.#recordsOf(key, known)
      for (const relative of names) {
        if (relative === OWN && !this.#services.has(key)) yield this.#podBesideServices(key, records.name)
        else {
          const name = relative === OWN ? records.name : `${relative}.${records.name}`
          yield { name, source: 'svc', rrsets: records.at(relative) }
        }
      }
    }
    for (const address of touched.addresses) yield this.#pointers(address, known)
  }

  /** The next `take` gives every owner that has records. */
  touchAll(): void {
    const touched = this.#touched
    touched.isFirst = true
    for (const namespace of this.#namespaces) touched.namespaces.add(namespace)
    for (const [key, service] of this.#services) this.#touchService(key, service)
    for (const key of this.#podAddresses.keys()) touched.pods.add(key)
    for (const key of this.#pods.keys()) this.#touchPodName(key)
    for (const address of this.#servicesAt.keys()) touched.addresses.add(address)
  }

  #addNamespace(namespace: string): void {
    if (this.#namespaces.has(namespace)) return
    this.#namespaces.add(namespace)
    this.#touched.namespaces.add(namespace)
  }

  #setService(key: string, service: ClusterService | undefined): void {
    const before = this.#services.get(key)
    if (isDeepStrictEqual(before, service)) return
    if (before !== undefined) this.#touchService(key, before)
    for (const address of before?.addresses ?? []) this.#unlink(address, key)
    for (const address of service?.addresses ?? []) this.#link(address, key)
    if (service === undefined) this.#services.delete(key)
    else {
      this.#services.set(key, service)
      this.#touchService(key, service)
    }
  }

  /** Every name of a Service. */
  #touchService(key: string, service: ClusterService): void {
    const names = this.#touched.namesOf(key)
    names.add(OWN)
    for (const address of service.addresses) this.#touched.addresses.add(address)
    for (const { name, protocol } of service.ports) names.add(portLabels(name, protocol))
    for (const slice of this.#slicesOf.get(key)?.values() ?? []) {
      touchPorts(names, slice)
      for (const { label, address } of endpointsOf(slice)) {
        names.add(label)
        this.#touched.addresses.add(address)
      }
    }
  }

  /** A slice that has moved to another Service is gone from the one before. */
  #setSlice(key: string, slice: EndpointSlice | undefined): void {
    const before = this.#slices.get(key)
    if (isDeepStrictEqual(before, slice)) return
    const isSame = before !== undefined && slice !== undefined && before.service === slice.service
    if (isSame && isDeepStrictEqual(before.ports, slice.ports)) this.#touchEndpoints(key, before, slice)
    else {
      this.#touchEndpoints(key, before, undefined)
      this.#touchEndpoints(key, undefined, slice)
    }
    if (slice === undefined) this.#slices.delete(key)
    else this.#slices.set(key, slice)
  }

  /** What one slice has that another has not, both of one Service: those names alone, and those that all endpoints are behind. */
  #touchEndpoints(key: string, before: EndpointSlice | undefined, after: EndpointSlice | undefined): void {
    const slice = after ?? before
    if (slice === undefined) return
    const service = `${slice.namespace}/${slice.service}`
    const names = this.#touched.namesOf(service)
    names.add(OWN)
    touchPorts(names, slice)
    for (const { label, address } of endpointsBeside(before, after)) {
      names.add(label)
      this.#unlink(address, service)
    }
    for (const { label, address } of endpointsBeside(after, before)) {
      names.add(label)
      this.#link(address, service)
    }
    const others = this.#slicesOf.get(service) ?? new Map<string, EndpointSlice>()
    if (after === undefined) others.delete(key)
    else others.set(key, after)
    if (others.size === 0) this.#slicesOf.delete(service)
    else this.#slicesOf.set(service, others)
  }

  #setPod(key: string, pod: ClusterPod | undefined): void {
    const isVerified = this.#options.pods === 'verified'
    const before = this.#pods.get(key)
    if (isDeepStrictEqual(before, pod)) return
    this.clients.setPod(before, pod)
    if (before !== undefined && isVerified) this.#countPod(before, -1)
    if (pod === undefined) this.#pods.delete(key)
    else {
      this.#pods.set(key, pod)
      if (isVerified) this.#countPod(pod, 1)
    }
    this.#touchPodName(key)
  }

  /** Names of pods may have dots in them, and be somebody else's then. */
  #touchPodName(key: string): void {
    const name = key.slice(key.indexOf('/') + 1)
    if (this.#options.originPodNames && isLabel(name)) this.#touched.namesOf(key).add(OWN)
  }

  #countPod({ namespace, addresses }: ClusterPod, change: 1 | -1): void {
    for (const address of addresses) {
      const key = `${namespace}/${address}`
      const count = (this.#podAddresses.get(key) ?? 0) + change
      if (count === 0) this.#podAddresses.delete(key)
      else this.#podAddresses.set(key, count)
      this.#touched.pods.add(key)
    }
  }

  #link(address: string, service: string): void {
    this.#touched.addresses.add(address)
    const services = this.#servicesAt.get(address)
    if (services === undefined) this.#servicesAt.set(address, [service])
    else services.push(service)
  }

  #unlink(address: string, service: string): void {
    this.#touched.addresses.add(address)
    const services = this.#servicesAt.get(address)
    if (services === undefined) return
    const at = services.indexOf(service)
    if (at !== -1) services.splice(at, 1)
    if (services.length === 0) this.#servicesAt.delete(address)
  }

  #recordsOf(key: string, known: Map<string, ServiceRecords>): ServiceRecords {
    let records = known.get(key)
    if (records === undefined) {
      const { zone, ttl, zoneViews } = this.#options
      const [namespace, service] = key.split('/')
      const slices = this.#slicesOf.get(key)?.values() ?? []
      records = new ServiceRecords(
        this.#services.get(key),
        slices,
        `${service}.${namespace}.svc.${zone}`,
        ttl,
        zoneViews,
      )
      known.set(key, records)
    }
    return records
  }

  /** An address of Services points to them, and to endpoints where it is none (as CoreDNS has it). */
  #pointers(address: string, known: Map<string, ServiceRecords>): OwnerRecords {
    const services = Array.from(new Set(this.#servicesAt.get(address)), (key) => this.#recordsOf(key, known))
    const owners = services.filter((records) => records.owns(address)).map((records) => records.name)
    const names = owners.length > 0 ? owners : services.flatMap((records) => records.endpointNames(address))
    const data = names.sort().slice(0, MAX_POINTERS)
    const name = reverseName(address)
    const { ttl, monitor } = this.#options
    return {
      ...{ name, source: 'svc', rrsets: data.length === 0 ? [] : [{ name, type: 'PTR', ttl, data }] },
      ...(monitor && { monitored: monitoredAt(address, services) }),
    }
  }

  #pod(key: string): OwnerRecords {
    const { zone, ttl } = this.#options
    const slash = key.indexOf('/')
    const address = key.slice(slash + 1)
    const name = `${dashed(address)}.${key.slice(0, slash)}.pod.${zone}`
    return { name, source: 'pod', rrsets: addressRRsets(name, ttl, this.#podAddresses.has(key) ? [address] : []) }
  }

  /** What a name in `svc` is answered with that no Service has. A Service of a pod's name has it for itself. */
  #podBesideServices(key: string, name: string): OwnerRecords {
    const pod = this.#options.originPodNames ? this.#pods.get(key) : undefined
    return { name, source: 'pod', rrsets: addressRRsets(name, this.#options.ttl, pod?.addresses ?? []) }
  }
}

/** `<namespace>/<name>` of an object; '/<name>' for one that is in no namespace. Throws for what has no name. */
export function keyOf(object: unknown): string {
  const { metadata } = (object ?? {}) as { metadata?: { namespace?: unknown; name?: unknown } }
  const { namespace = '', name } = metadata ?? {}
  if (typeof name !== 'string' || name === '' || typeof namespace !== 'string') {
    throw new Error('metadata.name is missing')
  }
  return `${namespace}/${name}`
}

function touchPorts(names: Set<string>, { ports }: EndpointSlice): void {
  for (const { name, protocol } of ports) if (name !== '') names.add(portLabels(name, protocol))
}

function monitoredAt(address: string, services: readonly ServiceRecords[]): MonitoredAddress {
  const answering = services.filter((records) => records.answersWith(address))
  const ports = new Set(answering.flatMap((records) => records.tcpPortsAt(address)))
  const domains = answering.map((records) => `${records.name}.`).sort()
  return { address, ports: [...ports].sort((a, b) => a - b), domains: domains.slice(0, MAX_POINTERS) }
}
