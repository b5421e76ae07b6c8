import { type Answer, decode, encode, type Packet } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CheckedReply, MAX_CHAIN_LENGTH } from '../../../lib/forward/reply/checked-reply.js'
import { HEADER_SIZE } from '../../../lib/wire/constants.js'
import { FoldedName } from '../../../lib/wire/folded-name.js'
import { nameFromText, nameToText } from '../../../lib/wire/name.js'
import { buildQuery, bytesOf, joined, record } from '../../support/build-query.js'

const SEED = 7
const RESPONSE = 0x8180
const NXDOMAIN = 3
const AUTHORITATIVE = 0x0400
const RECURSION_AVAILABLE = 0x0080

interface Asked {
  readonly name?: string
  readonly type?: number
  readonly isDnssecOk?: boolean
  readonly mayAnswerFor?: (name: string) => boolean
  readonly ttls?: { minTtl?: number; maxTtl?: number; maxNegativeTtl?: number }
}

interface Sections {
  readonly flags?: number
  readonly answers?: object[]
  readonly authorities?: object[]
  readonly additionals?: object[]
}

function folded(name: string): FoldedName {
  const wire = nameFromText(name)
  const target = new FoldedName()
  target.read(wire, 0, wire.length, SEED)
  return target
}

/** What is taken of a message; undefined for one that is none. */
function readBytes(message: Uint8Array, asked: Asked = {}) {
  const { name = 'www.example', type = 1, isDnssecOk = false, mayAnswerFor = () => true, ttls = {} } = asked
  const reply = new CheckedReply(SEED, {
    minTtl: 0,
    maxTtl: 86_400,
    maxNegativeTtl: 30,
    ...ttls,
    mayAnswerFor: (target) => mayAnswerFor(nameToText(target.bytes)),
  })
  if (!reply.read(message, message.length, { name: folded(name), type, isDnssecOk })) return undefined
  const whole = new Uint8Array(reply.body.bytes.slice(0, reply.body.end))
  whole.set(bytesOf(0, RESPONSE, 1, reply.body.answerCount, reply.body.authorityCount, 0))
  whole.set(bytesOf(type, 1), reply.body.start - 4)
  const packet = decode(Buffer.from(whole))
  expect(decode.bytes).toBe(whole.length)
  const texts = (records: Answer[] = []) =>
    records.map((each) => {
      const { name, type, ttl, data } = each as { name: string; type: string; ttl: number; data: unknown }
      return `${name} ${ttl} ${type} ${typeof data === 'string' ? data : JSON.stringify(data)}`
    })
  const ttlsAt = Array.from({ length: reply.body.ttlCount }, (_, i) => reply.body.start + reply.body.ttlOffsets[i]!)
  const view = new DataView(whole.buffer)
  expect(ttlsAt.map((at) => view.getUint32(at))).toEqual(
    [...(packet.answers ?? []), ...(packet.authorities ?? [])].map((each) => (each as { ttl: number }).ttl),
  )
  const { rcode, isNodata, isAuthenticated } = reply
  const { ttl } = reply.body
  return { rcode, isNodata, ttl, isAuthenticated, answer: texts(packet.answers), authority: texts(packet.authorities) }
}

function read({ flags = RESPONSE, ...sections }: Sections, asked: Asked = {}) {
  const { name = 'www.example' } = asked
  const packet = { type: 'response', flags: flags & 0x7fff, questions: [{ name, type: 'A' }], ...sections }
  return readBytes(new Uint8Array(encode(packet as unknown as Packet)), asked)
}

const a = (name: string, data = '192.0.2.1', ttl = 60) => ({ type: 'A', name, ttl, data })
const cname = (name: string, data: string, ttl = 60) => ({ type: 'CNAME', name, ttl, data })
const soa = (name: string, ttl = 3600, minimum = 20) => ({
  type: 'SOA',
  name,
  ttl,
  data: { mname: `ns.${name}`, rname: `admin.${name}`, serial: 1, refresh: 2, retry: 3, expire: 4, minimum },
})

describe('of a reply', () => {
  it('takes what was asked for, and nothing else that stands beside it', () => {
    const evil = a('bank.example', '203.0.113.6')
    const ns = { type: 'NS', name: 'example', ttl: 60, data: 'ns.evil.example' }
    const taken = read({
      answers: [evil, a('WWW.example'), evil],
      authorities: [ns, soa('bank.example')],
      additionals: [evil],
    })
    expect(taken).toMatchObject({ rcode: 0, ttl: 60, isNodata: false, authority: [] })
    expect(taken!.answer).toEqual(['www.example 60 A 192.0.2.1'])
  })

  it('takes the chain from the question, in its order, and the RRset at its end', () => {
    const answers = [
      a('c.example'),
      cname('b.example', 'c.example', 5),
      cname('www.example', 'b.example'),
      a('d.example'),
    ]
    const taken = read({ answers })
    expect(taken).toMatchObject({ ttl: 5 })
    expect(taken!.answer).toEqual([
      'www.example 60 CNAME b.example',
      'b.example 5 CNAME c.example',
      'c.example 60 A 192.0.2.1',
    ])
  })

  it('takes as many links as we follow ourselves, and no more', () => {
    const chain = (links: number) => [
      ...Array.from({ length: links }, (_, i) => cname(i === 0 ? 'www.example' : `l${i}.example`, `l${i + 1}.example`)),
      a(`l${links}.example`),
    ]
    expect(read({ answers: chain(MAX_CHAIN_LENGTH) })!.answer).toHaveLength(MAX_CHAIN_LENGTH + 1)
    expect(read({ answers: chain(MAX_CHAIN_LENGTH + 1) })).toBeUndefined()
  })

  it.each([
    ['itself', [cname('www.example', 'www.example')]],
    ['the one before', [cname('www.example', 'b.example'), cname('b.example', 'www.example')]],
  ])('takes nothing when a CNAME leads back to %s', (_, answers) => {
    expect(read({ answers })).toBeUndefined()
  })

  it('takes a CNAME that was asked for, and does not follow it', () => {
    const answers = [cname('www.example', 'b.example'), a('b.example')]
    expect(read({ answers }, { type: 5 })!.answer).toEqual(['www.example 60 CNAME b.example'])
  })

  it('takes no word of names that are for others to answer', () => {
    const answers = [cname('www.example', 'db.ours.test'), a('db.ours.test', '203.0.113.6')]
    const taken = read({ answers }, { mayAnswerFor: (name) => name !== 'db.ours.test' })
    expect(taken).toMatchObject({ rcode: 0, isNodata: false, answer: ['www.example 60 CNAME db.ours.test'] })
  })

  it('takes the DNAME that a CNAME was made from', () => {
    const dname = { type: 'DNAME', name: 'example', ttl: 60, data: 'other.test' }
    const foreign = { type: 'DNAME', name: 'bank.test', ttl: 60, data: 'evil.test' }
    const answers = [foreign, dname, cname('www.example', 'www.other.test'), a('www.other.test')]
    expect(read({ answers })!.answer.map((text) => text.split(' ').slice(0, 3).join(' '))).toEqual([
      'example 60 DNAME',
      'www.example 60 CNAME',
      'www.other.test 60 A',
    ])
  })

  it('takes records of unknown types as they came', () => {
    const rdata = joined([Uint8Array.of(3), Buffer.from('abc'), bytesOf(0xc00c)])
    const reply = new CheckedReply(SEED, { minTtl: 0, maxTtl: 60, maxNegativeTtl: 30, mayAnswerFor: () => true })
    const message = buildQuery('www.example', 65_280, {
      flags: RESPONSE,
      answer: [record(nameFromText('www.example'), 65_280, rdata)],
    })
    expect(reply.read(message, message.length, { name: folded('www.example'), type: 65_280, isDnssecOk: false })).toBe(
      true,
    )
    expect(Buffer.from(reply.body.bytes.subarray(reply.body.end - rdata.length, reply.body.end))).toEqual(
      Buffer.from(rdata),
    )
  })

  it('leaves out signatures and proofs unless DO asked for them', () => {
    const rrsig = {
      type: 'RRSIG',
      name: 'www.example',
      ttl: 60,
      data: {
        ...{ typeCovered: 'A', algorithm: 8, labels: 2, originalTTL: 60, expiration: 2, inception: 1, keyTag: 1 },
        ...{ signersName: 'example', signature: Buffer.from('x') },
      },
    }
    const nsec = (name: string) => ({ type: 'NSEC', name, ttl: 60, data: { nextDomain: 'z.example', rrtypes: ['A'] } })
    const sections = { answers: [a('www.example'), rrsig], authorities: [nsec('a.example'), nsec('a.bank.test')] }
    expect(read(sections)).toMatchObject({ answer: ['www.example 60 A 192.0.2.1'], authority: [] })
    const taken = read(sections, { isDnssecOk: true })!
    expect(taken.answer).toHaveLength(2)
    expect(taken.authority).toHaveLength(1)
    expect(taken.authority[0]).toMatch(/^a\.example 60 NSEC/)
  })

  it('says whether the upstream has checked it', () => {
    expect(read({ answers: [a('www.example')], flags: RESPONSE | 0x20 })).toMatchObject({ isAuthenticated: true })
    expect(read({ answers: [a('www.example')] })).toMatchObject({ isAuthenticated: false })
  })
})

describe('the time of a reply', () => {
  it('is that of its shortest record, and one for all of an RRset', () => {
    const taken = read({ answers: [a('www.example', '192.0.2.1', 60), a('www.example', '192.0.2.2', 9)] })
    expect(taken).toMatchObject({ ttl: 9, answer: ['www.example 9 A 192.0.2.1', 'www.example 9 A 192.0.2.2'] })
  })

  it('is kept within bounds, and is none where the uppermost bit is set', () => {
    const ttls = { minTtl: 5, maxTtl: 100 }
    expect(read({ answers: [a('www.example', '192.0.2.1', 1000)] }, { ttls })).toMatchObject({ ttl: 100 })
    expect(read({ answers: [a('www.example', '192.0.2.1', 0)] }, { ttls })).toMatchObject({ ttl: 5 })
    expect(read({ answers: [a('www.example', '192.0.2.1', 0x80000000)] })).toMatchObject({ ttl: 0 })
  })

  it.each([
    ['the minimum of the SOA', soa('example', 3600, 20), 20],
    ['the TTL of the SOA', soa('example', 7, 20), 7],
    ['our own limit', soa('example', 3600, 3600), 30],
  ])('of a negative one is %s, where that is least', (_, authority, ttl) => {
    for (const flags of [RESPONSE, RESPONSE | NXDOMAIN]) {
      const taken = read({ flags, authorities: [authority] })
      expect(taken).toMatchObject({ ttl, rcode: flags & 0xf, isNodata: flags === RESPONSE })
      expect(taken!.authority[0]).toMatch(new RegExp(`^example ${ttl} SOA`))
    }
  })

  it('of a negative one without an SOA is none: it is not kept', () => {
    expect(read({})).toMatchObject({ ttl: 0, isNodata: true, authority: [] })
    expect(read({ authorities: [soa('bank.test')] })).toMatchObject({ ttl: 0, authority: [] })
  })
})

describe('a negative reply', () => {
  it('is about the end of its chain', () => {
    const sections = { flags: RESPONSE | NXDOMAIN, answers: [cname('www.example', 'gone.test', 8)] }
    const taken = read({ ...sections, authorities: [soa('example'), soa('test')] })
    expect(taken).toMatchObject({ rcode: NXDOMAIN, ttl: 8, answer: ['www.example 8 CNAME gone.test'] })
    expect(taken!.authority).toHaveLength(1)
    expect(taken!.authority[0]).toMatch(/^test 20 SOA/)
  })

  it('is no reply when it has what it says is not there', () => {
    expect(read({ flags: RESPONSE | NXDOMAIN, answers: [a('www.example')] })).toBeUndefined()
  })

  it('is no reply when it only knows others who may have one', () => {
    const authorities = [{ type: 'NS', name: 'example', ttl: 60, data: 'ns.example' }]
    expect(read({ authorities, flags: RESPONSE & ~RECURSION_AVAILABLE })).toBeUndefined()
    expect(read({ authorities, flags: (RESPONSE & ~RECURSION_AVAILABLE) | AUTHORITATIVE })).toMatchObject({
      isNodata: true,
    })
  })
})

describe('names in a reply', () => {
  const question = joined([nameFromText('www.example'), bytesOf(1, 1)])
  const message = (count: number, ...records: Uint8Array[]) =>
    joined([bytesOf(1, RESPONSE, 1, count, 0, 0), question, ...records])
  const aRecord = (owner: Uint8Array) => joined([owner, bytesOf(1, 1, 0, 60, 4), Uint8Array.of(192, 0, 2, 1)])
  const BEHIND = HEADER_SIZE + question.length

  it('are followed through pointers that lead back', () => {
    const www = bytesOf(0xc000 | HEADER_SIZE)
    expect(readBytes(message(1, aRecord(www)))!.answer).toEqual(['www.example 60 A 192.0.2.1'])
  })

  it.each([
    ['to themselves', bytesOf(0xc000 | BEHIND)],
    ['forward', bytesOf(0xc000 | (BEHIND + 20))],
    ['into their own middle', joined([Uint8Array.of(1, 0x61), bytesOf(0xc000 | BEHIND)])],
    ['past the end', bytesOf(0xffff)],
  ])('are no names when a pointer leads %s', (_, owner) => {
    expect(readBytes(message(1, aRecord(owner)))).toBeUndefined()
  })

  it('are taken apart in rdata that may have them compressed, and put together again', () => {
    const target = joined([Uint8Array.of(3), Buffer.from('ftp'), bytesOf(0xc000 | (HEADER_SIZE + 4))])
    const srv = joined([bytesOf(0xc000 | HEADER_SIZE, 33, 1, 0, 60, 6 + target.length, 1, 2, 3), target])
    expect(readBytes(message(1, srv), { type: 33 })!.answer).toEqual([
      'www.example 60 SRV {"priority":1,"weight":2,"port":3,"target":"ftp.example"}',
    ])
  })

  it('cost no more than a few milliseconds, however they are chained', () => {
    // One record whose rdata is pointers to pointers, and thousands that point into it.
    const bomb = joined(Array.from({ length: 2000 }, (_, i) => bytesOf(0xc000 | (BEHIND + 12 + 2 * (i - 1)))))
    const first = joined([bytesOf(0xc000 | HEADER_SIZE, 16, 1, 0, 60, bomb.length), bomb])
    const others = Array.from({ length: 3000 }, () => aRecord(bytesOf(0xc000 | (BEHIND + 12 + 2 * 1999))))
    const whole = message(3001, first, ...others)
    const before = process.cpuUsage()
    expect(readBytes(whole)).toBeUndefined()
    const { user, system } = process.cpuUsage(before)
    expect(user + system).toBeLessThan(200_000)
  })

  it('and all else may be any bytes: nothing throws, and nothing is taken that is not for the question', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(4), fc.boolean(), (bytes, count, isDnssecOk) => {
        const taken = readBytes(message(count, bytes), { isDnssecOk })
        if (taken !== undefined && taken.answer.length > 0) expect(taken.answer[0]).toMatch(/^(www\.)?example\.? /)
      }),
      { numRuns: 2_000 },
    )
  })
})
