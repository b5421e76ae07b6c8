import { refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import type { RecordIndexWriter } from '../record-index/record-index-writer.js'
import { copyRRset, type RRset, type RRsetByType } from '../records/rrset.js'
import { viewNumber } from '../records/view.js'
import { decodeRRset, RRsetEncoder, type WireRRset } from '../records/wire-rrset.js'
import { refuseCnameBesideOthers } from '../store/cname-rule.js'
import type { RecordStore } from '../store/record-store.js'
import type { Revise } from '../store/revise.js'
import { MAX_NAME_LENGTH } from '../wire/constants.js'
import { foldName, nameFromText, writeNameFromText } from '../wire/name.js'
import { type RecordType, typeCode } from '../wire/rdata/record-type.js'
import type { Publisher } from './publisher.js'

/** Records as a program reads and edits them. */
export interface Records {
  /**
   * Replaces RRsets, and resolves once every DNS thread answers with them. An array is checked whole before the first is written;
   * it is atomic for each owner name, not across names; with etcd, for each owner name in each view.
   *
   * Rejects with the codes of bad RRsets, CDNS_VIEW_UNKNOWN, CDNS_NAME_OUT_OF_ZONE, CDNS_CNAME_CONFLICT, CDNS_CLOSED, and the store's own.
   */
  put(rrset: RRset | readonly RRset[]): Promise<void>
  /** Removes one RRset, or all of a name, in one view. Resolves to whether there was one, once no thread answers with it any more. */
  delete(name: string, type?: RecordType, options?: ViewOptions): Promise<boolean>
  /**
   * Replaces all RRsets of a name in one view by what `revise` makes of them, and loses nothing that others do meanwhile, in this
   * process or another: with etcd, what it is given is what is there when its result is written. It may be called more than
   * once; what it throws is thrown, with nothing done. An RRset that is given back stays as it is, one that is left out goes.
   *
   * Resolves to the result, in its one written form, once every DNS thread answers with it. Rejects as `put` does.
   */
  edit(name: string, revise: Revise, options?: EditOptions): Promise<RRset[]>
  /** The RRsets that a name has in one view, or the one of a type; an empty array when there are none. The compiler knows what they are by the type asked for. */
  get<Type extends RecordType = RecordType>(
    name: string,
    type?: Type,
    options?: ViewOptions,
  ): Promise<RRsetByType[Type][]>
  /** All RRsets, or those of the names at and below one, of one type, or of one view, in no order. What changes meanwhile may or may not be among them. */
  list<Type extends RecordType = RecordType>(filter?: RecordFilter<Type>): AsyncIterable<RRsetByType[Type]>
}

export interface ViewOptions {
  /** Default: the default view. */
  view?: string
}

export interface EditOptions extends ViewOptions {
  /** Checks all of it against what is answered now, and changes nothing. Default false. */
  dryRun?: boolean
  /**
   * What a new MX or TXT record of a zone is called in etcd, as ContainerDNS's API has it. Default: a hash of what it says. Of no account
   * to stores and layouts that have no such labels.
   */
  label?: string
}

export interface RecordFilter<Type extends RecordType = RecordType> {
  under?: string
  type?: Type
  /** Left out: all views. */
  view?: string
}

export interface PublishedRecordsOptions {
  readonly index: RecordIndexWriter
  readonly publisher: Publisher
  readonly store: RecordStore
  /** Whether the server has been closed, or is about to be. */
  readonly isClosed: () => boolean
}

/** Reads come from the index, edits go to the store, which publishes them. */
export class PublishedRecords implements Records {
  readonly #options: PublishedRecordsOptions
  readonly #name = new Uint8Array(MAX_NAME_LENGTH + 1)
  readonly #encoder = new RRsetEncoder()

  constructor(options: PublishedRecordsOptions) {
    this.#options = options
  }

  async put(given: RRset | readonly RRset[]): Promise<void> {
    // Copies: what the caller does with its objects while we wait changes nothing.
    const rrsets = (Array.isArray(given) ? [...given] : [given]) as RRset[]
    const { publisher, store } = this.#open()
    for (const [i, original] of rrsets.entries()) {
      const rrset = copyRRset(original)
      rrsets[i] = rrset
      publisher.checkPlace(this.#fold(rrset.name), typeCode(rrset.type))
      viewNumber(publisher.views, rrset.view)
      const pause = publisher.pause()
      if (pause !== undefined) await pause
    }
    await store.put(rrsets)
  }

  async delete(name: string, type?: RecordType, options: ViewOptions = {}): Promise<boolean> {
    foldedName(name)
    if (type !== undefined) typeCode(type)
    const { publisher, store } = this.#open()
    this.#viewIn(options, publisher)
    return store.delete(name, type, options.view)
  }

  async edit(name: string, revise: Revise, options: EditOptions = {}): Promise<RRset[]> {
    const owner = foldedName(name)
    refuseUnknownKeys('the options of edit', options, ['view', 'dryRun', 'label'])
    const { view, dryRun, label } = options
    const { publisher, store } = this.#open()
    viewNumber(publisher.views, view)
    let result: RRset[] = []
    const checked: Revise = (before) => {
      // One that is changed in place would be taken for one that has not changed.
      for (const rrset of before) Object.freeze(rrset) && Object.freeze(rrset.data)
      const { wanted, written } = this.#checkRevised(owner, view, before, revise(before))
      result = written
      return wanted
    }
    if (dryRun === true) checked(await this.get(name, undefined, view === undefined ? {} : { view }))
    else await store.edit(name, checked, view, label)
    return result
  }

  async get<Type extends RecordType = RecordType>(
    name: string,
    type?: Type,
    options: ViewOptions = {},
  ): Promise<RRsetByType[Type][]> {
    const owner = foldedName(name)
    if (type !== undefined) typeCode(type)
    const { index, publisher } = this.#open()
    const view = this.#viewIn(options, publisher)
    return decodeWanted(owner, index.read(owner), { type, view }, publisher.views)
  }

  async *list<Type extends RecordType = RecordType>(filter: RecordFilter<Type> = {}): AsyncIterable<RRsetByType[Type]> {
    const { index, publisher } = this.#open()
    refuseUnknownKeys('the filter of list', filter, ['under', 'type', 'view'])
    const under = filter.under === undefined ? undefined : foldedName(filter.under)
    if (filter.type !== undefined) typeCode(filter.type)
    const view = filter.view === undefined ? undefined : viewNumber(publisher.views, filter.view)
    const wanted = { type: filter.type, view }
    const bucketCount = index.bucketCount
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      const found: RRsetByType[Type][] = []
      index.visitBucket(bucket, bucketCount, (name, rrsets) => {
        if (under !== undefined && !isAtOrBelow(name, under)) return
        found.push(...decodeWanted(name, rrsets, wanted, publisher.views))
      })
      yield* found
      const pause = publisher.pause()
      if (pause !== undefined) await pause
    }
  }

  /** What a program wants in the place of others: copies, all of them checked, and as they will come back. */
  #checkRevised(
    owner: Uint8Array,
    view: string | undefined,
    before: readonly RRset[],
    after: readonly RRset[],
  ): { wanted: RRset[]; written: RRset[] } {
    const { publisher } = this.#open()
    const number = viewNumber(publisher.views, view)
    const types = new Set<number>()
    const wanted: RRset[] = []
    const written: RRset[] = []
    for (const given of after) {
      const rrset = before.includes(given) ? given : copyRRset(given)
      const type = typeCode(rrset.type)
      if (types.has(type) || viewNumber(publisher.views, rrset.view) !== number || !isSameName(rrset.name, owner)) {
        const expected = `each RRset of an edit must be of its name and view, and of a type of its own; got ${rrset.type}`
        throw new ContainerDnsError('CDNS_RRSET_INVALID', expected)
      }
      types.add(type)
      wanted.push(rrset)
      if (rrset === given) {
        written.push(rrset)
        continue
      }
      publisher.checkPlace(owner, type)
      this.#encoder.reset()
      const wire = this.#encoder.encode(rrset.type, rrset.ttl ?? publisher.defaultTtl, rrset.data, rrset)
      written.push(decodeRRset(owner, number === 0 ? wire : { ...wire, view: number }, publisher.views))
    }
    refuseCnameBesideOthers(owner, types)
    return { wanted, written }
  }

  /** Throws CDNS_OPTION_UNKNOWN and CDNS_VIEW_UNKNOWN. */
  #viewIn(options: ViewOptions, { views }: Publisher): number {
    refuseUnknownKeys('the options of records', options, ['view'])
    return viewNumber(views, options.view)
  }

  /** In bytes that last until the next call: a new array for each of a million names would be a second of garbage collection. */
  #fold(text: string): Uint8Array {
    const length = writeNameFromText(text, this.#name)
    foldName(this.#name, 0, length)
    return this.#name.subarray(0, length)
  }

  /** Throws CDNS_CLOSED. */
  #open(): PublishedRecordsOptions {
    if (this.#options.isClosed()) throw new ContainerDnsError('CDNS_CLOSED', 'the server has been closed')
    return this.#options
  }
}

/** Of some type and view, or of any. */
interface Wanted<Type extends RecordType> {
  readonly type: Type | undefined
  readonly view: number | undefined
}

function decodeWanted<Type extends RecordType>(
  name: Uint8Array,
  rrsets: readonly WireRRset[],
  { type, view }: Wanted<Type>,
  views: readonly string[],
): RRsetByType[Type][] {
  const code = type === undefined ? undefined : typeCode(type)
  return rrsets
    .filter((rrset) => (code ?? rrset.type) === rrset.type && (view ?? rrset.view) === rrset.view)
    .map((rrset) => decodeRRset(name, rrset, views) as RRsetByType[Type])
}

/** Throws CDNS_NAME_INVALID. */
function foldedName(text: string): Uint8Array {
  const name = nameFromText(text)
  foldName(name, 0, name.length)
  return name
}

function isSameName(text: string, folded: Uint8Array): boolean {
  return Buffer.compare(foldedName(text), folded) === 0
}

/** Compares from a label's start, so that `evil-example.org` is not below `example.org`. Both are folded. */
export function isAtOrBelow(name: Uint8Array, ancestor: Uint8Array): boolean {
  for (let at = 0; name.length - at >= ancestor.length; at += name[at]! + 1) {
    if (name.length - at === ancestor.length) return ancestor.every((byte, i) => name[at + i] === byte)
  }
  return false
}
