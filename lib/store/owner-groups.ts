import type { RRset } from '../records/rrset.js'
import type { RRsetEncoder } from '../records/wire-rrset.js'

/** What one call of `put` wants for one owner. */
export interface OwnerGroup {
  /** Folded, in wire form, in bytes of its own. */
  readonly owner: Uint8Array
  /** One for each type and view, in no use as keys: of two in one call, the later has replaced the earlier. */
  readonly rrsets: Map<string, RRset>
}

/**
 * The RRsets of one call, sorted by owner, after all of them have passed: names and data are encoded on trial.
 *
 * Throws the codes of the encoder. Waits between slices, so nothing may be written before it is through.
 */
export async function groupByOwner(
  rrsets: readonly RRset[],
  encoder: RRsetEncoder,
  pause: () => Promise<void> | undefined,
): Promise<OwnerGroup[]> {
  const groups = new Map<string, OwnerGroup>()
  for (const rrset of rrsets) {
    const wait = pause()
    if (wait !== undefined) await wait
    encoder.reset()
    encoder.encode(rrset.type, rrset.ttl ?? 0, rrset.data, rrset)
    const owner = encoder.name(rrset.name)
    const key = ownerKey(owner)
    let group = groups.get(key)
    if (group === undefined) {
      group = { owner: owner.slice(), rrsets: new Map() }
      groups.set(key, group)
    }
    group.rrsets.set(`${rrset.type} ${rrset.view ?? ''}`, rrset)
  }
  return [...groups.values()]
}

/** A name in wire form as the key of a Map: a character for each octet. */
export function ownerKey(owner: Uint8Array): string {
  return Buffer.from(owner.buffer, owner.byteOffset, owner.length).toString('latin1')
}
