import type { FastRandom } from '../../fast-random.js'
import { HAS_WEIGHTS, SideView, sideWeight, UNSET } from '../../records/rrset-side.js'
import {
  AFFINITIES,
  type Affinity,
  DEFAULT_SELECTION,
  MAX_RECORDS,
  type ParsedSelectionOptions,
  SELECTION_POLICIES,
  type SelectionPolicy,
} from '../../records/selection-options.js'
import { RDLENGTH_SIZE, Type } from '../../wire/constants.js'
import { FoldedName } from '../../wire/folded-name.js'
import type { QuerySettings } from '../query-context.js'
import { Wildcards } from '../wildcards.js'
import type { QueryClient } from './query-client.js'
import { RecordSelection } from './record-selection.js'

/** In SRV rdata, priority, weight and port stand before the target (RFC 2782). */
const SRV_TARGET = RDLENGTH_SIZE + 6
const DEFAULT_WEIGHT = 1
/** How many CNAMEs are followed for one answer's services, and how many labels they lead to: as many as names whose addresses come along, and as in a chain. */
const MAX_ALIASES = 16
const MAX_ALIAS_LABELS = 160

/**
 * Which records of an RRset are answered, and in which order: the one place where policies, weights and health come together.
 *
 * `chooseBy`, then, for each RRset under the index' cursor, `open` and `choose`. Made once per thread. Allocates nothing.
 */
export class ChosenRecords {
  /** The RRset that was opened. Its index cursor may have moved on; these stay until the next `open`. */
  bytes: Uint8Array = new Uint8Array(0)
  type = 0
  ttl = 0
  readonly #settings: QuerySettings
  readonly #client: QueryClient
  readonly #selection: RecordSelection
  readonly #side = new SideView()
  readonly #wildcards: Wildcards
  readonly #target = new FoldedName()
  #aliasesLeft = 0
  #aliasLabelsLeft = 0
  /** Where each record stands, for `take`. */
  readonly #places = new Uint32Array(MAX_RECORDS)
  #count = 0
  #wireStart = 0
  #sideStart = 0
  #hasSide = false
  /** Whether the records are backends, of which some may be answered and others not. */
  #areBackends = false
  /** What holds for the owner of the RRsets to come. */
  #ofZone: ParsedSelectionOptions = DEFAULT_SELECTION
  #ownerHash = 0
  #takesAll = false
  #isAdditional = false
  /** What holds for the RRset that was opened. */
  #policy: SelectionPolicy = 'shuffle'
  #maxAnswers = MAX_RECORDS
  #affinity: Affinity = 'address'

  constructor(settings: QuerySettings, random: FastRandom, client: QueryClient) {
    this.#settings = settings
    this.#client = client
    this.#selection = new RecordSelection(random)
    this.#wildcards = new Wildcards(settings)
  }

  /** Where the rdlength of each record stands in `bytes`; as many as `choose` has returned. */
  get positions(): Uint32Array {
    return this.#selection.positions
  }

  /** RRsets to come are chosen from as their zone has it, unless they say otherwise; `ownerHash` is what `rotate` takes turns by. */
  chooseBy(ofZone: ParsedSelectionOptions, ownerHash: number, isAdditional = false): void {
    this.#ofZone = ofZone
    this.#ownerHash = ownerHash
    this.#takesAll = false
    this.#isAdditional = isAdditional
  }

  /** RRsets to come are answered whole, whatever is said of them: glue is no choice of backends. */
  chooseAll(): void {
    this.#takesAll = true
  }

  /** Takes the RRset under the index' cursor. Returns whether all of it is to be answered. */
  open(): boolean {
    const { index, health } = this.#settings
    this.bytes = index.bytes
    this.type = index.type
    this.ttl = index.ttl
    this.#count = index.count
    this.#wireStart = index.wireStart
    this.#hasSide = false
    this.#areBackends =
      !this.#takesAll && (index.type === Type.A || index.type === Type.AAAA || index.type === Type.SRV)
    if (!this.#areBackends) {
      this.#policy = 'shuffle'
      this.#maxAnswers = MAX_RECORDS
      return true
    }
    this.#policy = this.#ofZone.policy
    this.#maxAnswers = this.#ofZone.maxAnswers
    this.#affinity = this.#ofZone.affinity
    if (index.saysHowToAnswer) this.#readSide()
    return this.#count <= this.#maxAnswers && !health.anyUnhealthy
  }

  /**
   * Chooses from the RRset that was opened; returns how many records are to be answered, or 0 when all are down and nothing is to be
   * answered then. More than `room`, the most that fit, where that has come out before all were looked at. May move the index' cursor.
   */
  choose(room: number): number {
    const { health } = this.#settings
    const selection = this.#selection
    if (this.#count === 1 && !(this.#areBackends && health.anyUnhealthy)) {
      selection.positions[0] = this.#wireStart
      return 1
    }
    this.#collect(this.#wireStart, this.#count)
    if (this.#areBackends && health.anyUnhealthy) {
      // Where a few are chosen of many, all must be known.
      const most = this.#maxAnswers > room ? room : MAX_RECORDS
      const usable = this.#markUsable(most)
      if (usable > most) return usable
      if (usable === 0 && this.#answersNothing()) return 0
      if (usable > 0) selection.keepUsable()
      else if (this.#settings.allUnhealthy === 'fallback' && this.#hasSide && this.#side.fallbackCount > 0) {
        this.#collect(this.#side.fallbackStart, this.#side.fallbackCount)
      }
    }
    const clientKey = this.#policy === 'clientHash' ? this.#client.key(this.#affinity) : 0
    return selection.select(this.#policy, this.#maxAnswers, this.#ownerHash, this.type, clientKey, this.bytes)
  }

  /** Instead of `choose`: takes records by their numbers in the RRset that was opened, in this order. */
  take(numbers: Uint16Array, count: number): void {
    const { positions } = this.#selection
    const places = this.#places
    let position = this.#wireStart
    for (let i = 0; i < this.#count; i++) {
      places[i] = position
      position += RDLENGTH_SIZE + ((this.bytes[position]! << 8) | this.bytes[position + 1]!)
    }
    for (let i = 0; i < count; i++) positions[i] = places[numbers[i]!]!
  }

  /** For all of an RRset that is down. What comes along is a courtesy, and no help if it does not work: who needs it asks. */
  #answersNothing(): boolean {
    const { allUnhealthy } = this.#settings
    const hasFallback = allUnhealthy === 'fallback' && this.#hasSide && this.#side.fallbackCount > 0
    return allUnhealthy === 'none' || (this.#isAdditional && !hasFallback)
  }

  #readSide(): void {
    const { index } = this.#settings
    const side = this.#side
    index.findSide()
    side.read(index.bytes, index.sideStart, index.count)
    this.#hasSide = true
    this.#sideStart = index.sideStart
    if (side.policy !== UNSET) this.#policy = SELECTION_POLICIES[side.policy - 1]!
    if (side.affinity !== UNSET) this.#affinity = AFFINITIES[side.affinity - 1]!
    if (side.maxAnswers !== UNSET) this.#maxAnswers = side.maxAnswers
  }

  #collect(start: number, count: number): void {
    const selection = this.#selection
    if (this.type === Type.SRV) {
      selection.collectServices(this.bytes, start, count)
      return
    }
    selection.collect(this.bytes, start, count)
    if (this.#policy !== 'weighted') return
    const isWeighted = this.#hasSide && start === this.#wireStart && (this.#side.flags & HAS_WEIGHTS) !== 0
    for (let i = 0; i < count; i++) {
      selection.weights[i] = isWeighted ? sideWeight(this.bytes, this.#sideStart, i) : DEFAULT_WEIGHT
    }
  }

  /** Marks the records that are not down, and returns how many they are; stops once they are more than `most`. */
  #markUsable(most: number): number {
    const { health } = this.#settings
    const { positions, usable } = this.#selection
    const isService = this.type === Type.SRV
    const addressSize = this.type === Type.A ? 4 : 16
    let count = 0
    this.#aliasesLeft = MAX_ALIASES
    this.#aliasLabelsLeft = MAX_ALIAS_LABELS
    for (let i = 0; i < this.#count && count <= most; i++) {
      const at = positions[i]!
      const isDown = isService
        ? this.#isTargetDown(at)
        : health.isUnhealthy(this.bytes, at + RDLENGTH_SIZE, addressSize)
      usable[i] = isDown ? 0 : 1
      if (!isDown) count++
    }
    return count
  }

  /**
   * Whether an SRV record leads to a host of ours with addresses, be they a wildcard's, all of which are down. RFC 2782: a target must
   * not be an alias; what is behind one that is all the same is looked at, though nothing of it comes along.
   */
  #isTargetDown(at: number): boolean {
    const target = this.#target
    const { seed } = this.#settings.index
    const end = at + RDLENGTH_SIZE + ((this.bytes[at]! << 8) | this.bytes[at + 1]!)
    let isName = target.read(this.bytes, at + SRV_TARGET, end, seed)
    while (isName) {
      const found = this.#lookAtTarget()
      if (found !== 'alias') return found === 'down'
      isName = this.#readAlias()
    }
    return false
  }

  /** What is at the target; of an alias, the CNAME is under the index' cursor then. */
  #lookAtTarget(): 'down' | 'alias' | 'else' {
    const { index, zones } = this.#settings
    const target = this.#target
    const zone = zones.match(target)
    if (zone === undefined || !this.#wildcards.findTarget(zone, target)) return 'else'
    const hasIpv4 = index.findType(Type.A)
    if (hasIpv4 && !this.#areAllDown(4)) return 'else'
    const hasIpv6 = index.findType(Type.AAAA)
    if (hasIpv6 && !this.#areAllDown(16)) return 'else'
    if (hasIpv4 || hasIpv6) return 'down'
    return index.findType(Type.CNAME) ? 'alias' : 'else'
  }

  /** Makes what a CNAME leads to the target. False once too many have been followed: a circle ends there, too. */
  #readAlias(): boolean {
    const { index } = this.#settings
    const target = this.#target
    if (this.#aliasesLeft === 0 || this.#aliasLabelsLeft <= 0) return false
    this.#aliasesLeft--
    const start = index.wireStart + RDLENGTH_SIZE
    if (!target.read(index.bytes, start, index.wireStart + index.wireLength, index.seed)) return false
    this.#aliasLabelsLeft -= target.labelCount
    return true
  }

  /** The same for the addresses under the index' cursor. */
  #areAllDown(addressSize: number): boolean {
    const { index, health } = this.#settings
    const { bytes, count, wireStart } = index
    for (let i = 0, at = wireStart + RDLENGTH_SIZE; i < count; i++, at += RDLENGTH_SIZE + addressSize) {
      if (!health.isUnhealthy(bytes, at, addressSize)) return false
    }
    return true
  }
}
