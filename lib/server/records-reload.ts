import { isDeepStrictEqual } from 'node:util'
import type { ParsedOptions } from '../options.js'
import type { Publisher } from '../publish/publisher.js'
import { restartNeeded } from '../reloaded-options.js'
import type { Apply, OptionsChange, ReloadablePart } from './server-reload.js'
import type { ServerZones } from './server-zones.js'

/** Brings the records in line with other zones and another TTL. */
export class RecordsReload implements ReloadablePart {
  readonly #zones: ServerZones
  readonly #publisher: Publisher

  constructor({ zones, publisher }: { readonly zones: ServerZones; readonly publisher: Publisher }) {
    this.#zones = zones
    this.#publisher = publisher
  }

  async prepare({ before, next, load, onFailure }: OptionsChange): Promise<Apply> {
    refuseOtherReverseZones(before, next)
    const reads = load ?? rereads(before, next)
    if (reads !== undefined) {
      onFailure(async () => this.#checkBy(before))
      // Records are checked by the zones and the TTL to come while they are read.
      this.#checkBy(next)
      await reads()
    }
    return () => this.#zones.use(next)
  }

  #checkBy(options: ParsedOptions): void {
    this.#zones.checkBy(options)
    this.#publisher.defaultTtl = options.defaultTtl
  }
}

/** Where nothing follows the source of the records, they are read again for other zones and another TTL. */
function rereads(now: ParsedOptions, { zones, defaultTtl }: ParsedOptions): (() => Promise<void>) | undefined {
  const { store } = now
  const hasOtherTtl = defaultTtl !== now.defaultTtl
  if (store.reload === undefined) {
    if (!hasOtherTtl) return undefined
    throw restartNeeded('defaultTtl', `is another with a store of ${store.kind}`)
  }
  return hasOtherTtl || hasOtherNames(zones, now.zones) ? () => store.reload!() : undefined
}

/** PTR records are made as addresses are written. */
function refuseOtherReverseZones({ synthesizePtr, zones }: ParsedOptions, next: ParsedOptions): void {
  if (!synthesizePtr || !hasOtherNames(zones, next.zones)) return
  throw restartNeeded('zones', 'have other names with synthesizePtr')
}

function hasOtherNames(zones: ParsedOptions['zones'], others: ParsedOptions['zones']): boolean {
  const names = (given: ParsedOptions['zones']) => given.map(({ name }) => name)
  return !isDeepStrictEqual(names(zones), names(others))
}
