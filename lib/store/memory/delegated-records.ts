import type { StagedOwner, StagedRecord, StagedRecords, StagedZone } from './staged-records.js'

/** RFC 4035 §3.1.4.1: at a cut, this type alone is the upper zone's. */
const DS = 43

/**
 * What a zone file says of a zone below its own that another file has: NS records and glue, for those who ask the upper zone. Where both are
 * here the lower one speaks for itself (RFC 2181 §6.1), and what the upper one thinks of it must not be mixed with that.
 *
 * Whose a zone is, an SOA record tells. Files without any may say something of all zones.
 */
export class DelegatedRecords {
  /** The zones that files have, by their apexes; undefined where no file has one below that of another. */
  readonly #zones: ReadonlyMap<string, readonly StagedZone[]> | undefined

  constructor({ zones }: StagedRecords) {
    const byApex = new Map<string, StagedZone[]>()
    for (const zone of zones) {
      const key = keyOf(zone.apex)
      const others = byApex.get(key)
      if (others === undefined) byApex.set(key, [zone])
      else others.push(zone)
    }
    const isNested = ([apex]: [string, unknown]) => ancestorsOf(apex).some((above) => byApex.has(above))
    this.#zones = [...byApex].some(isNested) ? byApex : undefined
  }

  /** An owner without such records. */
  without(owner: StagedOwner): StagedOwner {
    if (this.#zones === undefined) return owner
    const name = keyOf(owner.name)
    const zones = [name, ...ancestorsOf(name)].flatMap((apex) => this.#zones!.get(apex) ?? [])
    if (zones.length < 2) return owner
    return { ...owner, records: owner.records.filter((record) => !isDelegated(record, zones)) }
  }
}

/** `zones` hold the record's owner, the lowest first. */
function isDelegated({ type, source, view }: StagedRecord, zones: readonly StagedZone[]): boolean {
  const own = zones.find((zone) => zone.source === source)
  if (own === undefined || type === DS) return false
  // Clients of a view see the default one's zones too.
  return zones.some((zone) => zone.apex.length > own.apex.length && (zone.view === view || zone.view === 0))
}

/** The names above one, nearest first. */
function ancestorsOf(name: string): string[] {
  const names: string[] = []
  for (let at = 0; name.charCodeAt(at) !== 0; ) {
    at += 1 + name.charCodeAt(at)
    names.push(name.slice(at))
  }
  return names
}

/** A name in wire form, an octet a character. */
function keyOf(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1')
}
