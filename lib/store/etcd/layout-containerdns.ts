import { isIP } from 'node:net'
import type { RRset } from '../../records/rrset.js'
import { DEFAULT_VIEW, NO_VIEWS } from '../../records/view.js'
import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from '../../wire/constants.js'
import { countLabels } from '../../wire/name.js'
import { ipv6ToText, writeIpv6FromText } from '../../wire/rdata/ipv6.js'
import type { RecordType } from '../../wire/rdata/record-type.js'
import { readHealth } from './health-value.js'
import { endOfFolder, endsWith, isKeyText, labelsOf, reversedLabels, SLASH, wireName } from './key-labels.js'
import {
  type Decoded,
  IGNORED,
  type KeyLayout,
  type KeyRange,
  type LeafPlace,
  type OwnerRange,
  type Spot,
  type WritableLayout,
} from './key-layout.js'
import { RRsetLayout } from './layout-rrset.js'
import { rrsetPath } from './leaf-path.js'
import { type KeyPlace, saysAll, ValueReader } from './value-containerdns.js'
import { type ViewedLayout, ViewLayout } from './view-layout.js'

// Where records stand, below the prefix. L is any label, Z a zone, leftmost label last: Z is local/containerdns
//   Z/www/                      CNAME of www.Z
//   Z/www/L/                    A, AAAA or SRV of www.Z
//   Z/txt/L/  Z/mail/L/         TXT, MX of Z (and A of txt.Z, when its type says so: the type decides what the path means)
//   Z/dns/ns/L/                 NS of Z, whose target is L.Z
//   Z/dns/ns/dns/dns-ip/L/      A, AAAA of Z
const TXT_FOLDER = 'txt'
const MAIL_FOLDER = 'mail'
const NS_FOLDER = ['dns', 'ns'] as const
const APEX_ADDRESS_FOLDER = ['dns', 'ns', 'dns', 'dns-ip'] as const
/** Health, job and agent keys, and the heartbeats of the origin's API. No top-level domain of these names can be served. */
const FOREIGN_FOLDERS: ReadonlySet<string> = new Set(['monitor', 'apiHost'])
const HEALTH_FOLDER = 'monitor/status/'

/**
 * The layout of ContainerDNS in Go below its prefix, and beside it, from `.v1/` on, ours for what that cannot hold. Both are one range
 * of keys, since a dot comes right before a slash: one watch sees an RRset move from one to the other.
 */
export class ContainerdnsLayout implements KeyLayout, ViewedLayout {
  readonly view = DEFAULT_VIEW
  readonly ranges: readonly KeyRange[]
  readonly rangeStart: Buffer
  readonly rangeEnd: Buffer
  readonly #prefix: string
  readonly #prefixBytes: Buffer
  readonly #healthBytes: Buffer
  readonly #values = new ValueReader()
  readonly #rrsets: RRsetLayout

  /** `prefix` is of slashes and printable ASCII, with a slash at its end; `views` are those that are served. */
  constructor(prefix: string, views: readonly string[] = NO_VIEWS) {
    this.#prefix = prefix
    this.#prefixBytes = Buffer.from(prefix, 'latin1')
    this.#healthBytes = Buffer.from(prefix + HEALTH_FOLDER, 'latin1')
    this.#rrsets = new RRsetLayout(prefix, views)
    this.rangeStart = this.#rrsets.rangeStart
    this.rangeEnd = endOfFolder(prefix)
    this.ranges = [{ start: this.rangeStart, end: this.rangeEnd }]
  }

  get writable(): WritableLayout {
    return this
  }

  decode(key: Buffer, value: Buffer): Decoded {
    if (this.#rrsets.holds(key)) return this.#rrsets.decode(key, value)
    const address = this.healthAddress(key)
    if (address !== undefined) return readHealth(address, value)
    if (this.#isForeign(key)) return IGNORED
    const path = this.#parse(key)
    if (path === undefined) return { kind: 'bad', reason: 'the key is not made of labels of a domain name' }
    return this.#values.read(path, value)
  }

  spots(key: Buffer): readonly Spot[] {
    if (this.#rrsets.holds(key)) return this.#rrsets.spots(key)
    return this.#isForeign(key) ? [] : (this.#parse(key)?.allSpots() ?? [])
  }

  healthAddress(key: Buffer): string | undefined {
    if (!startsWith(key, this.#healthBytes) || key.length > this.#healthBytes.length + MAX_ADDRESS_LENGTH)
      return undefined
    return addressIn(key.toString('latin1', this.#healthBytes.length).replace(/\/$/, ''))
  }

  keyOf(owner: Uint8Array, path: string): Buffer {
    if (path.startsWith('.')) return this.#rrsets.keyOf(owner, path.slice(1))
    if (path.startsWith('/')) return Buffer.from(this.#prefix + path.slice(1), 'latin1')
    return Buffer.from(`${this.#folderOf(owner)}${path}${path === '' ? '' : '/'}`, 'latin1')
  }

  ownerRanges(owner: Uint8Array): readonly OwnerRange[] {
    const rrsets = this.#rrsets.ownerRange(owner, DEFAULT_VIEW)
    if (!hasFolder(owner)) return [rrsets]
    const folder = this.#folderOf(owner)
    return [rrsets, { start: Buffer.from(folder, 'latin1'), end: endOfFolder(folder), hasNamesBelow: true }]
  }

  ownerRangesIn(owner: Uint8Array, view: string): readonly OwnerRange[] {
    return [this.#rrsets.ownerRange(owner, view)]
  }

  inView(view: string): WritableLayout {
    return view === DEFAULT_VIEW ? this : new ViewLayout(this, view)
  }

  /** Its own key without the last slash. */
  ownerKeys(owner: Uint8Array): readonly Buffer[] {
    return hasFolder(owner) ? [Buffer.from(this.#folderOf(owner).slice(0, -1), 'latin1')] : []
  }

  editKey(owner: Uint8Array): Buffer {
    return this.#rrsets.editKey(owner)
  }

  healthKey(address: string): Buffer {
    return Buffer.concat([this.#healthBytes, Buffer.from(address, 'latin1')])
  }

  rrsetPath(type: RecordType): string {
    return rrsetPath(type)
  }

  leafPlace(owner: Uint8Array, rrset: RRset): LeafPlace | undefined {
    const place = NEW_RECORDS[rrset.type]
    return place !== undefined && hasFolder(owner) && saysAll(rrset) ? place : undefined
  }

  /** With its last slash: all leaves of the owner begin with it, and so does all that is below it in DNS. */
  #folderOf(owner: Uint8Array): string {
    return this.#prefix + reversedLabels(owner)
  }

  /** Other programs' keys, and those between our own layout and the origin's. */
  #isForeign(key: Buffer): boolean {
    if (!startsWith(key, this.#prefixBytes)) return true
    const start = this.#prefixBytes.length
    const end = key.indexOf(SLASH, start)
    if (end > start + MAX_LABEL_LENGTH) return false
    return FOREIGN_FOLDERS.has(key.toString('latin1', start, end === -1 ? start + MAX_LABEL_LENGTH : end))
  }

  #parse(key: Buffer): KeyPath | undefined {
    const end = key.length > 0 && key[key.length - 1] === SLASH ? key.length - 1 : key.length
    const start = this.#prefixBytes.length
    if (end <= start || end - start > MAX_KEY_LENGTH) return undefined
    const text = key.toString('latin1', start, end)
    if (!isKeyText(text)) return undefined
    return KeyPath.parse(text, end < key.length)
  }
}

/** The longest name, a leaf and the folders of an apex. */
const MAX_KEY_LENGTH = MAX_NAME_LENGTH + MAX_LABEL_LENGTH + 32
/** NS is missing: the layout has room for a name server's address, where DNS wants its name. */
const NEW_RECORDS: Partial<Record<RecordType, LeafPlace>> = {
  A: { folder: '', hasLeaf: true },
  AAAA: { folder: '', hasLeaf: true },
  SRV: { folder: '', hasLeaf: true },
  CNAME: { folder: '', hasLeaf: false },
  MX: { folder: MAIL_FOLDER, hasLeaf: true },
  TXT: { folder: TXT_FOLDER, hasLeaf: true },
}

/** A key below the prefix, in its labels. */
class KeyPath implements KeyPlace {
  readonly #text: string
  readonly #labels: readonly string[]
  /** Whether the key is what its folded labels give back. */
  readonly #isCanonical: boolean

  private constructor(text: string, labels: readonly string[], isCanonical: boolean, hasSlash: boolean) {
    this.#labels = labels
    this.#isCanonical = isCanonical && hasSlash
    this.#text = hasSlash ? `${text}/` : text
  }

  static parse(text: string, hasSlash: boolean): KeyPath | undefined {
    const labels = labelsOf(text)
    return labels && new KeyPath(text, labels, text.toLowerCase() === text, hasSlash)
  }

  own(): Spot | undefined {
    return this.#spot(0)
  }

  parent(): Spot | undefined {
    return this.#endsInFolder(APEX_ADDRESS_FOLDER) ? this.#spot(APEX_ADDRESS_FOLDER.length + 1) : this.#spot(1)
  }

  apexOfTxt(): Spot | undefined {
    return this.#endsInFolder([TXT_FOLDER]) ? this.#spot(2) : undefined
  }

  apexOfMail(): Spot | undefined {
    return this.#endsInFolder([MAIL_FOLDER]) ? this.#spot(2) : undefined
  }

  apexOfNameServer(): Spot | undefined {
    return this.#endsInFolder(NS_FOLDER) ? this.#spot(NS_FOLDER.length + 1) : undefined
  }

  nameServer(): Spot | undefined {
    if (!this.#endsInFolder(NS_FOLDER)) return undefined
    const labels = [...this.#labels.slice(0, -1 - NS_FOLDER.length), this.#labels.at(-1)!]
    const owner = wireName(labels)
    return owner && { owner, path: `/${this.#text}` }
  }

  allSpots(): readonly Spot[] {
    const all = [
      this.own(),
      this.parent(),
      this.apexOfTxt(),
      this.apexOfMail(),
      this.apexOfNameServer(),
      this.nameServer(),
    ]
    return all.filter((spot) => spot !== undefined)
  }

  /** The owner that remains without the last labels, unless that is the root or too long. */
  #spot(without: number): Spot | undefined {
    const length = this.#labels.length - without
    if (length < 1) return undefined
    const owner = wireName(without === 0 ? this.#labels : this.#labels.slice(0, length))
    if (owner === undefined) return undefined
    const path = this.#isCanonical ? this.#labels.slice(length).join('/') : `/${this.#text}`
    return { owner, path }
  }

  /** Whether the last label stands in this folder, and the folder in a zone. */
  #endsInFolder(folder: readonly string[]): boolean {
    return this.#labels.length > folder.length + 1 && endsWith(this.#labels.slice(0, -1), folder)
  }
}

/** Whether the origin's layout has a place for records of this name. It has none for some. */
function hasFolder(owner: Uint8Array): boolean {
  const folder = reversedLabels(owner)
  const labels = folder.split('/').slice(0, -1)
  if (labels.length === 0 || FOREIGN_FOLDERS.has(labels[0]!)) return false
  if (!isKeyText(folder) || labels.length !== countLabels(owner)) return false
  // The addresses of a zone itself would stand at the name's.
  return !endsWith(labels, APEX_ADDRESS_FOLDER)
}

/** The longest text of an IPv6 address, and a slash. */
const MAX_ADDRESS_LENGTH = 46

/** An address in its one written form. */
function addressIn(text: string): string | undefined {
  const family = isIP(text)
  if (family === 4) return text
  const bytes = new Uint8Array(16)
  return family === 6 && writeIpv6FromText(text, bytes, 0) ? ipv6ToText(bytes, 0) : undefined
}

function startsWith(key: Buffer, prefix: Buffer): boolean {
  return key.length >= prefix.length && prefix.compare(key, 0, prefix.length) === 0
}
