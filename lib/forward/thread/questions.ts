import { FLAG_CD, FLAG_DO } from '../../answer-cache/layout.js'
import { mixWord } from '../../clients/client-address.js'
import { MAX_NAME_LENGTH } from '../../wire/constants.js'
import type { Question } from '../../wire/question.js'
import type { OnUpstreamResult, UpstreamQuestion } from '../upstream/upstream-result.js'
import type { Routing } from './routing.js'
import type { WaitingQuery } from './waiting-queries.js'

/** A question that upstreams have been asked, and the queries that wait for its answer. Made once, and used again and again. */
export class OpenQuestion implements UpstreamQuestion {
  hash = 0
  /** The next one in its bucket; of one that is not in use, the next such. */
  sibling: OpenQuestion | undefined
  /** The neighbours in time. */
  older: OpenQuestion | undefined
  newer: OpenQuestion | undefined
  /** Folded, in wire form. */
  readonly name = new Uint8Array(MAX_NAME_LENGTH)
  nameLength = 0
  type = 0
  class = 0
  flags = 0
  view = 0
  zone: number | undefined
  /** By which it was found whom to ask. */
  routing: Routing | undefined
  generation = 0
  sinceMs = 0
  /** Who waits has had a stale answer, and who comes now gets that at once. */
  isLate = false
  first: WaitingQuery | undefined
  readonly onResult: OnUpstreamResult
  #last: WaitingQuery | undefined

  constructor(onResult: OnQuestionResult) {
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

type OnQuestionResult = (question: OpenQuestion, ...result: Parameters<OnUpstreamResult>) => void

/** There are 4096 questions at most, unless an operator wants more. */
const BUCKETS = 4096

/**
 * The questions that are open, so that nobody is asked twice at a time. As many as upstreams may be asked at once.
 *
 * With objects, a Map and a closure for each question, half a kilobyte of garbage came of each, and what a collection took was what the
 * slowest answers waited for.
 */
export class OpenQuestions {
  count = 0
  /** The one that has been open for the longest time; `newer` leads to the others. */
  oldest: OpenQuestion | undefined
  #newest: OpenQuestion | undefined
  #generation = 0
  readonly #buckets = new Array<OpenQuestion | undefined>(BUCKETS).fill(undefined)
  #free: OpenQuestion | undefined
  readonly #onResult: OnQuestionResult

  /** `onResult` is called with what upstreams say. */
  constructor(onResult: OnQuestionResult) {
    this.#onResult = onResult
  }

  static hashOf({ name, type, class: klass }: Question, flags: number, view: number): number {
    return mixWord(mixWord(name.hash, (type << 16) | klass), (view << 8) | flags)
  }

  find(hash: number, question: Question, flags: number, view: number): OpenQuestion | undefined {
    let open = this.#buckets[hash & (BUCKETS - 1)]
    while (open !== undefined && !this.#isFound(open, hash, question, flags, view)) open = open.sibling
    return open
  }

  /** Other servers are asked from now on: nobody joins those that were opened before. */
  outdate(): void {
    this.#generation++
  }

  isOutdated({ generation }: OpenQuestion): boolean {
    return generation !== this.#generation
  }

  #isFound(open: OpenQuestion, hash: number, question: Question, flags: number, view: number): boolean {
    return open.hash === hash && open.generation === this.#generation && isSame(open, question, flags, view)
  }

  /** Opens one that is not open. */
  open(hash: number, { name, type, class: klass }: Question, flags: number, view: number): OpenQuestion {
    const question = this.#take()
    question.hash = hash
    for (let i = 0; i < name.length; i++) question.name[i] = name.bytes[i]!
    question.nameLength = name.length
    question.type = type
    question.class = klass
    question.flags = flags
    question.view = view
    question.isLate = false
    question.generation = this.#generation
    this.#link(question)
    return question
  }

  /** It is not open any more. What stands in it stays until another one is opened. */
  close(question: OpenQuestion): void {
    this.#unlink(question)
    question.sibling = this.#free
    this.#free = question
  }

  #take(): OpenQuestion {
    const question = this.#free
    if (question === undefined) return new OpenQuestion(this.#onResult)
    this.#free = question.sibling
    return question
  }

  #link(question: OpenQuestion): void {
    const bucket = question.hash & (BUCKETS - 1)
    question.sibling = this.#buckets[bucket]
    this.#buckets[bucket] = question
    question.older = this.#newest
    question.newer = undefined
    if (this.#newest === undefined) this.oldest = question
    else this.#newest.newer = question
    this.#newest = question
    this.count++
  }

  #unlink(question: OpenQuestion): void {
    const bucket = question.hash & (BUCKETS - 1)
    const { sibling, older, newer } = question
    if (this.#buckets[bucket] === question) this.#buckets[bucket] = sibling
    else {
      let before = this.#buckets[bucket]!
      while (before.sibling !== question) before = before.sibling!
      before.sibling = sibling
    }
    if (older === undefined) this.oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    this.count--
  }
}

function isSame(open: OpenQuestion, { name, type, class: klass }: Question, flags: number, view: number): boolean {
  if (open.type !== type || open.class !== klass || open.flags !== flags || open.view !== view) return false
  if (open.nameLength !== name.length) return false
  for (let i = 0; i < name.length; i++) if (open.name[i] !== name.bytes[i]) return false
  return true
}
