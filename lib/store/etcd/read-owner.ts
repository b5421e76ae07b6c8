import type { EtcdClient, KeyValue, RangeRequest, RangeResponse } from './client.js'
import { type ContainerdnsLayout, endOfFolder } from './layout-containerdns.js'
import type { LeafIndex } from './leaf-index.js'
import type { OwnerState, StoredKey } from './owner-plan.js'

/**
 * Keys that we read to find an owner's leaves. Its own key's range holds those of all names below it as well, which for a zone
 * is everything there is; etcd cannot tell them apart.
 */
const MAX_KEYS = 1000
const MAX_OPERATIONS = 128

/**
 * What etcd holds of an owner.
 *
 * Read from the range of its own key; where that is too large, key by key as the index knows them. `candidates`
 * are keys that might be written. In the second case keys that others have only just added go unseen, and stay.
 */
export async function readOwner(
  client: EtcdClient,
  owner: Uint8Array,
  candidates: readonly Buffer[],
  layout: ContainerdnsLayout,
  index: LeafIndex,
  timeoutMs: number,
): Promise<OwnerState> {
  const folder = layout.folderOf(owner)
  const known = index.leavesOf(owner).map((leaf) => ({ path: leaf.path, key: layout.keyOf(owner, leaf.path) }))
  const whole: RangeRequest = { key: Buffer.from(folder, 'latin1'), range_end: endOfFolder(folder), limit: MAX_KEYS }
  // The owner's own key without its last slash, and keys in capitals, lie outside of the range.
  const outside = [
    Buffer.from(folder.slice(0, -1), 'latin1'),
    ...known.filter(({ path }) => path.startsWith('/')).map(({ key }) => key),
  ]
  const first = await readAll(client, [whole, ...outside.map((key) => ({ key }))], timeoutMs)
  const isWhole = first.responses[0]!.more !== true
  const keys = new Map<string, StoredKey>()
  const add = (kv: KeyValue) => keys.set(kv.key.toString('latin1'), storedKey(kv, owner, layout))
  for (const { kvs } of isWhole ? first.responses : first.responses.slice(1)) kvs.forEach(add)
  if (!isWhole) {
    const inside = [...known.filter(({ path }) => !path.startsWith('/')).map(({ key }) => key), ...candidates]
    const second = await readAll(
      client,
      inside.map((key) => ({ key })),
      timeoutMs,
    )
    for (const { kvs } of second.responses) kvs.forEach(add)
  }
  return { owner, revision: first.revision, keys, isWhole }
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
function storedKey({ key, value, mod_revision }: KeyValue, owner: Uint8Array, layout: ContainerdnsLayout): StoredKey {
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
