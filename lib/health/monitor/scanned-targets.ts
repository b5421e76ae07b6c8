import { addressFromText } from '../../clients/client-address.js'
import type { Logger } from '../../log.js'
import { AddressProfiles } from '../probe/address-profiles.js'
import type { ProbeTarget } from '../probe/check.js'
import type { ParsedProbes } from '../probe/options.js'
import { RefusedAddresses } from '../probe/refused-addresses.js'
import { inSlices } from '../slices.js'

export interface ScannedTargetsOptions {
  readonly probes: ParsedProbes
  readonly logger: Logger
  /** Whether an address is ours to probe, by what is known now. */
  readonly isOurs: (address: string) => boolean
  readonly onAdd: (targets: readonly ProbeTarget[]) => void
  readonly onDrop: (target: ProbeTarget) => void
  /** An address was looked at anew. */
  readonly onPlaced: (address: string) => void
}

/** An address that has a status. */
interface Known {
  readonly ports: readonly number[]
  /** In which load, or since which, it was last seen. */
  readonly load: number
}

/** New targets of so long are passed on together. */
const BATCH_MS = 20
/** After one has gone, until those are looked at for which there was no room. */
const ROOM_MS = 1_000

/** The addresses that have a status in etcd, and those of them that this scanner probes. */
export class ScannedTargets {
  readonly #options: ScannedTargetsOptions
  readonly #refused: RefusedAddresses
  readonly #profiles: AddressProfiles
  readonly #known = new Map<string, Known>()
  readonly #targets = new Map<string, ProbeTarget>()
  readonly #byId = new Map<number, string>()
  /** What was found of these is to be found anew. */
  #outdated = new Set<string>()
  #nextId = 0
  #load = 0
  #added: ProbeTarget[] = []
  #addTimer: NodeJS.Timeout | undefined
  /** How often it was begun to look whose all are. */
  #shares = 0
  /** There was no room for some. */
  #hasLeftOut = false
  #roomTimer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: ScannedTargetsOptions) {
    this.#options = options
    this.#refused = new RefusedAddresses(options.probes.allowed)
    this.#profiles = new AddressProfiles(options.probes.profileOf)
  }

  /** How many are probed. */
  get count(): number {
    return this.#targets.size
  }

  /** How many have a status, whoever probes them. */
  get knownCount(): number {
    return this.#known.size
  }

  all(): Iterable<ProbeTarget> {
    return this.#targets.values()
  }

  has(address: string): boolean {
    return this.#targets.has(address)
  }

  addressOf(id: number): string | undefined {
    return this.#byId.get(id)
  }

  /** Everything is about to be told anew. */
  startLoad(): void {
    this.#load++
  }

  /** What the load has not told of is gone. */
  endLoad(onGone: (address: string) => void): Promise<void> {
    const load = this.#load
    const look = ([address, known]: [string, Known]) => {
      if (known.load !== load) onGone(address)
    }
    return inSlices(this.#known, look, () => this.#isClosed || this.#load !== load)
  }

  know(address: string, ports: readonly number[]): void {
    this.#known.set(address, { ports, load: this.#load })
    this.#place(address)
  }

  forget(address: string): void {
    this.#known.delete(address)
    this.#place(address)
  }

  /** Begins anew with all that are probed, as their states say nothing any more. */
  outdate(): void {
    this.#outdated = new Set(this.#targets.keys())
  }

  /** Works out anew whose each address is, in slices. */
  share(): void {
    const share = ++this.#shares
    const isOver = () => this.#isClosed || share !== this.#shares
    const look = (address: string) => {
      this.#place(address)
      this.#options.onPlaced(address)
    }
    void inSlices(this.#known.keys(), look, isOver)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#addTimer)
    clearTimeout(this.#roomTimer)
  }

  /** Has an address probed, or not, by what is known now. */
  #place(address: string): void {
    if (this.#isClosed) return
    if (this.#outdated.delete(address)) this.#drop(address)
    const before = this.#targets.get(address)
    const ports = this.#options.isOurs(address) ? this.#known.get(address)?.ports : undefined
    const after = ports && this.#targetOf(address, ports, before)
    if (before?.profile === after?.profile && before?.ports.join() === after?.ports.join()) return
    if (after === undefined) this.#drop(address)
    else {
      this.#targets.set(address, after)
      this.#byId.set(after.id, address)
      this.#addSoon(after)
    }
  }

  #drop(address: string): void {
    const target = this.#targets.get(address)
    if (target === undefined) return
    this.#targets.delete(address)
    this.#byId.delete(target.id)
    this.#options.onDrop(target)
    if (this.#hasLeftOut) this.#roomTimer ??= setTimeout(() => this.#fillRoom(), ROOM_MS)
  }

  #fillRoom(): void {
    this.#roomTimer = undefined
    this.#hasLeftOut = false
    this.share()
  }

  #addSoon(target: ProbeTarget): void {
    this.#added.push(target)
    this.#addTimer ??= setTimeout(() => {
      this.#addTimer = undefined
      const added = this.#added.filter((each) => this.#targets.get(each.address) === each)
      this.#added = []
      this.#options.onAdd(added)
    }, BATCH_MS)
  }

  #targetOf(address: string, ports: readonly number[], before: ProbeTarget | undefined): ProbeTarget | undefined {
    const bytes = addressFromText(address)!
    if (this.#refused.has(bytes)) return undefined
    const profile = this.#profiles.of(bytes)
    const { check } = this.#options.probes.profiles[profile]!
    if (check === undefined || (check.type === 'tcp' && ports.length + check.ports.length === 0)) return undefined
    if (before === undefined && !this.#hasRoom()) return undefined
    const usesPorts = check.type === 'tcp' || check.type === 'hook'
    return { id: before?.id ?? this.#nextId++, address, profile, ports: usesPorts ? ports : [] }
  }

  #hasRoom(): boolean {
    const { probes, logger } = this.#options
    if (this.#targets.size < probes.maxTargets) return true
    if (!this.#hasLeftOut) {
      const { maxTargets } = probes
      logger.warn({ maxTargets }, 'there are more addresses than may be probed; the rest is left alone')
    }
    this.#hasLeftOut = true
    return false
  }
}
