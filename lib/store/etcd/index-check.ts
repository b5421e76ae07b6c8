import type { WireRRset } from '../../records/wire-rrset.js'
import type { KeySet } from '../key-set.js'
import { ownerKey } from '../owner-groups.js'
import type { HealthState, StoreSink } from '../record-store.js'
import type { EtcdClient } from './client.js'
import { HEALTH_PLACE } from './health-words.js'
import type { KeyLayout } from './key-layout.js'
import { sameLeaf } from './leaf.js'
import type { LeafIndex } from './leaf-index.js'
import { unpackLeaves } from './leaf-packer.js'
import type { EtcdLoad } from './loader/load-image.js'

export interface IndexCheckOptions {
  readonly client: EtcdClient
  readonly layout: KeyLayout
  readonly index: LeafIndex
  readonly sink: Pick<StoreSink, 'forEachDifference'>
  readonly requestTimeoutMs: number
  /** Reads everything that etcd held at a revision, in a thread of its own. */
  readonly load: (revision: number) => Promise<EtcdLoad>
  /** The places that the watch has written since before the call. It goes on being filled meanwhile. */
  readonly touched: KeySet
  /** Resolves once the watch has brought all up to a revision. */
  readonly caughtUp: (revision: number) => Promise<void>
  readonly signal: AbortSignal
}

/**
 * Reads everything in etcd anew, while the watch goes on, and returns the keys of which the index says something else, and the
 * addresses whose health is another. Nothing is changed.
 *
 * Once the watch has brought all up to the revision that was read, whatever differs has either been written since, and is passed
 * over, or got lost on its way.
 */
export async function findDiscrepancies(options: IndexCheckOptions): Promise<readonly string[]> {
  const { client, layout, sink, requestTimeoutMs, signal } = options
  const { header } = await client.range({ key: layout.rangeStart, limit: 1, keys_only: true }, requestTimeoutMs)
  const revision = Number(header.revision)
  const load = await options.load(revision)
  await options.caughtUp(revision)
  // A key can be what several owners are made of.
  const found = new Set<string>()
  await sink.forEachDifference(
    load.image,
    (owner, wanted) => {
      for (const path of differingPaths(options, load, owner, wanted))
        found.add(layout.keyOf(owner, path).toString('latin1'))
    },
    signal,
  )
  for (const address of differingHealth(options, load)) found.add(`health of ${address}`)
  return [...found]
}

function* differingPaths(
  { index, touched }: IndexCheckOptions,
  { refused }: EtcdLoad,
  owner: Uint8Array,
  wanted: readonly WireRRset[],
): Generator<string> {
  // Neither has all of it.
  if (index.isRefused(owner) || refused.has(ownerKey(owner))) return
  const held = new Map(index.leavesOf(owner).map((leaf) => [leaf.path, leaf]))
  for (const leaf of unpackLeaves(wanted)) {
    const { path } = leaf
    const own = held.get(path)
    held.delete(path)
    if ((own !== undefined && sameLeaf(own, leaf)) || touched.has(owner, path)) continue
    if (index.differs(owner, [{ path, leaf }])) yield path
  }
  for (const path of held.keys()) if (!touched.has(owner, path)) yield path
}

/** Several keys may be of one address, under several prefixes: which of them spoke last nobody knows, so each of them may be right. */
function* differingHealth({ index, touched }: IndexCheckOptions, { health }: EtcdLoad): Generator<string> {
  const said = new Map<string, Set<HealthState>>()
  for (const address of index.health.knownAddresses()) said.set(address, new Set())
  for (const [address, state] of health) {
    const states = said.get(address)
    if (states === undefined) said.set(address, new Set([state]))
    else states.add(state)
  }
  for (const [address, states] of said) {
    const held = index.health.stateOf(address)
    const isRight = states.size === 0 ? held === 'unknown' : states.has(held)
    if (!isRight && !touched.has(HEALTH_PLACE, address)) yield address
  }
}
