import { KeySet } from '../key-set.js'
import { ownerKey } from '../owner-groups.js'
import type { EtcdClient, KeyValue, RangeResponse } from './client.js'
import { findHealthDiscrepancies } from './health-check.js'
import type { KeyLayout } from './key-layout.js'
import { ChangeSet, type LeafIndex } from './leaf-index.js'
import { type KeysRead, readKeys } from './read-keys.js'

export interface IndexCheckOptions {
  readonly client: EtcdClient
  readonly layout: KeyLayout
  readonly index: LeafIndex
  readonly pageSize: number
  readonly requestTimeoutMs: number
  /** Ends a slice when it is time to; throws when the store has been closed. */
  readonly slice: () => Promise<void> | undefined
  readonly throwIfClosed: () => void
  /** The places that the watch has written since before the call. It goes on being filled meanwhile. */
  readonly touched: KeySet
  /** Resolves once the watch has brought all up to a revision. */
  readonly caughtUp: (revision: number) => Promise<void>
}

/**
 * Reads everything in etcd anew, while the watch goes on, and returns the keys of which the index says something else, and the
 * addresses whose health is another. Nothing is changed.
 *
 * What the watch writes meanwhile is passed over: it has just come. What looks different is read once more, and counts only when the
 * watch has caught up with that and still has not brought it. Pages are without values; the mod revision tells whether one has changed.
 */
export async function findDiscrepancies(options: IndexCheckOptions): Promise<readonly string[]> {
  const { client, layout, requestTimeoutMs, touched } = options
  const { header } = await client.range({ key: layout.rangeStart, limit: 1, keys_only: true }, requestTimeoutMs)
  const { leaves, pageEnds } = await sample(options)
  const survey: Survey = {
    // Of a size that it need not grow from, in a pause.
    seen: new KeySet(leaves),
    suspects: new Set(),
    healthKeys: new Map(),
  }
  const revision = Number(header.revision)
  for await (const page of keyPages(options, pageEnds, revision)) await surveyPage(options, page.kvs, survey)
  await addGone(options, survey)
  const found: string[] = []
  const suspects = [...survey.suspects].map(latin1)
  for await (const read of readKeys(client, suspects, requestTimeoutMs)) found.push(...(await confirm(options, read)))
  const addresses = await findHealthDiscrepancies(options, survey.healthKeys, revision)
  const isTouched = (key: string) => layout.spots(latin1(key)).some(({ owner, path }) => touched.has(owner, path))
  return [...found.filter((key) => !isTouched(key)), ...addresses.map((address) => `health of ${address}`)]
}

/** What a walk over all keys has come to. */
interface Survey {
  /** Places that the index and etcd both have. */
  readonly seen: KeySet
  /** Keys that look different, a character for each byte. */
  readonly suspects: Set<string>
  /** By their address. */
  readonly healthKeys: Map<string, Buffer[]>
}

/** A page that is decoded in a millisecond or two. */
const MAX_PAGE_KEYS = 1000
/** One of so many keys of ours is looked at for where pages may end; half of those are taken, in order, so that pages are of like size. */
const KEYS_PER_SAMPLE = 250

/**
 * All keys, in pages that end where the index has keys: a page without an end costs etcd a walk over everything behind it (0.12 s
 * with a million keys), whatever its limit.
 */
async function* keyPages(
  options: IndexCheckOptions,
  pageEnds: readonly Buffer[],
  revision: number,
): AsyncGenerator<RangeResponse> {
  const { client, layout } = options
  const pageSize = Math.min(options.pageSize, MAX_PAGE_KEYS)
  for (const range of layout.ranges) {
    let { start } = range
    for (const end of [...pageEnds, range.end]) {
      // Two owners may share a key, and ends of other ranges are among them.
      if (Buffer.compare(start, end) >= 0 || Buffer.compare(end, range.end) > 0) continue
      for (let key: Buffer | undefined = start; key !== undefined; ) {
        const page: RangeResponse = await client.range({
          ...{ key, range_end: end, limit: pageSize, revision },
          keys_only: true,
        })
        yield page
        const last = page.kvs.at(-1)
        key = page.more && last !== undefined ? Buffer.concat([last.key, Buffer.alloc(1)]) : undefined
      }
      start = end
    }
  }
}

/** About how many leaves the index has, and keys that part them into pages. */
async function sample({
  index,
  layout,
  throwIfClosed,
}: IndexCheckOptions): Promise<{ leaves: number; pageEnds: readonly Buffer[] }> {
  const keys: Buffer[] = []
  const leaves = await index.sampleLeaves(KEYS_PER_SAMPLE, (owner, path) => {
    throwIfClosed()
    keys.push(layout.keyOf(owner, path))
  })
  return { leaves, pageEnds: keys.sort(Buffer.compare).filter((_, i) => i % 2 === 1) }
}

/** Suspects are keys that the index does not hold, or of another revision. Those that hold no record are among them: only their value tells. */
async function surveyPage(
  { layout, index, slice, touched }: IndexCheckOptions,
  kvs: readonly KeyValue[],
  { seen, suspects, healthKeys }: Survey,
): Promise<void> {
  let held = new HeldRevisions(index)
  for (const { key, mod_revision } of kvs) {
    const wait = slice()
    if (wait !== undefined) {
      await wait
      held = new HeldRevisions(index)
    }
    const address = layout.healthAddress(key)
    if (address !== undefined) healthKeys.set(address, [...(healthKeys.get(address) ?? []), key])
    const spots = layout.spots(key)
    const modRevision = Number(mod_revision)
    let isHeld = spots.length === 0
    for (const { owner, path } of spots) {
      const revision = held.revision(owner, path)
      // A service of SkyDNS has a dozen places, of which it fills two. What is filled later has been touched.
      if (revision !== undefined) seen.add(owner, path)
      isHeld ||= revision === modRevision || touched.has(owner, path)
    }
    if (!isHeld) suspects.add(key.toString('latin1'))
  }
}

/** Keeps what it has read, as keys of one owner come after another. For as long as nobody else can write. */
class HeldRevisions {
  readonly #index: LeafIndex
  readonly #owners = new Map<string, ReadonlyMap<string, number>>()

  constructor(index: LeafIndex) {
    this.#index = index
  }

  /** The mod revision of a leaf; undefined when there is none. */
  revision(owner: Uint8Array, path: string): number | undefined {
    const key = ownerKey(owner)
    let revisions = this.#owners.get(key)
    if (revisions === undefined) {
      revisions = new Map(this.#index.leavesOf(owner).map((leaf) => [leaf.path, leaf.modRevision]))
      this.#owners.set(key, revisions)
    }
    return revisions.get(path)
  }
}

/** Keys that the index holds and etcd does not. */
async function addGone(
  { layout, index, throwIfClosed, touched }: IndexCheckOptions,
  { seen, suspects }: Survey,
): Promise<void> {
  await index.forEachLeaf((owner, path) => {
    throwIfClosed()
    if (!seen.has(owner, path) && !touched.has(owner, path)) suspects.add(layout.keyOf(owner, path).toString('latin1'))
  })
}

/** Which of these keys the index would have to be changed for, were they to come by watch now. */
async function confirm(options: IndexCheckOptions, { revision, values }: KeysRead): Promise<readonly string[]> {
  const { index, slice, caughtUp } = options
  await caughtUp(revision)
  const different: string[] = []
  for (const [key, kv] of values) {
    const wait = slice()
    if (wait !== undefined) await wait
    for (const { owner, changes } of changesOf(options, key, kv).values()) {
      if (!index.differs(owner, changes)) continue
      different.push(key.toString('latin1'))
      break
    }
  }
  return different
}

function changesOf({ layout }: IndexCheckOptions, key: Buffer, kv: KeyValue | undefined): ChangeSet {
  const set = new ChangeSet()
  for (const { owner, path } of layout.spots(key)) set.add(owner, { path })
  const decoded = kv === undefined ? undefined : layout.decode(kv.key, kv.value)
  if (decoded?.kind !== 'records') return set
  for (const { owner, path, type, ttl, rdata } of decoded.records)
    set.add(owner, { path, leaf: { path, type, ttl, modRevision: Number(kv!.mod_revision), rdata } })
  return set
}

function latin1(key: string): Buffer {
  return Buffer.from(key, 'latin1')
}
