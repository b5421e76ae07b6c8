import type { EtcdClient } from './client.js'
import type { Follower } from './follower.js'
import type { KeyRange, OwnerRange, WritableLayout } from './key-layout.js'
import { viewOfPath } from './leaf-path.js'
import type { KeyValue, RangeRequest, RangeResponse } from './messages.js'
import type { OwnerState, StoredKey } from './owner-changes.js'

/**
 * Keys that we read to find an owner's leaves: enough for a large RRset while another replaces it. The range of its own key
 * holds those of all names below it as well, which for a zone is everything there is; etcd cannot tell them apart.
 */
const MAX_KEYS = 4096
const MAX_OPERATIONS = 128

/** From how many on each edit is marked, before the ranges of others are too large to be compared. */
const CROWDED = MAX_KEYS / 2

/**
 * What etcd holds of an owner.
 *
 * Read from the ranges of its keys; from one that is too large, key by key as the index knows them, and as `candidates` says
 * might be written. What others have added meanwhile the index may not know yet: then this resolves to the
 * revision that it must reach before another try, which the mark of the last edit tells.
 */
export async function readOwner(
  client: EtcdClient,
  owner: Uint8Array,
  candidates: () => readonly Buffer[],
  layout: WritableLayout,
  { index, revision }: Pick<Follower, 'index' | 'revision'>,
  timeoutMs: number,
): Promise<OwnerState | { readonly awaited: number }> {
  const ranges = layout.ownerRanges(owner)
  const leaves = index.leavesOf(owner).filter(({ path }) => viewOfPath(path) === layout.view)
  const known = leaves.map(({ path }) => layout.keyOf(owner, path))
  // The owner's own key without its last slash, and keys in capitals, lie outside of the ranges.
  const outside = [...layout.ownerKeys(owner), ...known.filter((key) => !ranges.some((range) => isIn(range, key)))]
  const requests = ranges.map(({ start, end }) => ({ key: start, range_end: end, limit: MAX_KEYS }))
  const first = await readAll(client, [...requests, ...outside.map((key) => ({ key }))], timeoutMs)
  const isWhole = (_: OwnerRange, i: number) => first.responses[i]!.more !== true
  const keys = new Map<string, StoredKey>()
  const add = (kv: KeyValue) => keys.set(kv.key.toString('latin1'), storedKey(kv, owner, layout))
  for (const { kvs, more } of first.responses) if (more !== true) kvs.forEach(add)
  const state = { owner, revision: first.revision, keys, wholeRanges: ranges.filter(isWhole) }
  const isCrowded = ranges.some((_, i) => Number(first.responses[i]!.count) > CROWDED)
  const tooLarge = ranges.filter((range, i) => !isWhole(range, i))
  const key = layout.editKey(owner)
  if (tooLarge.length === 0) return isCrowded ? { ...state, editMark: { key, modRevision: undefined } } : state
  const inside = [...known, ...candidates()].filter((key) => tooLarge.some((range) => isIn(range, key)))
  const [mark, ...others] = (
    await readAll(
      client,
      [key, ...inside].map((key) => ({ key })),
      timeoutMs,
    )
  ).responses
  const modRevision = Number(mark!.kvs[0]?.mod_revision ?? 0)
  if (modRevision > revision) return { awaited: modRevision }
  for (const { kvs } of others) kvs.forEach(add)
  return { ...state, editMark: { key, modRevision } }
}

function isIn({ start, end }: KeyRange, key: Buffer): boolean {
  return Buffer.compare(key, start) >= 0 && Buffer.compare(key, end) < 0
}

/** Several ranges, as many as go into a transaction at one revision. */
async function readAll(
  client: EtcdClient,
  requests: readonly RangeRequest[],
  timeoutMs: number,
): Promise<{ revision: number; responses: readonly RangeResponse[] }> {
  const responses: RangeResponse[] = []
  let revision = 0
  for (let from = 0; from < requests.length; from += MAX_OPERATIONS) {
    const success = requests.slice(from, from + MAX_OPERATIONS).map((request) => ({ request_range: request }))
    const response = await client.txn({ compare: [], success }, timeoutMs)
    revision ||= Number(response.header.revision)
    responses.push(...response.responses.map((each) => each.response_range))
  }
  return { revision, responses }
}

/** Only the first record of a key is the one it was written for; the address of an SRV's target comes and goes with the SRV. */
function storedKey({ key, value, mod_revision }: KeyValue, owner: Uint8Array, layout: WritableLayout): StoredKey {
  const decoded = layout.decode(key, value)
  const record = decoded.kind === 'records' ? decoded.records[0] : undefined
  const isOurs = record !== undefined && Buffer.compare(record.owner, owner) === 0
  return {
    key,
    value,
    modRevision: Number(mod_revision),
    record: isOurs ? record : undefined,
    isBad: decoded.kind === 'bad',
  }
}
