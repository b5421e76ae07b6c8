import type { EtcdClient, KeyValue } from './client.js'

/** etcd's limit for one transaction. */
const MAX_OPERATIONS = 128

/** What single keys hold at one revision; undefined: there is no such key. */
export interface KeysRead {
  readonly revision: number
  readonly values: readonly (readonly [key: Buffer, value: KeyValue | undefined])[]
}

/** Reads keys, as many at a time as go into a transaction. */
export async function* readKeys(
  client: EtcdClient,
  keys: readonly Buffer[],
  timeoutMs: number,
): AsyncGenerator<KeysRead> {
  for (let at = 0; at < keys.length; at += MAX_OPERATIONS) {
    const some = keys.slice(at, at + MAX_OPERATIONS)
    const success = some.map((key) => ({ request_range: { key } }))
    const { header, responses } = await client.txn({ compare: [], success }, timeoutMs)
    const values = some.map((key, i) => [key, responses[i]!.response_range.kvs[0]] as const)
    yield { revision: Number(header.revision), values }
  }
}
