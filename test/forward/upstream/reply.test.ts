import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_UPSTREAM_QUERY_SIZE, writeUpstreamQuery } from '../../../lib/forward/upstream/query-writer.js'
import {
  BARE_ERROR,
  extendedRcodeBits,
  FOREIGN,
  isTruncated,
  MATCHING,
  matchReply,
  NO_OPT,
  OTHER_CASE,
  replyRcode,
} from '../../../lib/forward/upstream/reply.js'
import { nameFromText } from '../../../lib/wire/name.js'
import { buildQuery, FLAGS, record } from '../../support/build-query.js'

function queryFor(text: string, type = 1) {
  const name = nameFromText(text)
  return { name, nameLength: name.length, type, class: 1, isDnssecOk: false, isCheckingDisabled: false }
}

const WWW = queryFor('www.example')
const reply = (name = 'www.example', parts: Parameters<typeof buildQuery>[2] = {}) =>
  buildQuery(name, 'A', { flags: FLAGS.QR, ...parts })

describe('a message from upstream', () => {
  const match = (message: Uint8Array) => matchReply(message, message.length, WWW)

  it('belongs to a query with the same name, type and class', () => {
    expect(match(reply())).toBe(MATCHING)
    expect(match(reply('wWw.example'))).toBe(OTHER_CASE)
    expect(match(reply('www.example.org'))).toBe(FOREIGN)
    expect(match(reply('xww.example'))).toBe(FOREIGN)
    expect(match(reply('www.example', { class: 3 }))).toBe(FOREIGN)
    expect(match(buildQuery('www.example', 'AAAA', { flags: FLAGS.QR }))).toBe(FOREIGN)
  })

  it('does not when it is a query, another opcode, or has no or two questions', () => {
    expect(match(reply('www.example', { flags: FLAGS.RD }))).toBe(FOREIGN)
    expect(match(reply('www.example', { flags: FLAGS.QR | 0x2000 }))).toBe(FOREIGN)
    expect(match(reply('www.example', { counts: [2] }))).toBe(FOREIGN)
    expect(match(reply('www.example', { counts: [0] }))).toBe(FOREIGN)
  })

  it('may be an error of a server that knows no EDNS, and has but a header', () => {
    const bare = (rcode: number) => Uint8Array.of(0, 1, 0x80, rcode, 0, 0, 0, 0, 0, 0, 0, 0)
    expect([1, 4].map((rcode) => match(bare(rcode)))).toEqual([BARE_ERROR, BARE_ERROR])
    expect([0, 2, 3, 5].map((rcode) => match(bare(rcode)))).toEqual([FOREIGN, FOREIGN, FOREIGN, FOREIGN])
  })

  it('has an RCODE of twelve bits with EDNS', () => {
    const a = record(nameFromText('www.example'), 1, Uint8Array.of(192, 0, 2, 1))
    const message = reply('www.example', { flags: FLAGS.QR | FLAGS.TC | 7, answer: [a], authority: [a], edns: {} })
    const opt = message.length - 11
    message[opt + 5] = 1
    const bits = extendedRcodeBits(message, message.length, WWW.nameLength + 4)
    expect(replyRcode(message, bits)).toBe(0x17)
    expect(isTruncated(message)).toBe(true)
    const plain = reply('www.example', { answer: [a] })
    expect(extendedRcodeBits(plain, plain.length, WWW.nameLength + 4)).toBe(NO_OPT)
  })

  it('never has anything read behind its end, whatever it is', () => {
    const guarded = (bytes: Uint8Array) =>
      new Proxy(bytes, {
        get(target, key) {
          if (typeof key === 'string' && /^\d+$/.test(key)) expect(Number(key)).toBeLessThan(target.length)
          return Reflect.get(target, key, target)
        },
      })
    const header = reply().subarray(2)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(40), (bytes, kept) => {
        const message = guarded(Uint8Array.of(0, 1, ...header.subarray(0, kept), ...bytes))
        if (matchReply(message, message.length, WWW) === MATCHING)
          extendedRcodeBits(message, message.length, WWW.nameLength + 4)
      }),
      { numRuns: 2_000 },
    )
  })

  it('belongs to the query that was written for it, for any name', () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 63 })
    fc.assert(
      fc.property(fc.array(label, { maxLength: 3 }), fc.nat(65_535), fc.boolean(), (labels, type, hasEdns) => {
        const name = Uint8Array.from([...labels.flatMap((each) => [each.length, ...each]), 0])
        const query = { ...WWW, name, nameLength: name.length, type }
        const bytes = new Uint8Array(MAX_UPSTREAM_QUERY_SIZE)
        const length = writeUpstreamQuery(query, 7, hasEdns, bytes, 0)
        expect(matchReply(bytes, length, query)).toBe(FOREIGN)
        bytes[2]! |= 0x80
        expect(matchReply(bytes, length, query)).toBe(MATCHING)
        expect(extendedRcodeBits(bytes, length, name.length + 4)).toBe(hasEdns ? 0 : NO_OPT)
      }),
    )
  })
})
