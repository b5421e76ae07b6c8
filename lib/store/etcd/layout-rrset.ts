import { DEFAULT_VIEW, isViewName } from '../../records/view.js'
import { MAX_NAME_LENGTH } from '../../wire/constants.js'
import { type RecordType, typeCode } from '../../wire/rdata/record-type.js'
import { reversedLabels, wireName } from './key-labels.js'
import { type Decoded, IGNORED, type OwnerRange, type Spot } from './key-layout.js'
import { rrsetPath } from './leaf-path.js'
import { RRsetReader } from './value-rrset.js'

// One key an RRset, beside the folder of the origin's keys: /containerdns.v1/<view>/<reversed labels>/<TYPE>
// Labels are folded, octets that a key had better not have are written as \DDD, and types are in capitals: so no label
// is ever taken for a type, and the keys of one owner are all those from `…/www/A` to `…/www/[`, without the names below it.
const FOLDER = '.v1/'
/** Where views have their names, and no view has this one. */
const EDITS_FOLDER = '.edits/'
const TYPE = /^[A-Z][A-Z0-9]*$/
const BEFORE_TYPES = 'A'
const AFTER_TYPES = '['
/** A name with every octet escaped, the slashes, a view and a type. */
const MAX_KEY_LENGTH = 4 * MAX_NAME_LENGTH + 128

/** Our own layout, which holds what the origin's cannot. */
export class RRsetLayout {
  readonly #base: string
  readonly #baseBytes: Buffer
  readonly #views: ReadonlySet<string>
  readonly #values = new RRsetReader()

  /** `prefix` is that of the origin's keys, with its last slash; `views` are those that are served. */
  constructor(prefix: string, views: readonly string[]) {
    this.#views = new Set(views)
    this.#base = prefix.slice(0, -1) + FOLDER
    this.#baseBytes = Buffer.from(this.#base, 'latin1')
  }

  get rangeStart(): Buffer {
    return this.#baseBytes
  }

  holds(key: Buffer): boolean {
    return key.length >= this.#baseBytes.length && this.#baseBytes.compare(key, 0, this.#baseBytes.length) === 0
  }

  decode(key: Buffer, value: Buffer): Decoded {
    if (this.#isEditKey(key)) return IGNORED
    const place = this.#parse(key)
    if (place === undefined) return { kind: 'bad', reason: 'the key is not a view, the labels of a name, and a type' }
    if (place === 'otherView') return { kind: 'otherView' }
    return this.#values.read(place, value)
  }

  spots(key: Buffer): readonly Spot[] {
    if (this.#isEditKey(key)) return []
    const place = this.#parse(key)
    return place === undefined || place === 'otherView' ? [] : [place]
  }

  /** `place` is a type, behind its view and a slash where that is not the default one: see leaf-path.ts. */
  keyOf(owner: Uint8Array, place: string): Buffer {
    const slash = place.indexOf('/')
    const view = slash === -1 ? DEFAULT_VIEW : place.slice(0, slash)
    return this.#keyOf(owner, view, place.slice(slash + 1))
  }

  ownerRange(owner: Uint8Array, view: string): OwnerRange {
    const start = this.#keyOf(owner, view, BEFORE_TYPES)
    return { start, end: this.#keyOf(owner, view, AFTER_TYPES), hasNamesBelow: false }
  }

  editKey(owner: Uint8Array): Buffer {
    return Buffer.from(this.#base + EDITS_FOLDER + reversedLabels(owner, spell), 'latin1')
  }

  #isEditKey(key: Buffer): boolean {
    const end = this.#baseBytes.length + EDITS_FOLDER.length
    return key.toString('latin1', this.#baseBytes.length, end) === EDITS_FOLDER
  }

  #keyOf(owner: Uint8Array, view: string, type: string): Buffer {
    return Buffer.from(`${this.#base}${view}/${reversedLabels(owner, spell)}${type}`, 'latin1')
  }

  #parse(key: Buffer): RRsetPlace | 'otherView' | undefined {
    const start = this.#baseBytes.length
    if (key.length - start > MAX_KEY_LENGTH) return undefined
    const [view, ...labels] = key.toString('latin1', start).split('/')
    const type = labels.pop()
    if (type === undefined || !isViewName(view) || !TYPE.test(type)) return undefined
    if (!this.#views.has(view)) return 'otherView'
    const owner = wireName(labels.map(unspell))
    if (owner === undefined || !isKnown(type)) return undefined
    // One key for each RRset: what is spelled in another way is nobody's.
    if (!this.#keyOf(owner, view, type).equals(key)) return undefined
    return { owner, path: rrsetPath(type, view), type }
  }
}

export interface RRsetPlace extends Spot {
  readonly type: RecordType
}

function isKnown(type: string): type is RecordType {
  try {
    typeCode(type)
    return true
  } catch {
    return false
  }
}

const SLASH = 0x2f
const DOT = 0x2e
const BACKSLASH = 0x5c

function spell(octet: number): string {
  const isPlain = octet > 0x20 && octet < 0x7f && octet !== SLASH && octet !== DOT && octet !== BACKSLASH
  return isPlain ? String.fromCharCode(octet) : `\\${String(octet).padStart(3, '0')}`
}

function unspell(label: string): string {
  return label.replace(/\\(\d\d\d)/g, (_, digits: string) => String.fromCharCode(Number(digits) & 0xff))
}
