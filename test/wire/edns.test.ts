import { type DecodedPacket, decode } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EdnsRequest } from '../../lib/wire/edns.js'
import { Header } from '../../lib/wire/header.js'
import { Question } from '../../lib/wire/question.js'
import { WireReader } from '../../lib/wire/reader.js'
import { buildQuery, bytesOf, optRecord, record } from '../support/build-query.js'

function readEdns(query: Uint8Array) {
  const reader = new WireReader(query)
  const header = new Header()
  const edns = new EdnsRequest()
  header.read(reader)
  new Question().read(reader, 1)
  const isWellFormed = edns.read(reader, header)
  const { present, version, payloadSize, dnssecOk } = edns
  return { isWellFormed, present, version, payloadSize, dnssecOk, position: reader.position }
}

describe('EdnsRequest', () => {
  it('reads what dns-packet reads', () => {
    const parts = fc.record({
      size: fc.nat(0xffff),
      version: fc.constantFrom(0, 1),
      flags: fc.constantFrom(0, 0x8000, 0x7fff, 0xffff),
      options: fc.array(fc.tuple(fc.integer({ min: 100, max: 60000 }), fc.uint8Array({ maxLength: 20 })), {
        maxLength: 4,
      }),
    })
    const property = fc.property(parts, (edns) => {
      const query = buildQuery('a.example', 'A', { edns })
      const opt = (decode(Buffer.from(query)) as DecodedPacket).additionals![0] as unknown as Record<
        string,
        number | boolean
      >
      expect(readEdns(query)).toEqual({
        isWellFormed: true,
        present: true,
        version: opt['ednsVersion'],
        payloadSize: Math.max(512, opt['udpPayloadSize'] as number),
        dnssecOk: opt['flag_do'],
        position: query.length,
      })
    })
    fc.assert(property)
  })

  it('finds an OPT record cut short at any octet, and remembers that there was one', () => {
    const whole = buildQuery('a.example', 'A', { edns: { options: [[10, new Uint8Array(8)]] } })
    const optSize = 11 + 12
    for (let missing = 1; missing < optSize; missing++) {
      const { isWellFormed, present } = readEdns(whole.subarray(0, whole.length - missing))
      // Owner and type have to be there for it to be an OPT record at all.
      expect([isWellFormed, present]).toEqual([false, missing <= optSize - 3])
    }
  })

  it('passes over other records, compressed owners included', () => {
    const others = [
      record(bytesOf(0xc00c), 16, Uint8Array.of(1, 65)),
      record(Uint8Array.of(1, 97, 0), 250, new Uint8Array(20)),
    ]
    expect(readEdns(buildQuery('a.example', 'A', { additional: others, edns: { size: 900 } }))).toMatchObject({
      isWellFormed: true,
      payloadSize: 900,
    })
    expect(readEdns(buildQuery('a.example', 'A', { answer: others, authority: others }))).toMatchObject({
      isWellFormed: true,
      present: false,
    })
  })

  it('fails for owners that break a limit', () => {
    const tooLong = new Uint8Array(301).fill(1, 0, 300)
    for (const owner of [tooLong, Uint8Array.of(0x40, 0), Uint8Array.of(0x80, 0)]) {
      expect(
        readEdns(buildQuery('a.example', 'A', { additional: [record(owner, 1, new Uint8Array(4))] })).isWellFormed,
      ).toBe(false)
    }
  })

  it('leaves the options of another version alone', () => {
    const options = Uint8Array.of(0, 10, 255, 255)
    expect(readEdns(buildQuery('a.example', 'A', { edns: { version: 0, options } })).isWellFormed).toBe(false)
    expect(readEdns(buildQuery('a.example', 'A', { edns: { version: 1, options } }))).toMatchObject({
      isWellFormed: true,
      version: 1,
    })
  })

  it('reads nothing behind the message, whatever the records', () => {
    const edns = new EdnsRequest()
    const header = new Header()
    header.additionalCount = 3
    const property = fc.property(fc.uint8Array({ maxLength: 80 }), (tail) => {
      const bytes = tail.length > 3 ? Uint8Array.of(0, 0, 41, ...tail) : tail
      const results = [0x00, 0xaa, 0xff].map((poison) => {
        const reader = new WireReader()
        reader.reset(Uint8Array.of(...bytes, ...new Uint8Array(40).fill(poison)), 0, bytes.length)
        const isWellFormed = edns.read(reader, header)
        expect(reader.position).toBeLessThanOrEqual(bytes.length)
        return [isWellFormed, edns.present, edns.version, edns.payloadSize, edns.dnssecOk]
      })
      expect(results[1]).toEqual(results[0])
      expect(results[2]).toEqual(results[0])
    })
    fc.assert(property)
  })

  it('counts two OPT records as malformed', () => {
    expect(readEdns(buildQuery('a.example', 'A', { additional: [optRecord()], edns: {} }))).toMatchObject({
      isWellFormed: false,
      present: true,
    })
  })
})
