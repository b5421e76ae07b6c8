import type { HealthState } from '../record-store.js'
import { HEALTH_PLACE } from './health-words.js'
import type { IndexCheckOptions } from './index-check.js'
import { readKeys } from './read-keys.js'

/**
 * The addresses whose health is not what etcd says. `keys` are all that etcd had at `revision`, by their address: their values are read
 * here, since nothing remembers the revision of a word.
 *
 * An address can have several keys, of several prefixes; which of them spoke last is not known, so each of them may be right.
 */
export async function findHealthDiscrepancies(
  { client, layout, index, touched, slice, caughtUp, requestTimeoutMs }: IndexCheckOptions,
  keys: ReadonlyMap<string, readonly Buffer[]>,
  revision: number,
): Promise<readonly string[]> {
  const said = new Map<string, HealthState[]>()
  for (const address of index.health.knownAddresses()) said.set(address, [])
  let last = revision
  for await (const read of readKeys(client, [...keys.values()].flat(), requestTimeoutMs)) {
    last = read.revision
    for (const [key, kv] of read.values) {
      const wait = slice()
      if (wait !== undefined) await wait
      if (kv === undefined) continue
      const address = layout.healthAddress(key)!
      const decoded = layout.decode(key, kv.value)
      const state = decoded.kind === 'health' ? decoded.state : 'unknown'
      said.set(address, [...(said.get(address) ?? []), state])
    }
  }
  await caughtUp(last)
  const isRight = ([address, states]: [string, HealthState[]]) => {
    const held = index.health.stateOf(address)
    if (touched.has(HEALTH_PLACE, address)) return true
    return states.length === 0 ? held === 'unknown' : states.includes(held)
  }
  return [...said].filter((each) => !isRight(each)).map(([address]) => address)
}
