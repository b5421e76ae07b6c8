import { keyWords } from '../shared-table/layout.js'
import { RDLENGTH_SIZE } from '../wire/constants.js'
import { NO_EXTENDED_ERROR } from '../wire/edns.js'
import type { FoldedName } from '../wire/folded-name.js'
import {
  ENTRY_ADDITIONAL,
  ENTRY_ANSWER_AUTHORITY,
  ENTRY_BODY,
  ENTRY_ENDS,
  ENTRY_EXPIRES_AT,
  ENTRY_GENERATION,
  ENTRY_NAME,
  ENTRY_RCODE,
  ENTRY_STALE_UNTIL,
  ENTRY_STORED_AT,
  ENTRY_TYPE_AND_CLASS,
  ENTRY_VIEW_FLAGS_LENGTH,
  EXTENDED_ERROR_SHIFT,
  HALF_SHIFT,
  IS_AUTHENTICATED,
  IS_NODATA,
  LOW_HALF,
  RCODE_MASK,
} from './layout.js'

/** An answer as the cache is given it. The object and the bytes stay the caller's, who may use them again. */
export interface AnswerToKeep {
  readonly rcode: number
  /** AD, as the upstream had it. */
  readonly isAuthenticated: boolean
  /** Whether this is a negative answer though its RCODE is NOERROR. */
  readonly isNodata: boolean
  /** The Extended DNS Error to say, or NO_EXTENDED_ERROR. */
  readonly extendedError: number
  readonly answerCount: number
  readonly authorityCount: number
  /** Without an OPT record: that is never stored. */
  readonly additionalCount: number
  /** Where the three sections stand, one record behind the other, as they stand behind the question in a message for that name. */
  readonly bytes: Uint8Array
  readonly start: number
  readonly length: number
  /** Where the TTL of each record stands, counted from `start`. There may be more numbers than records. */
  readonly ttlOffsets: Uint16Array
  /** Whole seconds of the clock that look-ups go by: when the TTLs were what they are, until when it is good, and for how long it is better than nothing. */
  readonly storedAt: number
  readonly expiresAt: number
  readonly staleUntil: number
}

/** Longer ones are not copied byte by byte. */
const LONGEST_LOOP = 128
const TTL_SIZE = 4

/** Writes answers as they stand in blocks of the cache. Who may read them, and when they leave, is not known here. */
export class EntryDrawing {
  readonly #words: Int32Array
  readonly #bytes: Uint8Array

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
    this.#bytes = new Uint8Array(memory)
  }

  /** Whatever refers to it is to be stored afterwards; its place in a bucket is the writer's. */
  write(
    block: number,
    name: FoldedName,
    typeClass: number,
    viewFlags: number,
    generation: number,
    answer: AnswerToKeep,
  ): void {
    const words = this.#words
    const { answerCount, authorityCount, additionalCount, ttlOffsets } = answer
    const nameWords = keyWords(name.length)
    const records = answerCount + authorityCount + additionalCount
    const ttls = block + ENTRY_NAME + nameWords
    const body = ttls + ttlWords(records)
    words[block + ENTRY_TYPE_AND_CLASS] = typeClass
    words[block + ENTRY_VIEW_FLAGS_LENGTH] = viewFlags
    words[block + ENTRY_GENERATION] = generation
    words[block + ENTRY_STORED_AT] = answer.storedAt
    words[block + ENTRY_EXPIRES_AT] = answer.expiresAt
    words[block + ENTRY_STALE_UNTIL] = Math.max(answer.expiresAt, answer.staleUntil)
    words[block + ENTRY_RCODE] = rcodeWord(answer)
    words[block + ENTRY_ANSWER_AUTHORITY] = (answerCount << HALF_SHIFT) | authorityCount
    words[block + ENTRY_ADDITIONAL] = additionalCount
    words[block + ENTRY_ENDS] = (endOf(answer, answerCount) << HALF_SHIFT) | endOf(answer, answerCount + authorityCount)
    words[block + ENTRY_BODY] = ((4 * (body - block)) << HALF_SHIFT) | answer.length
    for (let i = 0; i < nameWords; i++) words[block + ENTRY_NAME + i] = name.words[i]!
    for (let i = 0; i < records; i += 2) {
      const second = i + 1 < records ? ttlOffsets[i + 1]! : 0
      words[ttls + (i >>> 1)] = (second << HALF_SHIFT) | ttlOffsets[i]!
    }
    this.#copy(answer, 4 * body)
  }

  /** A `subarray` is garbage for each answer, and wins only from about 100 bytes on. */
  #copy({ bytes, start, length }: AnswerToKeep, target: number): void {
    if (length > LONGEST_LOOP) this.#bytes.set(bytes.subarray(start, start + length), target)
    else for (let i = 0; i < length; i++) this.#bytes[target + i] = bytes[start + i]!
  }
}

/** What an answer takes in a page. */
export function entryBytes(
  name: FoldedName,
  { answerCount, authorityCount, additionalCount, length }: AnswerToKeep,
): number {
  const records = answerCount + authorityCount + additionalCount
  return 4 * (ENTRY_NAME + keyWords(name.length) + ttlWords(records)) + length
}

/** Whether the records end where the whole does, and the parts fit the places they have. What was taken apart rightly is. */
export function isWhole(answer: AnswerToKeep): boolean {
  const { answerCount, authorityCount, additionalCount, ttlOffsets, length, expiresAt, storedAt } = answer
  const records = answerCount + authorityCount + additionalCount
  if (ttlOffsets.length < records || length > LOW_HALF || expiresAt <= storedAt) return false
  for (let i = 0; i < records; i++) if (ttlOffsets[i]! + TTL_SIZE + RDLENGTH_SIZE > length) return false
  return endOf(answer, records) === length
}

/** Where the first so many records end. */
function endOf({ bytes, start, ttlOffsets }: AnswerToKeep, records: number): number {
  if (records === 0) return 0
  const at = ttlOffsets[records - 1]! + TTL_SIZE
  return at + RDLENGTH_SIZE + ((bytes[start + at]! << 8) | bytes[start + at + 1]!)
}

function rcodeWord({ rcode, isAuthenticated, isNodata, extendedError }: AnswerToKeep): number {
  const marks = (isAuthenticated ? IS_AUTHENTICATED : 0) | (isNodata ? IS_NODATA : 0)
  return ((extendedError - NO_EXTENDED_ERROR) << EXTENDED_ERROR_SHIFT) | marks | (rcode & RCODE_MASK)
}

function ttlWords(records: number): number {
  return (records + 1) >>> 1
}
