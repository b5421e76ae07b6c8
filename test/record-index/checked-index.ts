import { expect } from 'vitest'
import { CHILDREN, depthBit } from '../../lib/record-index/layout.js'
import { RecordIndexReader } from '../../lib/record-index/record-index-reader.js'
import { RecordIndexWriter } from '../../lib/record-index/record-index-writer.js'
import type { WireRRset } from '../../lib/records/wire-rrset.js'
import { type Segment, SegmentSet } from '../../lib/shared-table/segments.js'
import { TableKey } from '../../lib/shared-table/table-key.js'
import { TableReader } from '../../lib/shared-table/table-reader.js'
import { FoldedName } from '../../lib/wire/folded-name.js'
import { hashName, nameFromText, nameToText } from '../../lib/wire/name.js'

/** An RRset as a test writes it down: what an index must give back, byte for byte. */
export interface PlainRRset {
  readonly type: number
  readonly ttl: number
  readonly count: number
  readonly wire: readonly number[]
  readonly side: readonly number[]
}

export const SEED = 0x5eed
const NS = 2

/** A record index beside a Map of its owners, with a reader that knows only what was posted. */
export class CheckedIndex {
  readonly #posted: Segment[] = []
  readonly writer = new RecordIndexWriter({
    readers: 2,
    seed: SEED,
    serial: 0xfffffff0,
    onSegment: (segment) => this.#posted.push(segment),
  })
  readonly reader = RecordIndexReader.open({ ...this.writer.handle(0), segments: [] }, this.#receiver())
  /** For a look at what belongs to the writer. */
  readonly #table = new TableReader(new Int32Array(this.writer.handle(0).table), new SegmentSet([], this.#receiver()))
  readonly model = new Map<string, readonly PlainRRset[]>()
  readonly #folded = new FoldedName()

  /** Takes the segments that were posted, one after the other, as a thread does from its port. */
  #receiver(): () => Segment | undefined {
    let received = 0
    return () => this.#posted[received++]
  }

  write(owner: string, rrsets: readonly PlainRRset[]): void {
    const differs = JSON.stringify(rrsets) !== JSON.stringify(this.model.get(owner) ?? [])
    expect(this.writer.write(nameFromText(owner), toWire(rrsets)), `whether ${owner} has changed`).toBe(differs)
    if (rrsets.length > 0) this.model.set(owner, rrsets)
    else this.model.delete(owner)
  }

  /** Holds every name, the empty non-terminals and the books against the model. `names` are looked up besides. */
  check(names: Iterable<string> = []): void {
    const children = this.#childrenOfEntries()
    for (const owner of new Set([...names, ...children.keys()])) {
      const expected = this.model.get(owner) ?? []
      expectSame(this.writer.read(nameFromText(owner)).map(toPlain), expected, owner)
      this.#checkReader(owner, expected, children.has(owner))
      const childCount = this.#childCount(owner)
      if (childCount !== children.get(owner)) expect(childCount, `children of ${owner}`).toBe(children.get(owner))
    }
    this.#checkDepths(children.keys())
    expect(this.writer.size.names).toBe(this.model.size)
    const met = this.walk()
    expect(met.size).toBe(this.model.size)
    for (const [owner, rrsets] of met) expectSame(rrsets, this.model.get(owner) ?? [], owner)
  }

  /** At how many labels there are NS RRsets and wildcards. */
  #checkDepths(names: Iterable<string>): void {
    const bitOf = (name: string) => 1 << depthBit(name === '.' ? 0 : name.split('.').length)
    let ns = 0
    let wildcards = 0
    for (const name of names) {
      if (/^\*(\.|$)/.test(name)) wildcards |= bitOf(name)
      if (this.model.get(name)?.some(({ type }) => type === NS)) ns |= bitOf(name)
    }
    expect([this.reader.nsDepths, this.reader.wildcardDepths]).toEqual([ns, wildcards])
  }

  walk(): Map<string, PlainRRset[]> {
    const met: [string, PlainRRset[]][] = []
    const { bucketCount } = this.writer
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      this.writer.visitBucket(bucket, bucketCount, (name, rrsets) => met.push([nameToText(name), rrsets.map(toPlain)]))
    }
    expect(new Set(met.map(([owner]) => owner)).size).toBe(met.length)
    return new Map(met)
  }

  #checkReader(owner: string, expected: readonly PlainRRset[], exists: boolean): void {
    const { reader } = this
    const name = nameFromText(owner)
    reader.enter()
    this.#folded.read(nameFromText(owner.toUpperCase()), 0, name.length, reader.seed)
    const isFound = reader.find(this.#folded.hash, name, 0, name.length)
    // Plain comparisons first: an `expect` costs more than all of this, and there are 100 000 of them.
    if (isFound !== exists) expect(isFound, `whether ${owner} exists`).toBe(exists)
    if (reader.findFolded(this.#folded) !== exists) expect.fail(`findFolded and find do not agree on ${owner}`)
    if (exists) {
      if (reader.rrsetCount !== expected.length) expect(reader.rrsetCount).toBe(expected.length)
      for (const rrset of expected) {
        if (!reader.findType(rrset.type)) expect.fail(`${owner} has lost type ${rrset.type}`)
        const wire = reader.bytes.subarray(reader.wireStart, reader.wireStart + reader.wireLength)
        const found = { type: reader.type, ttl: reader.ttl, count: reader.count, wire: [...wire], side: rrset.side }
        expectSame([found], [rrset], owner)
      }
      if (reader.findType(0xfff0)) expect.fail(`${owner} has a type that it was never given`)
    }
    reader.leave()
  }

  /** By the model: each name that must exist, with the number of those one label below it. */
  #childrenOfEntries(): Map<string, number> {
    const children = new Map<string, number>()
    for (const owner of this.model.keys()) {
      if (owner === '.') {
        children.set(owner, 0)
        continue
      }
      const labels = owner.split('.')
      for (let i = 0; i < labels.length; i++) children.set(labels.slice(i).join('.'), 0)
    }
    for (const name of children.keys()) {
      const dot = name.indexOf('.')
      if (dot > 0) children.set(name.slice(dot + 1), children.get(name.slice(dot + 1))! + 1)
    }
    return children
  }

  #childCount(owner: string): number | undefined {
    const name = nameFromText(owner)
    const key = new TableKey()
    key.set(name, 0, name.length)
    if (!this.#table.find(hashName(name, 0, name.length, SEED), key.words, key.length)) return undefined
    return this.#table.words[this.#table.payloadWord + CHILDREN]
  }
}

export function toWire(rrsets: readonly PlainRRset[]): WireRRset[] {
  return rrsets.map(({ type, ttl, count, wire, side }) => ({
    type,
    ttl,
    count,
    // At odd places in larger buffers, as from an encoder's scratch.
    bytes: new Uint8Array([1, ...wire, 2]),
    start: 1,
    length: wire.length,
    side: new Uint8Array([3, 4, 5, ...side, 6]),
    sideStart: 3,
    sideLength: side.length,
  }))
}

export function toPlain(rrset: WireRRset): PlainRRset {
  return {
    type: rrset.type,
    ttl: rrset.ttl,
    count: rrset.count,
    wire: [...rrset.bytes.subarray(rrset.start, rrset.start + rrset.length)],
    side: [...rrset.side.subarray(rrset.sideStart, rrset.sideStart + rrset.sideLength)],
  }
}

/** `toEqual` takes a second for a few hundred kilobytes. */
function expectSame(actual: readonly PlainRRset[], expected: readonly PlainRRset[], owner: string): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) expect(actual, owner).toEqual(expected)
}

/** Gives back all that was retired; no reader may be entered. */
export function sealAll(writer: RecordIndexWriter): void {
  for (let calls = 0; writer.size.retiredBytes > 0 && calls < 10_000; calls++) writer.seal()
  expect(writer.size.retiredBytes).toBe(0)
}
