import { AnswerCacheMemory } from '../../lib/answer-cache/answer-cache-memory.js'
import { AnswerCacheReader, type AnswerTarget } from '../../lib/answer-cache/answer-cache-reader.js'
import { AnswerCacheWriter } from '../../lib/answer-cache/answer-cache-writer.js'
import type { AnswerToKeep } from '../../lib/answer-cache/entry-drawing.js'
import { NO_EXTENDED_ERROR } from '../../lib/wire/edns.js'
import { FoldedName } from '../../lib/wire/folded-name.js'
import { nameFromText } from '../../lib/wire/name.js'

export const SEED = 0x5eed
export const MIB = 1 << 20
const IN = 1
const RECORD_HEAD_SIZE = 12

/** A record as a test writes it down; its owner is the name in the question, unless it is given in wire form. */
export interface PlainRecord {
  readonly type: number
  readonly ttl: number
  readonly rdata: readonly number[]
  readonly owner?: readonly number[]
}

/** What of an answer a test cares for. */
export interface PlainAnswer {
  readonly answer?: readonly PlainRecord[]
  readonly authority?: readonly PlainRecord[]
  readonly additional?: readonly PlainRecord[]
  readonly rcode?: number
  readonly isAuthenticated?: boolean
  readonly isNodata?: boolean
  readonly extendedError?: number
  readonly storedAt?: number
  readonly expiresAt?: number
  readonly staleUntil?: number
}

export interface Key {
  readonly name: string
  readonly type?: number
  readonly klass?: number
  readonly flags?: number
  readonly view?: number
}

/** A cache with a writer and readers in one thread. */
export class CheckedCache {
  readonly memory: AnswerCacheMemory
  writer: AnswerCacheWriter
  readonly readers: readonly AnswerCacheReader[]
  readonly #writerSlot: number

  constructor({ maxBytes = MIB, maxEntries = 1000, readers = 1 } = {}) {
    this.memory = new AnswerCacheMemory({ maxBytes, maxEntries, readers: readers + 1, seed: SEED })
    this.readers = Array.from({ length: readers }, (_, slot) => AnswerCacheReader.open(this.memory.handle(slot)))
    this.#writerSlot = readers
    this.writer = this.newWriter()
  }

  get reader(): AnswerCacheReader {
    return this.readers[0]!
  }

  /** As the forward thread does when it starts. */
  newWriter(): AnswerCacheWriter {
    this.writer = new AnswerCacheWriter(this.memory.handle(this.#writerSlot))
    return this.writer
  }

  put(key: Key, answer: PlainAnswer): boolean {
    const { name, type = 1, klass = IN, flags = 0, view = 0 } = key
    return this.writer.put(folded(name), type, klass, flags, view, keep(answer))
  }

  find(key: Key, now: number, reader = this.reader): boolean {
    const { name, type = 1, klass = IN, flags = 0, view = 0 } = key
    return reader.find(folded(name), type, klass, flags, view, now)
  }

  findStale(key: Key, now: number): boolean {
    const { name, type = 1, klass = IN, flags = 0, view = 0 } = key
    return this.reader.findStale(folded(name), type, klass, flags, view, now)
  }

  /** What a hit would answer with `room` bytes behind the question. */
  write(room = 65_535, reader = this.reader): Written {
    const target: AnswerTarget = {
      bytes: new Uint8Array(room + 40),
      position: 20,
      limit: 20 + room,
      answerCount: 0,
      authorityCount: 0,
      additionalCount: 0,
    }
    const isComplete = reader.write(target)
    const { bytes, position, answerCount, authorityCount, additionalCount } = target
    return {
      isComplete,
      counts: [answerCount, authorityCount, additionalCount],
      body: [...bytes.subarray(20, position)],
      isUntouchedBehind: bytes.subarray(position).every((byte) => byte === 0),
    }
  }
}

export interface Written {
  readonly isComplete: boolean
  readonly counts: readonly number[]
  readonly body: readonly number[]
  readonly isUntouchedBehind: boolean
}

export function folded(name: string): FoldedName {
  const wire = nameFromText(name)
  const result = new FoldedName()
  if (!result.read(wire, 0, wire.length, SEED)) throw new Error(`${name} is not a name`)
  return result
}

export function a(ttl: number, last = 1): PlainRecord {
  return { type: 1, ttl, rdata: [192, 0, 2, last] }
}

/** A record of so much rdata. */
export function txt(ttl: number, length: number, byte = 0x74): PlainRecord {
  return { type: 16, ttl, rdata: new Array<number>(length).fill(byte) }
}

export function keep(answer: PlainAnswer): AnswerToKeep {
  const sections = [answer.answer ?? [], answer.authority ?? [], answer.additional ?? []] as const
  const records = sections.flat()
  const storedAt = answer.storedAt ?? 0
  const expiresAt = answer.expiresAt ?? storedAt + Math.min(60, ...records.map(({ ttl }) => ttl))
  const { bytes, ttlOffsets } = wireRecords(records)
  return {
    rcode: answer.rcode ?? 0,
    isAuthenticated: answer.isAuthenticated ?? false,
    isNodata: answer.isNodata ?? false,
    extendedError: answer.extendedError ?? NO_EXTENDED_ERROR,
    answerCount: sections[0].length,
    authorityCount: sections[1].length,
    additionalCount: sections[2].length,
    // Not at the beginning of its buffer, as it will not be in a message.
    bytes: Buffer.concat([Uint8Array.of(0xee, 0xee, 0xee), bytes, Uint8Array.of(0xee)]),
    start: 3,
    length: bytes.length,
    ttlOffsets,
    storedAt,
    expiresAt,
    staleUntil: answer.staleUntil ?? expiresAt,
  }
}

/** Records as they stand in a message, with their owners as pointers to the question. */
export function wireRecords(records: readonly PlainRecord[]): { bytes: Uint8Array; ttlOffsets: Uint16Array } {
  const pieces: Uint8Array[] = []
  const ttlOffsets: number[] = []
  let length = 0
  for (const { type, ttl, rdata, owner = [0xc0, 12] } of records) {
    ttlOffsets.push(length + owner.length + 4)
    const head = [...owner, type >> 8, type & 255, 0, IN, ttl >>> 24, (ttl >> 16) & 255, (ttl >> 8) & 255, ttl & 255]
    pieces.push(Uint8Array.from([...head, rdata.length >> 8, rdata.length & 255]), Uint8Array.from(rdata))
    length += head.length + 2 + rdata.length
  }
  return { bytes: Buffer.concat(pieces), ttlOffsets: Uint16Array.from(ttlOffsets) }
}

export const RECORD_SIZE = (rdata: number) => RECORD_HEAD_SIZE + rdata

/** An answer that says in each of its bytes whose it is, and of which round. */
export function numberedAnswer(number: number, round: number): PlainAnswer {
  const length = 1 + (Math.imul(number ^ round, 0x9e3779b1) >>> 23)
  return { answer: [txt(1000, length, (number + round) & 255), a(1000, number & 255)], expiresAt: 1000 }
}

/** Whether a body is one that `numberedAnswer` has made for that number, for whatever round. */
export function isNumberedAnswer(body: readonly number[], number: number): boolean {
  const length = body.length - RECORD_SIZE(0) - RECORD_SIZE(4)
  const rdata = body.slice(RECORD_SIZE(0), RECORD_SIZE(0) + length)
  return length > 0 && rdata.every((byte) => byte === rdata[0]) && body.at(-1) === (number & 255)
}
