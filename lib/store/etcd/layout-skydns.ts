import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from '../../wire/constants.js'
import type { RecordType } from '../../wire/rdata/record-type.js'
import { endOfFolder, endsWith, isKeyText, labelsOf, reversedLabels, SLASH, wireName } from './key-labels.js'
import type { Decoded, KeyLayout, KeyRange, Spot } from './key-layout.js'
import { serviceBelow, servicePath } from './leaf-path.js'
import { APEX } from './service-leaf.js'
import { ServiceReader } from './value-skydns.js'

/** Where a service is found: at its own name, at one above it, or at a zone whose special place it stands in. */
export interface ServicePlace {
  readonly owner: Uint8Array
  /** How far below the owner the key is, or APEX. */
  readonly level: number
  /** Of the record types that a service may have, those that it can have here. */
  readonly types: readonly RecordType[]
  /** The path of the leaf, but for its type. */
  readonly below: string
}

/** Name servers of Z are the services below, its own addresses those at or below the other. */
const NS_FOLDER = ['dns', 'ns'] as const
const APEX_FOLDER = ['dns', 'apex'] as const
const NAME_TYPES: readonly RecordType[] = ['A', 'AAAA', 'CNAME', 'SRV', 'MX', 'TXT']
const APEX_TYPES: readonly RecordType[] = ['A', 'AAAA', 'CNAME']
const NS_TYPES: readonly RecordType[] = ['NS']
const REVERSE_TYPES: readonly RecordType[] = ['PTR']
const REVERSE_ZONES: ReadonlySet<string> = new Set(['in-addr', 'ip6'])
const MAX_KEY_LENGTH = MAX_NAME_LENGTH + MAX_LABEL_LENGTH + 1

/**
 * The layout of SkyDNS, as external-dns and other programs write it for CoreDNS: /skydns/local/cluster/www/x1. Read only.
 *
 * CoreDNS finds a service at its own name and at every name above it. Here it is `serviceLevels` names above, since each of them has an
 * RRset of its own that changes with every service below.
 */
export class SkydnsLayout implements KeyLayout {
  readonly ranges: readonly KeyRange[]
  readonly rangeStart: Buffer
  readonly rangeEnd: Buffer
  readonly writable = undefined
  readonly #serviceLevels: number
  readonly #values = new ServiceReader()

  constructor(prefix: string, serviceLevels: number) {
    this.rangeStart = Buffer.from(prefix, 'latin1')
    this.rangeEnd = endOfFolder(prefix)
    this.ranges = [{ start: this.rangeStart, end: this.rangeEnd }]
    this.#serviceLevels = serviceLevels
  }

  decode(key: Buffer, value: Buffer): Decoded {
    const labels = this.#labelsOf(key)
    const name = labels && wireName(labels)
    if (name === undefined) return { kind: 'bad', reason: 'the key is not made of labels of a domain name' }
    return this.#values.read(name, this.#places(key, labels!), value)
  }

  spots(key: Buffer): readonly Spot[] {
    const labels = this.#labelsOf(key)
    if (labels === undefined || wireName(labels) === undefined) return []
    return this.#places(key, labels).flatMap(({ owner, types, below }) =>
      types.map((type) => ({ owner, path: servicePath(type, below) })),
    )
  }

  healthAddress(): undefined {
    return undefined
  }

  keyOf(owner: Uint8Array, path: string): Buffer {
    const below = serviceBelow(path)
    const text = below.startsWith('/') ? below.slice(1) : reversedLabels(owner) + below
    // Keys of SkyDNS have no slash at their end: one that has is written out in full.
    return Buffer.concat([this.rangeStart, Buffer.from(below === '' ? text.slice(0, -1) : text, 'latin1')])
  }

  #labelsOf(key: Buffer): string[] | undefined {
    const end = key.length > 0 && key[key.length - 1] === SLASH ? key.length - 1 : key.length
    const start = this.rangeStart.length
    if (end <= start || end - start > MAX_KEY_LENGTH) return undefined
    const text = key.toString('latin1', start, end)
    return isKeyText(text) ? labelsOf(text) : undefined
  }

  #places(key: Buffer, labels: readonly string[]): ServicePlace[] {
    const text = key.toString('latin1', this.rangeStart.length)
    const isCanonical = labels.join('/') === text
    const place = (without: number, level: number, types: readonly RecordType[]): ServicePlace[] => {
      const length = labels.length - without
      const owner = length < 1 ? undefined : wireName(labels.slice(0, length))
      // Two keys that fold to the same are two services.
      const below = isCanonical ? labels.slice(length).join('/') : `/${text}`
      return owner === undefined ? [] : [{ owner, level, types, below }]
    }
    // Reverse names are looked up exactly.
    if (labels[0] === 'arpa' && REVERSE_ZONES.has(labels[1]!)) return place(0, 0, REVERSE_TYPES)
    const places: ServicePlace[] = []
    for (let level = 0; level <= this.#serviceLevels; level++) places.push(...place(level, level, NAME_TYPES))
    if (endsWith(labels.slice(0, -1), NS_FOLDER)) places.push(...place(NS_FOLDER.length + 1, APEX, NS_TYPES))
    if (endsWith(labels, APEX_FOLDER)) places.push(...place(APEX_FOLDER.length, APEX, APEX_TYPES))
    if (endsWith(labels.slice(0, -1), APEX_FOLDER)) places.push(...place(APEX_FOLDER.length + 1, APEX, APEX_TYPES))
    return places
  }
}
