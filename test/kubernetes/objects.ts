/** Objects as the API server has them, with what names depend on, and a little beside it. */

export interface KubeObject {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly resourceVersion?: string
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

export interface PortSpec {
  readonly name?: string
  readonly protocol?: string
  readonly port: number
}

/** `metadata` of `<namespace>/<name>`. */
function metadata(path: string, more: object = {}): KubeObject['metadata'] {
  const [namespace, name] = path.split('/') as [string, string]
  return { namespace, name, ...more }
}

export function namespace(name: string): KubeObject {
  return { metadata: { name }, status: { phase: 'Active' } }
}

/** A Service of `<namespace>/<name>`; 'None' makes it headless. */
export function service(
  path: string,
  clusterIPs: readonly string[],
  ports: readonly PortSpec[] = [],
  spec: object = {},
): KubeObject {
  return {
    metadata: metadata(path),
    spec: { type: 'ClusterIP', clusterIP: clusterIPs[0] ?? '', clusterIPs, ports, ...spec },
  }
}

export function externalName(path: string, target: string): KubeObject {
  return { metadata: metadata(path), spec: { type: 'ExternalName', externalName: target } }
}

export interface EndpointSpec {
  readonly address: string
  readonly hostname?: string
  readonly pod?: string
  readonly ready?: boolean
  readonly zone?: string
  readonly forZones?: readonly string[]
}

/** The slice `<namespace>/<service>-<suffix>`. */
export function slice(
  path: string,
  endpoints: readonly EndpointSpec[],
  ports: readonly PortSpec[] = [],
  suffix = 'x1',
): KubeObject {
  const [namespace, name] = path.split('/') as [string, string]
  const isIpv6 = endpoints.some(({ address }) => address.includes(':'))
  return {
    metadata: metadata(`${namespace}/${name}-${suffix}`, { labels: { 'kubernetes.io/service-name': name } }),
    addressType: isIpv6 ? 'IPv6' : 'IPv4',
    endpoints: endpoints.map(({ address, hostname, pod, ready, zone, forZones }) => ({
      addresses: [address],
      conditions: ready === undefined ? {} : { ready },
      ...(hostname !== undefined && { hostname }),
      ...(zone !== undefined && { zone }),
      ...(forZones !== undefined && { hints: { forZones: forZones.map((name) => ({ name })) } }),
      ...(pod !== undefined && { targetRef: { kind: 'Pod', namespace, name: pod } }),
    })),
    ports: ports.map((port) => ({ protocol: 'TCP', ...port })),
  }
}

export function node(
  name: string,
  zone: string | undefined,
  podCIDRs: readonly string[],
  address?: string,
): KubeObject {
  return {
    metadata: { name, labels: zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone } },
    spec: { podCIDR: podCIDRs[0], podCIDRs },
    status: { addresses: address === undefined ? [] : [{ type: 'InternalIP', address }] },
  }
}

/** A pod that runs on a node. */
export function podOn(nodeName: string, path: string, addresses: readonly string[]): KubeObject {
  return { ...pod(path, addresses), spec: { nodeName } }
}

export function pod(path: string, addresses: readonly string[], phase = 'Running', more: object = {}): KubeObject {
  return {
    metadata: metadata(path, more),
    status: { phase, podIP: addresses[0], podIPs: addresses.map((ip) => ({ ip })) },
  }
}
