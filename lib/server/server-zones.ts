import type { ParsedOptions } from '../options.js'
import { Zone, ZoneTable } from '../query/zone.js'
import { FoldedName } from '../wire/folded-name.js'

type ZoneOptions = Pick<ParsedOptions, 'zones' | 'negativeTtl'>

/** The zones of a server, as what checks its records knows them. */
export class ServerZones {
  readonly #seed: number
  #names!: readonly string[]
  /** In which zones records may be: those that are answered, but for a moment of a reload. */
  #places!: ZoneTable
  /** For `placeOf`, which is asked for each of a million names. */
  readonly #name = new FoldedName()

  constructor(options: ZoneOptions, seed: number) {
    this.#seed = seed
    this.use(options)
  }

  /** Of those that are answered. */
  get names(): readonly string[] {
    return this.#names
  }

  /** These are the ones that are answered. */
  use(options: ZoneOptions): void {
    this.#names = options.zones.map(({ name }) => name)
    this.checkBy(options)
  }

  /** Records are checked by these from now on, whichever are answered. */
  checkBy({ zones, negativeTtl }: ZoneOptions): void {
    this.#places = new ZoneTable(
      zones.map(({ name, selection }) => new Zone(name, negativeTtl, selection)),
      this.#seed,
    )
  }

  placeOf(name: Uint8Array): 'apex' | 'inside' | 'outside' {
    const folded = this.#name
    folded.read(name, 0, name.length, this.#seed)
    const zone = this.#places.match(folded)
    if (zone === undefined) return 'outside'
    return zone.labelCount === folded.labelCount ? 'apex' : 'inside'
  }
}
