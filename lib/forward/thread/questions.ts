import { FLAG_CD, FLAG_DO } from '../../answer-cache/layout.js'
import { mixWord } from '../../clients/client-address.js'
import type { Question } from '../../wire/question.js'
import type { OnUpstreamResult, UpstreamQuestion } from '../upstream/upstream-result.js'
import type { WaitingQuery } from './waiting-queries.js'

/** A question that upstreams have been asked, and the queries that wait for its answer. */
export class OpenQuestion implements UpstreamQuestion {
  readonly hash: number
  /** The next one with the same hash. */
  sibling: OpenQuestion | undefined
  /** Folded, in wire form. */
  readonly name: Uint8Array
  readonly type: number
  readonly class: number
  readonly flags: number
  readonly view: number
  readonly zone?: number
  readonly sinceMs: number
  /** Who waits has had a stale answer, and who comes now gets that at once. */
  isLate = false
  first: WaitingQuery | undefined
  readonly onResult: OnUpstreamResult
  #last: WaitingQuery | undefined

  constructor(
    hash: number,
    { name, type, class: klass }: Question,
    key: { readonly flags: number; readonly view: number },
    zone: number | undefined,
    sinceMs: number,
    onResult: (question: OpenQuestion, ...result: Parameters<OnUpstreamResult>) => void,
  ) {
    this.hash = hash
    this.name = name.bytes.slice(0, name.length)
    this.type = type
    this.class = klass
    this.flags = key.flags
    this.view = key.view
    if (zone !== undefined) this.zone = zone
    this.sinceMs = sinceMs
    this.onResult = (result) => onResult(this, result)
  }

  get isDnssecOk(): boolean {
    return (this.flags & FLAG_DO) !== 0
  }

  get isCheckingDisabled(): boolean {
    return (this.flags & FLAG_CD) !== 0
  }

  join(query: WaitingQuery): void {
    if (this.#last === undefined) this.first = query
    else this.#last.next = query
    this.#last = query
  }

  /** Those that wait, one linked to the next; they wait no longer. */
  takeAll(): WaitingQuery | undefined {
    const { first } = this
    this.first = undefined
    this.#last = undefined
    return first
  }
}

/** The questions that are open, so that nobody is asked twice at a time. As many as upstreams may be asked at once. */
export class OpenQuestions {
  count = 0
  readonly #byHash = new Map<number, OpenQuestion>()

  static hashOf({ name, type, class: klass }: Question, flags: number, view: number): number {
    return mixWord(mixWord(name.hash, (type << 16) | klass), (view << 8) | flags)
  }

  find(hash: number, question: Question, flags: number, view: number): OpenQuestion | undefined {
    let open = this.#byHash.get(hash)
    while (open !== undefined && !isSame(open, question, flags, view)) open = open.sibling
    return open
  }

  add(question: OpenQuestion): void {
    question.sibling = this.#byHash.get(question.hash)
    this.#byHash.set(question.hash, question)
    this.count++
  }

  remove(question: OpenQuestion): void {
    const first = this.#byHash.get(question.hash)
    if (first === undefined) return
    if (first === question) {
      if (question.sibling === undefined) this.#byHash.delete(question.hash)
      else this.#byHash.set(question.hash, question.sibling)
      this.count--
      return
    }
    for (let before = first; before.sibling !== undefined; before = before.sibling) {
      if (before.sibling !== question) continue
      before.sibling = question.sibling
      this.count--
      return
    }
  }

  /** All of them, those first whose hashes have been here for the longest time. */
  *all(): Iterable<OpenQuestion> {
    for (const first of this.#byHash.values()) {
      for (let open: OpenQuestion | undefined = first; open !== undefined; open = open.sibling) yield open
    }
  }
}

function isSame(open: OpenQuestion, { name, type, class: klass }: Question, flags: number, view: number): boolean {
  if (open.type !== type || open.class !== klass || open.flags !== flags || open.view !== view) return false
  if (open.name.length !== name.length) return false
  for (let i = 0; i < name.length; i++) if (open.name[i] !== name.bytes[i]) return false
  return true
}
