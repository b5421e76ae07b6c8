import { type Clock, systemClock } from '../../lib/clock.js'
import { type Logger, silentLogger } from '../../lib/log.js'
import { type IndexImage, openImage } from '../../lib/record-index/index-image.js'
import type { RRset } from '../../lib/records/rrset.js'
import { NO_VIEWS } from '../../lib/records/view.js'
import { decodeRRset, type WireRRset } from '../../lib/records/wire-rrset.js'
import type { BadRecord, HealthState, OwnerVisitor, StoreSink } from '../../lib/store/record-store.js'
import { foldName, nameFromText } from '../../lib/wire/name.js'

export interface Write {
  readonly name: string
  readonly rrsets: readonly RRset[]
}

/**
 * A server as a store sees it, over a Map. As careless with memory as the real one: what `read` gave is overwritten at the
 * next turn of the event loop, and what `write` was given is copied at once.
 */
export class MapSink implements StoreSink {
  readonly defaultTtl: number = 30
  readonly logger: Logger = silentLogger
  readonly clock: Clock = systemClock
  readonly seed = 0x5eed
  loaderFile = new URL('../../dist/workers/loader.js', import.meta.url).href
  readonly errors: Error[] = []
  readonly views: readonly string[] = NO_VIEWS
  /** Every write that changed something, in order. */
  readonly writes: Write[] = []
  readonly bad: BadRecord[] = []
  /** Addresses of which something is known. */
  readonly health: Record<string, HealthState> = {}
  /** `down` and `up`, in order. */
  readonly reports: string[] = []
  readonly #owners = new Map<string, readonly WireRRset[]>()

  read(name: Uint8Array): readonly WireRRset[] {
    const rrsets = (this.#owners.get(keyOf(name)) ?? []).map(copyOf)
    setImmediate(() => rrsets.forEach(spoil))
    return rrsets
  }

  hasNamesBelow(name: Uint8Array): boolean {
    const key = keyOf(name)
    return [...this.#owners.keys()].some((owner) => owner !== key && owner.endsWith(key))
  }

  /** Every name is in our zones here. */
  checkPlace(): void {}

  write(name: Uint8Array, rrsets: readonly WireRRset[]): void {
    const key = keyOf(name)
    const copies = rrsets.map(copyOf)
    if (sameRRsets(this.#owners.get(key) ?? [], copies)) return
    if (copies.length === 0) this.#owners.delete(key)
    else this.#owners.set(key, copies)
    const owner = name.slice()
    this.writes.push({ name: decodeName(owner), rrsets: copies.map((rrset) => decodeRRset(owner, rrset)) })
  }

  async replaceAll(image: IndexImage): Promise<number> {
    const before = this.writes.length
    await this.forEachDifference(image, (name, rrsets) => this.write(name, rrsets))
    return this.writes.length - before
  }

  async forEachDifference(image: IndexImage, visit: OwnerVisitor): Promise<void> {
    const wanted = openImage(image)
    const there = new Set<string>()
    for (let bucket = 0; bucket < wanted.bucketCount; bucket++) {
      wanted.visitBucket(bucket, wanted.bucketCount, (_hash, bytes, start, length) => {
        if (!wanted.hasStored) return
        const name = bytes.slice(start, start + length)
        there.add(keyOf(name))
        const rrsets = wanted.rrsets()
        if (!sameRRsets(this.#owners.get(keyOf(name)) ?? [], rrsets.map(copyOf))) visit(name, rrsets)
      })
      const pause = this.pause()
      if (pause !== undefined) await pause
    }
    for (const key of [...this.#owners.keys()]) {
      if (!there.has(key)) visit(Uint8Array.from(Buffer.from(key, 'latin1')), [])
    }
  }

  async forEachOwner(visit: (name: Uint8Array, rrsets: readonly WireRRset[]) => void): Promise<void> {
    for (const [key, rrsets] of [...this.#owners]) {
      const pause = this.pause()
      if (pause !== undefined) await pause
      const name = Uint8Array.from(Buffer.from(key, 'latin1'))
      const pieces = rrsets.map(copyOf)
      visit(name, pieces)
      name.fill(0xee)
      pieces.forEach(spoil)
    }
  }

  #turns = 0
  /** Every hundredth call ends a slice, so that others always come between. */
  pause(): Promise<void> | undefined {
    this.#turns++
    return this.#turns % 100 === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined
  }

  /** How many writes all threads answer with. They take a few turns of the event loop to move on. */
  settledWrites = 0
  async settled(): Promise<void> {
    const writes = this.writes.length
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
    this.settledWrites = Math.max(this.settledWrites, writes)
  }

  setHealth(address: string, state: HealthState): void {
    if (state === 'unknown') delete this.health[address]
    else this.health[address] = state
  }

  reportBadRecord(bad: BadRecord): void {
    this.bad.push(bad)
  }

  reportDown(cause: Error): void {
    if (!(cause instanceof Error)) throw new Error('reportDown wants an Error')
    this.reports.push('down')
  }

  openReader(): never {
    throw new Error('there is no shared memory behind a Map')
  }

  reportError(error: Error): void {
    this.errors.push(error)
  }

  reportUp(): void {
    this.reports.push('up')
  }

  /** The names that have records, sorted. */
  names(): string[] {
    return [...this.#owners.keys()].map((key) => decodeName(Buffer.from(key, 'latin1'))).sort()
  }

  /** What a name answers with, a line a record as in a zone file, sorted. */
  lines(name: string): string[] {
    const owner = nameFromText(name)
    foldName(owner, 0, owner.length)
    return (this.#owners.get(keyOf(owner)) ?? [])
      .map((rrset) => decodeRRset(owner, rrset))
      .flatMap(({ ttl, type, data }) => data.map((item) => `${ttl} ${type} ${textOf(item)}`))
      .sort()
  }

  /** Everything there is. */
  dump(): Record<string, string[]> {
    return Object.fromEntries(this.names().map((name) => [name, this.lines(name)]))
  }

  sideLength(name: string): number {
    return (this.#owners.get(keyOf(nameFromText(name))) ?? []).reduce((sum, rrset) => sum + rrset.sideLength, 0)
  }
}

function textOf(data: unknown): string {
  return typeof data === 'string'
    ? data
    : Array.isArray(data)
      ? data.map((text) => JSON.stringify(text)).join(' ')
      : Object.values(data as object).join(' ')
}

function decodeName(owner: Uint8Array): string {
  return decodeRRset(owner, {
    type: 1,
    ttl: 0,
    count: 0,
    bytes: owner,
    start: 0,
    length: 0,
    side: owner,
    sideStart: 0,
    sideLength: 0,
  }).name
}

function keyOf(name: Uint8Array): string {
  return Buffer.from(name).toString('latin1')
}

/** In bytes of its own, with something before each piece, so that offsets matter. */
function copyOf(rrset: WireRRset): WireRRset {
  const { start, length, sideStart, sideLength } = rrset
  const bytes = new Uint8Array(3 + length + sideLength)
  bytes.set(rrset.bytes.subarray(start, start + length), 3)
  bytes.set(rrset.side.subarray(sideStart, sideStart + sideLength), 3 + length)
  return { ...rrset, bytes, start: 3, side: bytes, sideStart: 3 + length }
}

function spoil(rrset: WireRRset): void {
  rrset.bytes.fill(0xee)
}

function sameRRsets(left: readonly WireRRset[], right: readonly WireRRset[]): boolean {
  const text = (rrsets: readonly WireRRset[]) =>
    rrsets.map(({ type, ttl, count, bytes }) => [type, ttl, count, ...bytes].join()).sort()
  return left.length === right.length && text(left).join(';') === text(right).join(';')
}
