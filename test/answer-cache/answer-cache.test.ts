import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FLAG_CD, FLAG_DO } from '../../lib/answer-cache/layout.js'
import { NO_EXTENDED_ERROR } from '../../lib/wire/edns.js'
import { a, CheckedCache, folded, type Key, keep, MIB, RECORD_SIZE, txt, wireRecords } from './checked-cache.js'

const NXDOMAIN = 3
const SERVFAIL = 2
const STALE_ANSWER = 3
const soa = (ttl: number) => ({ type: 6, ttl, rdata: [0, 0, ...new Array<number>(20).fill(7)], owner: [0] })
const recordsOf = (...records: Parameters<typeof wireRecords>[0]) => [...wireRecords(records).bytes]

describe('an answer in the cache', () => {
  it('is found by its question, and written as it was with its TTLs aged', () => {
    const cache = new CheckedCache()
    const key: Key = { name: 'www.example.org' }
    cache.put(key, {
      answer: [a(300, 1), a(300, 2)],
      authority: [txt(900, 5)],
      additional: [a(100, 3)],
      storedAt: 1000,
    })
    expect(cache.find(key, 1040)).toBe(true)
    expect(cache.reader.isStale).toBe(false)
    expect(cache.reader.remainingSeconds).toBe(20)
    expect(cache.reader.lifetimeSeconds).toBe(60)
    expect(cache.write()).toEqual({
      isComplete: true,
      counts: [2, 1, 1],
      body: recordsOf(a(260, 1), a(260, 2), txt(860, 5), a(60, 3)),
      isUntouchedBehind: true,
    })
  })

  it('says what the upstream has said besides records', () => {
    const cache = new CheckedCache()
    cache.put({ name: 'bad.example' }, { rcode: SERVFAIL, extendedError: 22, expiresAt: 5 })
    cache.put({ name: 'none.example' }, { authority: [soa(30)], isNodata: true, isAuthenticated: true })
    expect(cache.find({ name: 'bad.example' }, 1)).toBe(true)
    expect(cache.reader).toMatchObject({ rcode: SERVFAIL, extendedError: 22, isNodata: false, isAuthenticated: false })
    expect(cache.write()).toMatchObject({ isComplete: true, counts: [0, 0, 0], body: [] })
    expect(cache.find({ name: 'none.example' }, 1)).toBe(true)
    expect(cache.reader).toMatchObject({
      rcode: 0,
      extendedError: NO_EXTENDED_ERROR,
      isNodata: true,
      isAuthenticated: true,
    })
  })

  it('is not found from the second on in which it expires, and never has a TTL of 0 before', () => {
    const cache = new CheckedCache()
    const key: Key = { name: 'short.example' }
    cache.put(key, { answer: [a(5)], storedAt: 10 })
    expect(cache.find(key, 14)).toBe(true)
    expect(cache.write().body).toEqual(recordsOf(a(1)))
    expect(cache.find(key, 15)).toBe(false)
    expect(cache.find(key, 0xffff)).toBe(false)
  })

  it('gives a record no less time than was given to the whole', () => {
    const cache = new CheckedCache()
    const key: Key = { name: 'floor.example' }
    cache.put(key, { answer: [a(0), a(300)], expiresAt: 30 })
    expect(cache.find(key, 10)).toBe(true)
    expect(cache.write().body).toEqual(recordsOf(a(20), a(290)))
  })

  it('is found stale after that, for as long as it was said, with a TTL of 30 seconds', () => {
    const cache = new CheckedCache()
    const key: Key = { name: 'stale.example' }
    cache.put(key, { answer: [a(60), a(3600)], expiresAt: 60, staleUntil: 100, extendedError: STALE_ANSWER })
    expect(cache.findStale(key, 59)).toBe(true)
    expect(cache.reader).toMatchObject({ isStale: false, remainingSeconds: 1 })
    expect(cache.findStale(key, 99)).toBe(true)
    expect(cache.reader).toMatchObject({ isStale: true, remainingSeconds: 0 })
    expect(cache.write().body).toEqual(recordsOf(a(30), a(3501)))
    expect(cache.findStale(key, 100)).toBe(false)
  })

  it('is replaced by the next answer to the same query', () => {
    const cache = new CheckedCache()
    const key: Key = { name: 'again.example' }
    for (let i = 1; i <= 100; i++) expect(cache.put(key, { answer: [a(60, i)], storedAt: i })).toBe(true)
    expect(cache.find(key, 100)).toBe(true)
    expect(cache.write().body).toEqual(recordsOf(a(60, 100)))
    expect(cache.memory.size).toMatchObject({ entries: 1, stored: 100, evicted: 0, refused: 0 })
  })

  it('can be claimed for renewal once, and again once it was renewed', () => {
    const cache = new CheckedCache({ readers: 2 })
    const key: Key = { name: 'popular.example' }
    cache.put(key, { answer: [a(60)] })
    for (const reader of cache.readers) expect(cache.find(key, 55, reader)).toBe(true)
    expect(cache.readers.map((reader) => reader.claimRenewal())).toEqual([true, false])
    cache.put(key, { answer: [a(60)], storedAt: 56 })
    expect(cache.find(key, 110)).toBe(true)
    expect(cache.reader.claimRenewal()).toBe(true)
  })

  it('is not kept when it is larger than a page, or when its records do not end where it does', () => {
    const cache = new CheckedCache({ maxBytes: 8 * MIB })
    const key: Key = { name: 'large.example' }
    expect(cache.put(key, { answer: [txt(60, 65_400)] })).toBe(true)
    expect(cache.find(key, 1)).toBe(true)
    expect(cache.write().body).toEqual(recordsOf(txt(59, 65_400)))
    expect(cache.put(key, { answer: [txt(60, 65_500)] })).toBe(false)
    const answer = keep({ answer: [a(60)] })
    for (const wrong of [
      { length: answer.length - 1 },
      { length: answer.length + 1 },
      { answerCount: 2 },
      { ttlOffsets: Uint16Array.of(60_000) },
      { expiresAt: answer.storedAt },
    ]) {
      expect(cache.writer.put(folded('wrong.example'), 1, 1, 0, 0, { ...answer, ...wrong })).toBe(false)
    }
    expect(cache.memory.size).toMatchObject({ entries: 1, stored: 1, refused: 6 })
  })
})

describe('an answer without room for all of it', () => {
  const cache = new CheckedCache()
  const [answer, authority, additional] = [[a(60, 1), a(60, 2)], [txt(60, 8)], [a(60, 9)]]
  cache.put({ name: 'positive.example' }, { answer, authority, additional })
  cache.put({ name: 'negative.example' }, { rcode: NXDOMAIN, authority: [soa(60)], additional })
  const size = { answer: 2 * RECORD_SIZE(4), authority: RECORD_SIZE(8), additional: RECORD_SIZE(4) }
  const written = (name: string, room: number) => {
    expect(cache.find({ name }, 0)).toBe(true)
    const { isComplete, counts, body, isUntouchedBehind } = cache.write(room)
    expect(isUntouchedBehind).toBe(true)
    return { isComplete, counts, length: body.length }
  }

  it('is truncated where its answer, or what proves it, does not fit, and then goes without', () => {
    const all = size.answer + size.authority + size.additional
    const [twoSections, oneSection] = [all - size.additional, size.answer]
    expect(written('positive.example', all)).toEqual({ isComplete: true, counts: [2, 1, 1], length: all })
    expect(written('positive.example', all - 1)).toEqual({ isComplete: true, counts: [2, 1, 0], length: twoSections })
    expect(written('positive.example', twoSections - 1)).toEqual({
      isComplete: false,
      counts: [2, 0, 0],
      length: oneSection,
    })
    expect(written('positive.example', oneSection)).toEqual({
      isComplete: false,
      counts: [2, 0, 0],
      length: oneSection,
    })
    expect(written('positive.example', oneSection - 1)).toEqual({ isComplete: false, counts: [0, 0, 0], length: 0 })
  })

  it('is truncated where a negative one has no room for its SOA record', () => {
    const proof = recordsOf(soa(60)).length
    expect(written('negative.example', proof)).toEqual({ isComplete: true, counts: [0, 1, 0], length: proof })
    expect(written('negative.example', proof - 1)).toEqual({ isComplete: false, counts: [0, 0, 0], length: 0 })
  })
})

describe('the key of an answer', () => {
  const name = fc.constantFrom(
    'a.example',
    'A.example',
    'b.example',
    'a.example.org',
    'example',
    '.',
    `${'x.'.repeat(120)}org`,
  )
  const key = fc.record({
    name,
    type: fc.constantFrom(1, 2, 28, 255, 65_535),
    klass: fc.constantFrom(1, 3, 65_535),
    flags: fc.constantFrom(0, FLAG_DO, FLAG_CD, FLAG_DO | FLAG_CD),
    view: fc.constantFrom(0, 1, 255, 65_535),
  })
  const textOf = (each: Required<Key>) =>
    [each.name.toLowerCase(), each.type, each.klass, each.flags, each.view].join(' ')

  it('is folded name, type, class, DO, CD and view: queries that differ in any of them never share an entry', () => {
    const put = fc.record({
      kind: fc.constant('put' as const),
      key,
      last: fc.nat(255),
      ttl: fc.integer({ min: 1, max: 50 }),
    })
    const flush = fc.record({ kind: fc.constantFrom('flush' as const, 'flushAll' as const, 'restart' as const), key })
    const wait = fc.record({ kind: fc.constant('wait' as const), seconds: fc.nat(20) })
    const steps = fc.array(fc.oneof({ weight: 20, arbitrary: put }, flush, { weight: 3, arbitrary: wait }), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(steps, fc.array(key, { maxLength: 30 }), (run, others) => {
        const cache = new CheckedCache({ maxEntries: 1000 })
        const model = new Map<string, { last: number; expiresAt: number; name: string }>()
        const asked: Required<Key>[] = [...others]
        let now = 100
        for (const step of run) {
          if (step.kind === 'wait') {
            now += step.seconds
            cache.writer.sweep(now)
            continue
          }
          asked.push(step.key)
          const text = textOf(step.key)
          if (step.kind === 'put') {
            expect(cache.put(step.key, { answer: [a(step.ttl, step.last)], storedAt: now })).toBe(true)
            model.set(text, { last: step.last, expiresAt: now + step.ttl, name: step.key.name.toLowerCase() })
          } else if (step.kind === 'flush') {
            const ofName = [...model].filter(([, answer]) => answer.name === step.key.name.toLowerCase())
            expect(cache.writer.flush(folded(step.key.name))).toBeGreaterThanOrEqual(
              ofName.filter(([, { expiresAt }]) => expiresAt > now).length,
            )
            for (const [text] of ofName) model.delete(text)
          } else {
            if (step.kind === 'flushAll') cache.writer.flush()
            else cache.newWriter()
            model.clear()
          }
        }
        for (const each of asked) {
          const expected = model.get(textOf(each))
          const isThere = expected !== undefined && expected.expiresAt > now
          expect(cache.find(each, now), textOf(each)).toBe(isThere)
          if (isThere) expect(cache.write().body).toEqual(recordsOf(a(expected.expiresAt - now, expected.last)))
        }
      }),
    )
  })
})
