import type { ContainerDns } from 'containerdns'
import type { KubernetesBridge } from 'containerdns/kubernetes'
import { eventually } from '../../support/eventually.js'
import type { Etcd } from '../../support/start-etcd.js'

const CONVERGE_MS = 60_000

/** Resolves to the number of names once each of `servers` has all that `fresh` has and nothing else, and `beside` holds. */
export async function sameRecords(
  fresh: ContainerDns,
  servers: readonly ContainerDns[],
  beside: () => Promise<void> = async () => {},
): Promise<number> {
  const wanted = await recordsOf(fresh)
  await eventually(async () => {
    for (const server of servers) {
      const found = await recordsOf(server)
      const other = [...wanted, ...found].find(([name]) => wanted.get(name) !== found.get(name))
      if (other !== undefined)
        throw new Error(`${other[0]} is ${found.get(other[0])} in place of ${wanted.get(other[0])}`)
    }
    await beside()
  }, CONVERGE_MS)
  return wanted.size
}

/** Throws unless etcd has as many keys of records as a bridge knows: no orphan. */
export async function sameKeys(etcd: Etcd, bridge: KubernetesBridge): Promise<void> {
  const kept = (await etcd.ctl('get', '--prefix', '--keys-only', '/containerdns')).split('\n')
  const keys = kept.filter((key) => key !== '' && !key.startsWith('/containerdns.kubernetes/'))
  const { keys: known } = bridge.status()
  if (keys.length !== known) throw new Error(`there are ${keys.length} keys in etcd, and the bridge knows ${known}`)
}

/** All records of a server, by name: types and data in order. */
async function recordsOf(server: ContainerDns): Promise<Map<string, string>> {
  const records = new Map<string, string[]>()
  for await (const { name, type, ttl, data, view } of server.records.list()) {
    const items = data.map((item) => JSON.stringify(item)).sort()
    records.set(name, [...(records.get(name) ?? []), `${type} ${ttl} ${view ?? ''} ${items.join(' ')}`])
  }
  return new Map(Array.from(records, ([name, lines]) => [name, lines.sort().join('; ')]))
}
