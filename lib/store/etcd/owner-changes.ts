import type { LayoutRecord, OwnerRange } from './key-layout.js'
import { kindOf } from './leaf-path.js'
import type { Compare, RequestOp } from './messages.js'

/** A key that was read because it may have to do with an owner. */
export interface StoredKey {
  readonly key: Buffer
  readonly value: Buffer
  readonly modRevision: number
  /** What it says of the owner; undefined when it is about another name, or bad. */
  readonly record: LayoutRecord | undefined
  /** Whether nobody can read it, so that writing over it loses nothing. */
  readonly isBad: boolean
}

/** What etcd holds of one owner. */
export interface OwnerState {
  readonly owner: Uint8Array
  readonly revision: number
  readonly keys: ReadonlyMap<string, StoredKey>
  /** Of these all keys have been read, so that a key that comes later can be told by its revision. */
  readonly wholeRanges: readonly OwnerRange[]
  /** Of an owner with many names below it. */
  readonly editMark?: EditMark
}

/**
 * What stands for all edits of an owner whose range is too large to be compared, or is about to become so: each of them writes this key,
 * so that it tells whether another one came between. ContainerDNS knows nothing of it.
 */
export interface EditMark {
  readonly key: Buffer
  /** As it was read; undefined where the range is compared, and the mark is there for those who see it grow too large. */
  readonly modRevision: number | undefined
}

/** A transaction: it happens if all that was read is still so. */
export interface Plan {
  readonly compare: readonly Compare[]
  readonly success: readonly RequestOp[]
  /** Where it is not, more is to be done once this has happened: read again, and plan again. */
  readonly isLast: boolean
  /** Whether this puts the covers under which all else happens. */
  readonly isCover: boolean
}

/** etcd's `--max-txn-ops`: as many comparisons, and as many changes. */
export const MAX_OPERATIONS = 128

/** What is to change, a key at a time, and what must still be as it was read. */
export class Changes {
  readonly state: OwnerState
  readonly #compare = new Map<string, Compare>()
  readonly #writes = new Map<string, RequestOp>()

  constructor(state: OwnerState) {
    this.state = state
  }

  /** Whether it is there, or gone, as it was read. */
  keep(stored: StoredKey): void {
    this.#expect(stored.key, stored.modRevision)
  }

  remove(stored: StoredKey): void {
    this.keep(stored)
    this.#writes.set(keyText(stored.key), { request_delete_range: { key: stored.key } })
  }

  write(key: Buffer, value: string): void {
    this.#expect(key, this.state.keys.get(keyText(key))?.modRevision ?? 0)
    this.#writes.set(keyText(key), { request_put: { key, value: Buffer.from(value) } })
  }

  removes(key: Buffer): boolean {
    return this.#writes.get(keyText(key))?.request_delete_range !== undefined
  }

  /** Whether nothing stands there, or something that nobody can read, or what is about to be deleted. */
  isFree(key: Buffer): boolean {
    if (this.#writes.has(keyText(key))) return this.removes(key)
    return this.state.keys.get(keyText(key))?.isBad ?? true
  }

  /** Whether one transaction takes it all. */
  get fit(): boolean {
    const marks = this.state.editMark === undefined ? 0 : 1
    return Math.max(this.#compare.size + this.state.wholeRanges.length, this.#writes.size) + marks <= MAX_OPERATIONS
  }

  /** All at once, with nothing new of the owner in between. Names below it count too, which costs another attempt at worst. */
  atOnce(isLast: boolean): Plan {
    if (this.#writes.size === 0) return { compare: [], success: [], isLast, isCover: false }
    const newer = this.state.wholeRanges.map(({ start, end }): Compare => {
      const mod_revision = this.state.revision + 1
      return { key: start, range_end: end, target: 'Mod', result: 'Less', mod_revision }
    })
    const { editMark } = this.state
    const unmarked = editMark?.modRevision === undefined ? [] : [expectation(editMark.key, editMark.modRevision)]
    const mark = editMark === undefined ? [] : [{ request_put: { key: editMark.key, value: NOTHING } }]
    return {
      compare: [...this.#compare.values(), ...newer, ...unmarked],
      success: [...this.#writes.values(), ...mark],
      isLast,
      isCover: !isLast,
    }
  }

  inSteps(covers: Changes, coverRevision: number): Plan {
    if (this.fit) return this.atOnce(true)
    return covers.areStoredAt(coverRevision) ? this.#underCover() : covers.atOnce(false)
  }

  /** Whether all that these write was written in that transaction, and by nobody since. */
  areStoredAt(revision: number): boolean {
    return [...this.#writes.keys()].every((key) => this.state.keys.get(key)?.modRevision === revision)
  }

  /** As many leaves as one transaction takes, and with the last of them the covers. That these are still the same is all that must hold beside. */
  #underCover(): Plan {
    const wholes = [...this.state.keys.values()].filter(
      ({ record }) => record !== undefined && kindOf(record.path) === 'rrset',
    )
    const wholeKeys = new Set(wholes.map(({ key }) => keyText(key)))
    const leafKeys = [...this.#writes.keys()].filter((key) => !wholeKeys.has(key))
    const room = MAX_OPERATIONS - wholes.length
    const isLast = leafKeys.length <= room
    const chunk = leafKeys.slice(0, room)
    const written = isLast ? [...this.#writes.values()] : chunk.map((key) => this.#writes.get(key)!)
    const covers = wholes.map(({ key, modRevision }) => expectation(key, modRevision))
    return {
      compare: [...covers, ...chunk.map((key) => this.#compare.get(key)!)],
      success: written,
      isLast,
      isCover: false,
    }
  }

  #expect(key: Buffer, modRevision: number): void {
    this.#compare.set(keyText(key), expectation(key, modRevision))
  }
}

function expectation(key: Buffer, modRevision: number): Compare {
  return { key, target: 'Mod', result: 'Equal', mod_revision: modRevision }
}

const NOTHING = Buffer.alloc(0)

/** A key as the key of a Map. */
export function keyText(key: Buffer): string {
  return key.toString('latin1')
}
