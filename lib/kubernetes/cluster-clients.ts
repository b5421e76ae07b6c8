import { BlockList } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { ClusterNode } from './cluster-node.js'
import type { ClusterPod } from './cluster-pod.js'
import { isIpv4 } from './names.js'

export interface ClusterClientsOptions {
  /** Zones whose clients are wanted. */
  readonly zoneViews: ReadonlySet<string>
  readonly zoneClients: ZoneClients
}

/** What tells where clients are: nothing, the networks of nodes, or these and the addresses of pods that are in none of them. */
export type ZoneClients = 'none' | 'nodes' | 'pods'

/** A node, and its networks as one can look into them. */
interface KnownNode extends ClusterNode {
  readonly covered: BlockList
}

/**
 * Where the clients of each zone of a cluster ask from. Whoever takes this builds a table of it, which takes the longer the more there is: so
 * a pod in the networks of its node, as in most clusters all are, changes nothing.
 */
export class ClusterClients {
  readonly #options: ClusterClientsOptions
  readonly #nodes = new Map<string, KnownNode>()
  /** By their addresses: of pods that have had one, the last that was told of. */
  readonly #pods = new Map<string, ClusterPod>()
  #changed: 'nothing' | 'pods' | 'nodes' = 'nothing'

  constructor(options: ClusterClientsOptions) {
    this.#options = options
  }

  /** What is another than it was taken last. Nodes come and go seldom, pods all the time. */
  get changed(): 'nothing' | 'pods' | 'nodes' {
    return this.#changed
  }

  nodeKeys(): string[] {
    return [...this.#nodes.keys()]
  }

  setNode(key: string, node: ClusterNode | undefined): void {
    const { covered: _, ...before } = this.#nodes.get(key) ?? { covered: undefined }
    if (isDeepStrictEqual(before, node ?? {})) return
    this.#changed = 'nodes'
    if (node === undefined) this.#nodes.delete(key)
    else this.#nodes.set(key, { ...node, covered: coveredBy(node.networks) })
  }

  /** What a pod was, and is now; undefined: not there. */
  setPod(before: ClusterPod | undefined, pod: ClusterPod | undefined): void {
    if (this.#options.zoneClients !== 'pods') return
    for (const address of before?.addresses ?? []) {
      // Another pod may have the address by now, on the same node, too: a list that is read anew tells of what has gone last.
      if (this.#pods.get(address) !== before) continue
      this.#pods.delete(address)
      this.#touchPod(address, before!.node)
    }
    for (const address of pod?.addresses ?? []) {
      this.#pods.set(address, pod!)
      this.#touchPod(address, pod!.node)
    }
  }

  /** Networks and addresses, by zone. */
  take(): Map<string, string[]> {
    this.#changed = 'nothing'
    const clients = new Map<string, string[]>()
    const listOf = (zone: string) => {
      const list = clients.get(zone) ?? []
      clients.set(zone, list)
      return list
    }
    const { zoneViews } = this.#options
    for (const { zone, networks } of this.#nodes.values()) if (zoneViews.has(zone)) listOf(zone).push(...networks)
    for (const [address, pod] of this.#pods) {
      const node = this.#nodes.get(`/${pod.node}`)
      if (node !== undefined && zoneViews.has(node.zone) && !covers(node, address)) listOf(node.zone).push(address)
    }
    return clients
  }

  #touchPod(address: string, name: string): void {
    if (this.#changed !== 'nothing') return
    const node = this.#nodes.get(`/${name}`)
    // A node that is not known yet will touch all when it comes.
    if (node !== undefined && !covers(node, address)) this.#changed = 'pods'
  }
}

function covers({ covered }: KnownNode, address: string): boolean {
  return covered.check(address, isIpv4(address) ? 'ipv4' : 'ipv6')
}

function coveredBy(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', length] = network.split('/')
    const family = isIpv4(address) ? 'ipv4' : 'ipv6'
    list.addSubnet(address, Number(length ?? (family === 'ipv4' ? 32 : 128)), family)
  }
  return list
}
