import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from '../../wire/constants.js'
import { countLabels, foldByte } from '../../wire/name.js'
import type { RecordType } from '../../wire/rdata/record-type.js'
import type { Leaf } from './leaf.js'
import { type KeyPlace, ValueReader } from './value-containerdns.js'

/** A record that a key holds, and whose it is. */
export interface LayoutRecord extends Omit<Leaf, 'modRevision'> {
  readonly owner: Uint8Array
}

/** What a key and its value say: records, or why there are none. `ignored` is what other programs keep under the prefix. */
export type Decoded =
  | { readonly kind: 'records'; readonly records: readonly LayoutRecord[] }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'bad'; readonly reason: string }

/** An owner that a key may have something to say of, and the path of the key as that owner's leaf has it. */
export interface Spot {
  readonly owner: Uint8Array
  readonly path: string
}

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

/** The layout of ContainerDNS in Go: keys to names and back, and values to records. Never throws on what etcd holds. */
export class ContainerdnsLayout {
  /** All keys of records lie from here … */
  readonly rangeStart: Buffer
  /** … to here. */
  readonly rangeEnd: Buffer
  readonly #prefix: string
  readonly #values = new ValueReader()

  constructor(prefix: string) {
    this.#prefix = prefix
    this.rangeStart = Buffer.from(prefix, 'latin1')
    this.rangeEnd = endOfFolder(prefix)
  }

  decode(key: Buffer, value: Buffer): Decoded {
    if (this.#isForeign(key)) return { kind: 'ignored' }
    const path = this.#parse(key)
    if (path === undefined) return { kind: 'bad', reason: 'the key is not made of labels of a domain name' }
    return this.#values.read(path, value)
  }

  /** Every place where this key could have put a record: where to look when the key is gone, or says something else now. */
  spots(key: Buffer): readonly Spot[] {
    return this.#isForeign(key) ? [] : (this.#parse(key)?.allSpots() ?? [])
  }

  /** The key of a leaf, as `path` in its side data says. */
  keyOf(owner: Uint8Array, path: string): Buffer {
    if (path.startsWith('/')) return Buffer.from(this.#prefix + path.slice(1), 'latin1')
    return Buffer.from(`${this.folderOf(owner)}${path}${path === '' ? '' : '/'}`, 'latin1')
  }

  /** The owner's own key, with its last slash: all its leaves begin with it, and so does all that is below it in DNS. */
  folderOf(owner: Uint8Array): string {
    return this.#prefix + reversedLabels(owner)
  }

  /** Why no key can stand for records of this name; undefined when one can. */
  nameRefusal(owner: Uint8Array): string | undefined {
    const folder = reversedLabels(owner)
    const labels = folder.split('/').slice(0, -1)
    if (labels.length === 0) return 'it has no place for records of the root'
    if (FOREIGN_FOLDERS.has(labels[0]!)) return `it keeps something else under ${labels[0]}`
    if (!isKeyText(folder) || labels.length !== countLabels(owner))
      return 'its keys hold printable ASCII without dots and slashes only'
    if (endsWith(labels, APEX_ADDRESS_FOLDER)) return 'it keeps the addresses of a zone itself there'
    return undefined
  }

  /** Where new records of a type go, below the owner's own key, and whether they have a leaf of their own there. */
  folderOfType(type: RecordType): { readonly folder: string; readonly hasLeaf: boolean } | undefined {
    return NEW_RECORDS[type]
  }

  #isForeign(key: Buffer): boolean {
    const start = this.rangeStart.length
    const end = key.indexOf(SLASH, start)
    return FOREIGN_FOLDERS.has(key.toString('latin1', start, end === -1 ? key.length : end))
  }

  #parse(key: Buffer): KeyPath | undefined {
    const end = key.length > 0 && key[key.length - 1] === SLASH ? key.length - 1 : key.length
    const start = this.rangeStart.length
    if (end <= start || end - start > MAX_KEY_LENGTH) return undefined
    const text = key.toString('latin1', start, end)
    if (!isKeyText(text)) return undefined
    return KeyPath.parse(text, end < key.length)
  }
}

const SLASH = 0x2f
/** The longest name, a leaf and the folders of an apex. */
const MAX_KEY_LENGTH = MAX_NAME_LENGTH + MAX_LABEL_LENGTH + 32
/** NS is missing: the layout has room for a name server's address, where DNS wants its name. */
const NEW_RECORDS: Partial<Record<RecordType, { readonly folder: string; readonly hasLeaf: boolean }>> = {
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
    const folded = text.toLowerCase()
    const labels = folded.split('/')
    for (const label of labels) if (label.length === 0 || label.length > MAX_LABEL_LENGTH) return undefined
    return new KeyPath(text, labels, folded === text, hasSlash)
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

/** Characters that a label in a key may have. A dot would make two labels of one in every text that shows it. */
function isKeyText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x21 || code > 0x7e || code === DOT) return false
  }
  return true
}

const DOT = 0x2e

/** The wire form of a name whose labels are given from the root on; undefined when they are too long for one. */
function wireName(labels: readonly string[]): Uint8Array | undefined {
  let length = 1
  for (const label of labels) length += label.length + 1
  if (length > MAX_NAME_LENGTH) return undefined
  const name = new Uint8Array(length)
  let position = 0
  for (let i = labels.length - 1; i >= 0; i--) {
    const label = labels[i]!
    name[position++] = label.length
    for (let j = 0; j < label.length; j++) name[position++] = label.charCodeAt(j)
  }
  return name
}

/** `example.org` as `org/example/`. */
function reversedLabels(owner: Uint8Array): string {
  let text = ''
  for (let position = 0; owner[position] !== 0; position += owner[position]! + 1) {
    let label = ''
    for (let i = position + 1; i <= position + owner[position]!; i++) label += String.fromCharCode(foldByte(owner[i]!))
    text = `${label}/${text}`
  }
  return text
}

function endsWith(labels: readonly string[], folder: readonly string[]): boolean {
  const offset = labels.length - folder.length
  if (offset < 1) return false
  for (let i = 0; i < folder.length; i++) if (labels[offset + i] !== folder[i]) return false
  return true
}

/** The end of the range of all keys that begin with this, which ends with a slash. */
export function endOfFolder(folder: string): Buffer {
  const end = Buffer.from(folder, 'latin1')
  end[end.length - 1] = SLASH + 1
  return end
}
