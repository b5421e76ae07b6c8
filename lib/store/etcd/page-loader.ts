import { KeySet } from '../key-set.js'
import { type EtcdClient, type KeyValue, type RangeResponse, RESOURCE_EXHAUSTED } from './client.js'
import type { KeyLayout, KeyRange } from './key-layout.js'
import { ChangeSet, type LeafIndex } from './leaf-index.js'

export interface PageLoaderOptions {
  readonly client: EtcdClient
  readonly layout: KeyLayout
  readonly index: LeafIndex
  readonly pageSize: number
  /** Ends a slice when it is time to; throws when the store has been closed. */
  readonly slice: () => Promise<void> | undefined
  readonly throwIfClosed: () => void
}

/**
 * Brings the index in line with all that etcd held at one revision: writes what differs, then removes what is gone. Until it
 * is through, owners show a mixture of what was and what is, each of them a whole one but for leaves on pages to come.
 *
 * Resolves to the number of owners that changed. Throws what etcd says, a compaction of the revision among it.
 */
export async function loadPages(options: PageLoaderOptions, revision: number): Promise<number> {
  const { index, throwIfClosed } = options
  // At the first load there is nothing to compare with, and then what was seen need not be remembered.
  const isFirst = await index.isEmpty(throwIfClosed)
  let seen: KeySet | undefined
  let changed = 0
  index.health.startLoad()
  for (const range of options.layout.ranges) {
    for await (const page of pages(options, range, revision)) {
      if (!isFirst) seen ??= new KeySet(Number(page.count))
      changed += await publishPage(options, page.kvs, seen)
    }
  }
  index.health.endLoad()
  if (!isFirst) changed += await index.sweep(seen ?? new KeySet(), throwIfClosed)
  return changed
}

/** The pages of a range. The next one is on its way while one is being worked on. */
async function* pages(
  options: PageLoaderOptions,
  { start, end }: KeyRange,
  revision: number,
): AsyncGenerator<RangeResponse> {
  const { client } = options
  let limit = options.pageSize
  const fetch = async (key: Buffer): Promise<RangeResponse> => {
    for (;;) {
      try {
        return await client.range({ key, range_end: end, limit, revision })
      } catch (error) {
        // Larger than the largest message: a page of long values.
        if ((error as { code?: unknown }).code !== RESOURCE_EXHAUSTED || limit === 1) throw error
        limit = Math.ceil(limit / 2)
      }
    }
  }
  let next: Promise<RangeResponse> | undefined = fetch(start)
  while (next !== undefined) {
    const page: RangeResponse = await next
    const last = page.kvs.at(-1)
    next = page.more && last !== undefined ? fetch(successor(last.key)) : undefined
    // It is awaited in the next round, or never when this one fails.
    next?.catch(() => {})
    yield page
  }
}

async function publishPage(
  { layout, index, slice }: PageLoaderOptions,
  kvs: readonly KeyValue[],
  seen: KeySet | undefined,
): Promise<number> {
  const set = new ChangeSet()
  for (const { key, value, mod_revision } of kvs) {
    const wait = slice()
    if (wait !== undefined) await wait
    const decoded = layout.decode(key, value)
    if (decoded.kind === 'health') index.health.set(decoded.address, decoded.state)
    if (decoded.kind === 'otherView') index.ignoredRecords++
    // A bad value is not seen, so what the key said before goes with the sweep: the key does not say it any more.
    if (decoded.kind === 'bad') index.badKey(key, decoded.reason)
    if (decoded.kind !== 'records') continue
    const modRevision = Number(mod_revision)
    for (const { owner, path, type, ttl, rdata } of decoded.records) {
      seen?.add(owner, path)
      set.add(owner, { path, leaf: { path, type, ttl, modRevision, rdata } })
    }
  }
  let changed = 0
  for (const { owner, changes } of set.values()) {
    const wait = slice()
    if (wait !== undefined) await wait
    if (index.apply(owner, changes)) changed++
  }
  return changed
}

/** The first key that can follow. */
function successor(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.alloc(1)])
}
