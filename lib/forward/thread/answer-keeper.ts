import type { AnswerCacheReader } from '../../answer-cache/answer-cache-reader.js'
import type { AnswerCacheWriter } from '../../answer-cache/answer-cache-writer.js'
import type { AnswerToKeep } from '../../answer-cache/entry-drawing.js'
import { CLASS_IN, MAX_MESSAGE_SIZE, Rcode, RDLENGTH_SIZE } from '../../wire/constants.js'
import { ExtendedError, NO_EXTENDED_ERROR } from '../../wire/edns.js'
import type { FoldedName } from '../../wire/folded-name.js'
import type { ParsedForwardCache } from '../options.js'
import type { CheckedReply } from '../reply/checked-reply.js'
import { MAX_RECORDS } from '../reply/reply-records.js'
import { staleError } from './answer-in-hand.js'

/** RFC 8767 §5: for so long, who has no answer but a stale one does not ask upstreams again. */
const STALE_PAUSE_SECONDS = 30

/** What an answer is kept under, beside its name. */
export interface AnswerKey {
  readonly type: number
  readonly flags: number
  readonly view: number
}

/** Decides for how long what is kept, and keeps it. */
export class AnswerKeeper {
  readonly #cache: AnswerCacheWriter
  options: ParsedForwardCache
  readonly #reply: CheckedReply
  readonly #kept = new KeptAnswer()

  constructor(cache: AnswerCacheWriter, reply: CheckedReply, options: ParsedForwardCache) {
    this.#cache = cache
    this.#reply = reply
    this.options = options
  }

  /** Keeps the reply in hand, unless it is for those alone who wait for it. */
  keepReply(name: FoldedName, key: AnswerKey, nowSeconds: number): void {
    const reply = this.#reply
    if (reply.body.ttl === 0) return
    const kept = this.#kept
    kept.rcode = reply.rcode
    kept.isAuthenticated = reply.isAuthenticated
    kept.isNodata = reply.isNodata
    kept.extendedError = NO_EXTENDED_ERROR
    kept.answerCount = reply.body.answerCount
    kept.authorityCount = reply.body.authorityCount
    kept.bytes = reply.body.bytes
    kept.start = reply.body.start
    kept.length = reply.body.end - reply.body.start
    kept.ttlOffsets = reply.body.ttlOffsets
    kept.storedAt = nowSeconds
    kept.expiresAt = nowSeconds + reply.body.ttl
    kept.staleUntil = kept.expiresAt + this.options.serveStale
    this.#put(name, key)
  }

  /** RFC 9520 §3.2: a failure is remembered for a second at least; the one that has begun does not count. */
  keepFailure(name: FoldedName, key: AnswerKey, nowSeconds: number): void {
    const kept = this.#kept
    kept.rcode = Rcode.SERVFAIL
    kept.isAuthenticated = false
    kept.isNodata = false
    kept.extendedError = ExtendedError.CACHED_ERROR
    kept.answerCount = 0
    kept.authorityCount = 0
    kept.length = 0
    kept.storedAt = nowSeconds
    kept.expiresAt = nowSeconds + 1 + this.options.servfailTtl
    kept.staleUntil = kept.expiresAt
    this.#put(name, key)
  }

  /** Has a stale answer be one that all threads give for a while, if there is one. A failure is no answer. */
  keepStale(name: FoldedName, key: AnswerKey, nowSeconds: number): boolean {
    const { reader } = this.#cache
    if (!reader.findStale(name, key.type, CLASS_IN, key.flags, key.view, nowSeconds)) return false
    if (reader.rcode === Rcode.SERVFAIL) return false
    // Renewing it has failed, and it is still good.
    if (!reader.isStale) return true
    const kept = this.#kept
    if (!kept.copyFrom(reader)) return true
    kept.extendedError = staleError(reader.rcode)
    kept.storedAt = nowSeconds
    kept.expiresAt = nowSeconds + Math.min(STALE_PAUSE_SECONDS, reader.staleSeconds)
    kept.staleUntil = nowSeconds + reader.staleSeconds
    this.#put(name, key)
    return true
  }

  #put(name: FoldedName, { type, flags, view }: AnswerKey): void {
    this.#cache.put(name, type, CLASS_IN, flags, view, this.#kept)
  }
}

/** An answer on its way into the cache. */
class KeptAnswer implements AnswerToKeep {
  rcode = 0
  isAuthenticated = false
  isNodata = false
  extendedError = NO_EXTENDED_ERROR
  answerCount = 0
  authorityCount = 0
  readonly additionalCount = 0
  bytes = NO_BYTES
  start = 0
  length = 0
  ttlOffsets = NO_OFFSETS
  storedAt = 0
  expiresAt = 0
  staleUntil = 0
  readonly #room = new Uint8Array(MAX_MESSAGE_SIZE)
  readonly #offsets = new Uint16Array(MAX_RECORDS)

  /** Takes the answer that a reader has found, with TTLs as they are by now. False when it is none that can be kept. */
  copyFrom(reader: AnswerCacheReader): boolean {
    const target = {
      bytes: this.#room,
      position: 0,
      limit: this.#room.length,
      answerCount: 0,
      authorityCount: 0,
      additionalCount: 0,
    }
    reader.write(target)
    this.rcode = reader.rcode
    this.isAuthenticated = reader.isAuthenticated
    this.isNodata = reader.isNodata
    this.answerCount = target.answerCount
    this.authorityCount = target.authorityCount
    this.bytes = this.#room
    this.start = 0
    this.length = target.position
    this.ttlOffsets = this.#offsets
    return this.#findTtls()
  }

  /** Records that we have written ourselves: a name of labels, with a pointer or the root at its end, type, class, TTL and rdata. */
  #findTtls(): boolean {
    const bytes = this.#room
    let at = 0
    for (let i = 0; i < this.answerCount + this.authorityCount; i++) {
      while (bytes[at]! !== 0 && bytes[at]! < POINTER_BYTE) at += 1 + bytes[at]!
      at += (bytes[at] === 0 ? 1 : 2) + TYPE_AND_CLASS_SIZE
      this.#offsets[i] = at
      at += TTL_SIZE + RDLENGTH_SIZE + ((bytes[at + TTL_SIZE]! << 8) | bytes[at + TTL_SIZE + 1]!)
    }
    return at === this.length
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0)
const NO_OFFSETS: Uint16Array = new Uint16Array(0)
const POINTER_BYTE = 0xc0
const TYPE_AND_CLASS_SIZE = 4
const TTL_SIZE = 4
