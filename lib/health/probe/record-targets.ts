import { addressToText } from '../../clients/client-address.js'
import type { Logger } from '../../log.js'
import type { WireRRset } from '../../records/wire-rrset.js'
import { Type } from '../../wire/constants.js'
import { inSlices } from '../slices.js'
import { AddressProfiles } from './address-profiles.js'
import { addressesOf, hasTcp, isAddress, isSame, servicesOf } from './backend-records.js'
import type { ProbeTarget } from './check.js'
import type { ParsedProbes } from './options.js'
import { RefusedAddresses } from './refused-addresses.js'
import { SrvPorts } from './srv-ports.js'

export interface RecordTargetsOptions {
  readonly probes: ParsedProbes
  readonly logger: Logger
  /** The RRsets of a folded name, as the index has them now; to be used at once. */
  readonly read: (name: Uint8Array) => readonly WireRRset[]
  /** Whether `add` has been called for the name, if it is there. */
  readonly isFollowed: (name: Uint8Array) => boolean
  /** Targets that are new or have other ports, and those that are gone. */
  readonly onChange: (added: readonly ProbeTarget[], removed: readonly ProbeTarget[]) => void
  /** All that has changed has been passed on. */
  readonly onSettled: () => void
  /** There is room again, after addresses had to be left out: everything should be followed anew. */
  readonly onRoom: () => void
}

/** Changes of so long are passed on together. */
const FLUSH_MS = 50
/** Names that are remembered of an address, to see what share of their records is down; the rest is not looked at. */
const MAX_OWNERS = 4
/** Each is a connection for each probe. */
const MAX_PORTS = 16

interface Backend {
  readonly id: number
  readonly bytes: Uint8Array
  readonly address: string
  /** Records that have the address. */
  records: number
  /** By port, how many of these records an SRV record leads to. */
  readonly ports: Map<number, number>
  readonly owners: Uint8Array[]
  /** What the prober has been told. */
  target: ProbeTarget | undefined
}

/**
 * The addresses of a server's own records, as targets of probes. It is told of each name when it comes and when it goes, and keeps count.
 *
 * Main thread. The hundreds of bytes that an address takes here are those of backends that are probed, of which there are `maxTargets` at most.
 */
export class RecordTargets {
  readonly #options: RecordTargetsOptions
  readonly #refused: RefusedAddresses
  readonly #profiles: AddressProfiles
  readonly #backends = new Map<string, Backend>()
  readonly #byId = new Map<number, Backend>()
  readonly #srvPorts = new SrvPorts()
  readonly #changed = new Set<Backend>()
  #nextId = 0
  #timer: NodeJS.Timeout | undefined
  #isScanning = false
  #isFlushing = false
  /** Of the slice in hand. */
  #added: ProbeTarget[] = []
  #removed: ProbeTarget[] = []
  #hasLeftOut = false
  #targetCount = 0

  constructor(options: RecordTargetsOptions) {
    this.#options = options
    this.#refused = new RefusedAddresses(options.probes.allowed)
    this.#profiles = new AddressProfiles(options.probes.profileOf)
  }

  /** Whether all that has changed has been passed on. */
  get isSettled(): boolean {
    return !this.#isScanning && this.#changed.size === 0
  }

  /** How many are probed. */
  get count(): number {
    return this.#targetCount
  }

  *targets(): Generator<ProbeTarget, void, undefined> {
    for (const { target } of this.#backends.values()) if (target !== undefined) yield target
  }

  /** Everything is about to be added anew; nothing is passed on until `endScan`. */
  startScan(): void {
    this.#isScanning = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#hasLeftOut = false
    this.#srvPorts.clear()
    for (const backend of this.#backends.values()) {
      backend.records = 0
      backend.ports.clear()
      backend.owners.length = 0
      this.#changed.add(backend)
    }
  }

  endScan(): void {
    this.#isScanning = false
    this.#flush()
  }

  /** After the name has been written. It is folded, in wire form, and may be scratch. */
  add(name: Uint8Array, rrsets: readonly WireRRset[]): void {
    // The ports of those that SRV records of the same name lead to are counted once: here, or there.
    this.#countAddresses(name, rrsets, 1)
    this.#countPorts(name, rrsets, 1)
  }

  /** Before the name is written; with what it has. */
  remove(name: Uint8Array, rrsets: readonly WireRRset[]): void {
    this.#countPorts(name, rrsets, -1)
    this.#countAddresses(name, rrsets, -1)
  }

  /** Of RRsets that have the address, the addresses: those of a few of its names. */
  siblings(id: number): string[][] {
    const backend = this.#byId.get(id)
    if (backend === undefined) return []
    return backend.owners.flatMap((owner) =>
      this.#options
        .read(owner)
        .filter(({ type }) => isAddress(type))
        .map((rrset) => addressesOf(rrset).map(addressToText))
        .filter((addresses) => addresses.includes(backend.address)),
    )
  }

  /** The target with an address, if it is probed. */
  targetOf(id: number): ProbeTarget | undefined {
    return this.#byId.get(id)?.target
  }

  close(): void {
    clearTimeout(this.#timer)
    // Nothing is passed on any more.
    this.#isScanning = true
  }

  #countAddresses(name: Uint8Array, rrsets: readonly WireRRset[], delta: 1 | -1): void {
    if (!this.#isWanted(name)) return
    for (const rrset of rrsets) {
      if (!isAddress(rrset.type)) continue
      for (const address of addressesOf(rrset)) this.#countAddress(name, address, delta)
    }
  }

  #countAddress(name: Uint8Array, address: Uint8Array, delta: 1 | -1): void {
    const backend = delta === 1 ? this.#take(address) : this.#backends.get(keyOf(address))
    if (backend === undefined) return
    // What was left out for want of room may go without ever having been counted.
    backend.records = Math.max(0, backend.records + delta)
    for (const port of this.#srvPorts.of(name)) countPort(backend, port, delta)
    const at = backend.owners.findIndex((owner) => isSame(owner, name))
    if (delta === -1 && at !== -1) backend.owners.splice(at, 1)
    if (delta === 1 && at === -1 && backend.owners.length < MAX_OWNERS) backend.owners.push(name.slice())
    this.#touch(backend)
  }

  /** The ports that SRV records give the addresses of their targets. */
  #countPorts(name: Uint8Array, rrsets: readonly WireRRset[], delta: 1 | -1): void {
    if (!hasTcp(name)) return
    for (const rrset of rrsets) {
      if (rrset.type !== Type.SRV) continue
      for (const { target, port } of servicesOf(rrset)) {
        if (this.#srvPorts.count(target, port, delta)) this.#countPortOf(target, port, delta)
      }
    }
  }

  #countPortOf(target: Uint8Array, port: number, delta: 1 | -1): void {
    if (!this.#isWanted(target) || !this.#options.isFollowed(target)) return
    for (const rrset of this.#options.read(target)) {
      if (!isAddress(rrset.type)) continue
      for (const address of addressesOf(rrset)) {
        const backend = this.#backends.get(keyOf(address))
        if (backend === undefined) continue
        countPort(backend, port, delta)
        this.#touch(backend)
      }
    }
  }

  #isWanted(name: Uint8Array): boolean {
    const { zones } = this.#options.probes
    return zones === undefined || zones.some((zone) => isAtOrBelow(name, zone))
  }

  /** The backend with an address, which is made if there is room. */
  #take(address: Uint8Array): Backend | undefined {
    const key = keyOf(address)
    const known = this.#backends.get(key)
    if (known !== undefined) return known
    const { probes, logger } = this.#options
    if (this.#refused.has(address)) return undefined
    if (this.#backends.size >= probes.maxTargets) {
      if (!this.#hasLeftOut) {
        logger.warn(
          { maxTargets: probes.maxTargets },
          'there are more addresses than may be probed; the rest is left alone',
        )
      }
      this.#hasLeftOut = true
      return undefined
    }
    const backend: Backend = {
      id: this.#nextId++,
      bytes: address,
      address: addressToText(address),
      records: 0,
      ports: new Map(),
      owners: [],
      target: undefined,
    }
    this.#backends.set(key, backend)
    this.#byId.set(backend.id, backend)
    return backend
  }

  #touch(backend: Backend): void {
    this.#changed.add(backend)
    if (!this.#isScanning) this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS)
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // What changes while this goes on is met by it.
    if (!this.#isFlushing) void this.#flushSlices()
  }

  /** Passes on what has changed, in turns of the host's event loop that are short. */
  async #flushSlices(): Promise<void> {
    this.#isFlushing = true
    const [look, isOver, passOn] = [this.#look.bind(this), () => this.#isScanning, () => this.#passOn()]
    while (this.#changed.size > 0 && !this.#isScanning) await inSlices(this.#changed, look, isOver, passOn)
    this.#isFlushing = false
    if (this.#isScanning) return
    this.#options.onSettled()
    if (this.#hasLeftOut && this.#backends.size < this.#options.probes.maxTargets) {
      this.#hasLeftOut = false
      this.#options.onRoom()
    }
  }

  #look(backend: Backend): void {
    this.#changed.delete(backend)
    const before = backend.target
    const after = this.#targetFor(backend)
    if (backend.records === 0) {
      this.#backends.delete(keyOf(backend.bytes))
      this.#byId.delete(backend.id)
    }
    if (isSameTarget(before, after)) return
    backend.target = after
    this.#targetCount += Number(after !== undefined) - Number(before !== undefined)
    if (after !== undefined) this.#added.push(after)
    else if (before !== undefined) this.#removed.push(before)
  }

  #passOn(): void {
    const [added, removed] = [this.#added, this.#removed]
    if (added.length === 0 && removed.length === 0) return
    this.#added = []
    this.#removed = []
    this.#options.onChange(added, removed)
  }

  #targetFor({ id, address, bytes, records, ports }: Backend): ProbeTarget | undefined {
    if (records === 0) return undefined
    const profile = this.#profiles.of(bytes)
    const { check } = this.#options.probes.profiles[profile]!
    if (check === undefined) return undefined
    const own = [...ports.keys()].sort((a, b) => a - b).slice(0, MAX_PORTS)
    if (check.type === 'tcp' && own.length === 0 && check.ports.length === 0) return undefined
    const usesPorts = check.type === 'tcp' || check.type === 'hook'
    return { id, address, profile, ports: usesPorts ? own : [] }
  }
}

function isAtOrBelow(name: Uint8Array, zone: Uint8Array): boolean {
  for (let at = 0; at <= name.length - zone.length; at += name[at]! + 1) {
    if (name.length - at === zone.length) return isSame(name.subarray(at), zone)
  }
  return false
}

function countPort({ ports }: Backend, port: number, delta: 1 | -1): void {
  const count = (ports.get(port) ?? 0) + delta
  if (count > 0) ports.set(port, count)
  else ports.delete(port)
}

function isSameTarget(a: ProbeTarget | undefined, b: ProbeTarget | undefined): boolean {
  return a?.profile === b?.profile && a?.ports.join() === b?.ports.join()
}

function keyOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
