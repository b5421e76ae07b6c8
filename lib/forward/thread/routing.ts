import { isDeepStrictEqual } from 'node:util'
import type { ZoneTable } from '../../query/zone.js'
import type { FoldedName } from '../../wire/folded-name.js'
import { ForwardZoneTable, NO_FORWARD_ZONE } from '../forward-zones.js'
import type { ParsedForward } from '../options.js'

/** No forward zone, and not what `forward` itself is asked either. */
export const OURS = -2

/** Whose a name is, by the zones of ours and the forward zones of one moment. Never changes: a reload puts another one in its place. */
export class Routing {
  readonly #zones: ZoneTable
  readonly #forwardZones: ForwardZoneTable

  /** `seed` is that with which the names are hashed. */
  constructor(zones: ZoneTable, forward: ParsedForward, seed: number) {
    this.#zones = zones
    this.#forwardZones = new ForwardZoneTable(
      forward.zones.map(({ zone }) => zone),
      seed,
    )
  }

  /** The forward zone that a name belongs to, NO_FORWARD_ZONE for none, OURS where a zone of our own is the longer one. */
  zoneOf(name: FoldedName, firstLabel = 0): number {
    const zone = this.#zones.match(name, firstLabel)
    const forwardZone = this.#forwardZones.match(name, firstLabel)
    if (zone === undefined) return forwardZone
    const labels = forwardZone === NO_FORWARD_ZONE ? -1 : this.#forwardZones.labelCountOf(forwardZone)
    return labels > zone.labelCount ? forwardZone : OURS
  }
}

/** Whether the same servers are asked for every name, in whatever order and at whatever times. */
export function asksTheSame(one: ParsedForward, other: ParsedForward): boolean {
  return isDeepStrictEqual(sourcesOf(one), sourcesOf(other))
}

function sourcesOf({ upstreams, resolvConf, zones }: ParsedForward) {
  return { upstreams, resolvConf, zones: zones.map((zone) => ({ zone: zone.zone, upstreams: zone.upstreams })) }
}
