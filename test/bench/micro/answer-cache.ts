import { AnswerCacheMemory } from '../../../lib/answer-cache/answer-cache-memory.js'
import { AnswerCacheReader } from '../../../lib/answer-cache/answer-cache-reader.js'
import { AnswerCacheWriter } from '../../../lib/answer-cache/answer-cache-writer.js'
import { ResponseWriter } from '../../../lib/query/response-writer.js'
import { RecordIndexWriter } from '../../../lib/record-index/record-index-writer.js'
import { CLASS_IN, RDLENGTH_SIZE, Type } from '../../../lib/wire/constants.js'
import { NO_EXTENDED_ERROR } from '../../../lib/wire/edns.js'
import { FoldedName } from '../../../lib/wire/folded-name.js'
import { nameFromText } from '../../../lib/wire/name.js'
import { report } from './measure.js'

/**
 * An answer from the cache beside one from the record index: look-up and copy, one query after the other, each for another name. What
 * the query pipeline does besides (reading the query, choosing records, the OPT record) is left out; only the index needs some of it.
 */

const SEED = 7
const NAMES = 40_000
const BATCH = 64
const NOW = 100
const QNAME_OFFSET = 12
const NO_SIDE = new Uint8Array(0)

const wireNames = Array.from({ length: NAMES }, (_, i) => nameFromText(`host-${i}.zone-${i % 50}.example.org`))
const name = new FoldedName()
const batch = Array.from({ length: BATCH }, () => new FoldedName())
const response = new ResponseWriter()
const message = new Uint8Array(4096)

/** Each name is asked for, in an order that no cache of the processor foresees. */
function wireOf(i: number): Uint8Array {
  return wireNames[(i * 7919) % NAMES]!
}

function read(into: FoldedName, i: number): FoldedName {
  const wire = wireOf(i)
  into.read(wire, 0, wire.length, SEED)
  return into
}

/** Of a query, where a call is for a batch. */
function reportBatch(what: string, call: (batch: number) => number): void {
  let sum = 0
  report(what, (i) => {
    if (i % BATCH === 0) sum = call(i / BATCH)
    return sum
  })
}

for (const records of [1, 4, 16]) {
  const memory = new AnswerCacheMemory({ maxBytes: 64 << 20, maxEntries: 100_000, readers: 2, seed: SEED })
  const writer = new AnswerCacheWriter(memory.handle(1))
  const cache = AnswerCacheReader.open(memory.handle(0))
  const indexWriter = new RecordIndexWriter({ readers: 0, seed: SEED, serial: 1, onSegment: () => {} })
  const index = indexWriter.reader
  const wire = Uint8Array.from(Array.from({ length: records }, (_, i) => [0, 4, 192, 0, 2, i]).flat())
  const body = Uint8Array.from(
    Array.from({ length: records }, (_, i) => [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, i]).flat(),
  )
  const ttlOffsets = Uint16Array.from({ length: records }, (_, i) => 16 * i + 6)
  for (const wireName of wireNames) {
    name.read(wireName, 0, wireName.length, SEED)
    const kept = writer.put(name, Type.A, CLASS_IN, 0, 0, {
      rcode: 0,
      isAuthenticated: false,
      isNodata: false,
      extendedError: NO_EXTENDED_ERROR,
      answerCount: records,
      authorityCount: 0,
      additionalCount: 0,
      bytes: body,
      start: 0,
      length: body.length,
      ttlOffsets,
      storedAt: 0,
      expiresAt: 300,
      staleUntil: 300,
    })
    if (!kept) throw new Error('the cache has refused an answer')
    indexWriter.write(wireName, [
      {
        type: Type.A,
        ttl: 300,
        count: records,
        bytes: wire,
        start: 0,
        length: wire.length,
        side: NO_SIDE,
        sideStart: 0,
        sideLength: 0,
      },
    ])
  }
  cache.enter()
  index.enter()

  const fromCache = (asked: FoldedName): number => {
    response.begin(asked, message, 0, message.length)
    // A few names have found their bucket full and taken another one's place.
    if (!cache.find(asked, Type.A, CLASS_IN, 0, 0, NOW)) return 0
    cache.write(response)
    return response.position
  }
  const fromIndex = (asked: FoldedName): number => {
    response.begin(asked, message, 0, message.length)
    if (!index.findFolded(asked) || !index.findType(Type.A)) throw new Error('not in the index')
    const { bytes, count } = index
    for (let i = 0, at = index.wireStart; i < count; i++) {
      const length = (bytes[at]! << 8) | bytes[at + 1]!
      response.pointer(QNAME_OFFSET)
      response.recordHead(Type.A, index.ttl)
      response.rdata(Type.A, bytes, at + RDLENGTH_SIZE, length)
      at += RDLENGTH_SIZE + length
    }
    return response.position
  }
  report(`${records} addresses, the name alone`, (i) => read(name, i).hash)
  report(`${records} addresses, record index`, (i) => fromIndex(read(name, i)))
  report(`${records} addresses, answer cache`, (i) => fromCache(read(name, i)))
  reportBatch(`${records} addresses, record index, batch of ${BATCH} read ahead`, (i) => {
    for (let j = 0; j < BATCH; j++) index.expect(j, read(batch[j]!, i * BATCH + j).hash)
    index.prefetch(BATCH)
    let sum = 0
    for (let j = 0; j < BATCH; j++) sum += fromIndex(batch[j]!)
    return sum
  })
  reportBatch(`${records} addresses, answer cache, batch of ${BATCH} read ahead`, (i) => {
    for (let j = 0; j < BATCH; j++) cache.expect(j, read(batch[j]!, i * BATCH + j), Type.A, CLASS_IN, 0, 0)
    cache.prefetch(BATCH)
    let sum = 0
    for (let j = 0; j < BATCH; j++) sum += fromCache(batch[j]!)
    return sum
  })
  reportBatch(`${records} addresses, answer cache, batch of ${BATCH} not read ahead`, (i) => {
    for (let j = 0; j < BATCH; j++) read(batch[j]!, i * BATCH + j)
    let sum = 0
    for (let j = 0; j < BATCH; j++) sum += fromCache(batch[j]!)
    return sum
  })
  cache.leave()
  index.leave()
}
