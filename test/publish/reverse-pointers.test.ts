import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReversePointers } from '../../lib/publish/reverse-pointers.js'
import type { RRset } from '../../lib/records/rrset.js'
import { RRsetEncoder } from '../../lib/records/wire-rrset.js'
import { foldName, nameFromText, nameToText } from '../../lib/wire/name.js'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

const ZONES = ['example.', '2.0.192.in-addr.arpa.', '8.b.d.0.1.0.0.2.ip6.arpa.']
const REVERSE_OF_AAAA = `1${'.0'.repeat(23)}.8.b.d.0.1.0.0.2.ip6.arpa`

/** A server whose names are written by way of reverse pointers. */
class Setting {
  readonly server = new Answering({ zones: ZONES })
  readonly #encoder = new RRsetEncoder()
  readonly #pointers = new ReversePointers(this.server.index, (name) =>
    /(example|2\.0\.192\.in-addr\.arpa|8\.b\.d\.0\.1\.0\.0\.2\.ip6\.arpa)$/.test(nameToText(name)),
  )

  /** All RRsets of a name. */
  write(name: string, ...rrsets: Omit<RRset, 'name'>[]): boolean {
    const owner = nameFromText(name)
    foldName(owner, 0, owner.length)
    this.#encoder.reset()
    return this.#pointers.write(
      owner,
      rrsets.map(({ type, ttl = 30, data }) => this.#encoder.encode(type, ttl, data)),
    )
  }

  pointersAt(name: string): string[] {
    return describeResponse(this.server.ask(buildQuery(name, 'PTR')))
      .answer.map((record) => record.split(' ').slice(1).join(' '))
      .sort()
  }

  /** By a stream, where all find room. */
  allPointersAt(name: string): string[] {
    return describeResponse(this.server.askStream(buildQuery(name, 'PTR')))
      .answer.map((record) => record.split(' ').slice(1).join(' '))
      .sort()
  }

  storedAt(name: string): number {
    return this.server.index.read(nameFromText(name)).length
  }
}

const a = (...data: string[]) => ({ type: 'A' as const, data })

describe('PTR records of addresses', () => {
  it('come with an address and go with it', () => {
    const setting = new Setting()
    setting.write('www.example', a('192.0.2.1', '192.0.2.2'), { type: 'AAAA', ttl: 7, data: ['2001:db8::1'] })
    expect(setting.pointersAt('1.2.0.192.in-addr.arpa')).toEqual(['30 PTR www.example.'])
    expect(setting.pointersAt('2.2.0.192.in-addr.arpa')).toEqual(['30 PTR www.example.'])
    expect(setting.pointersAt(REVERSE_OF_AAAA)).toEqual(['7 PTR www.example.'])
    setting.write('www.example', a('192.0.2.2'))
    expect(setting.pointersAt('1.2.0.192.in-addr.arpa')).toEqual([])
    expect(setting.pointersAt('2.2.0.192.in-addr.arpa')).toEqual(['30 PTR www.example.'])
    setting.write('www.example')
    expectResponse(setting.server.ask(buildQuery('2.2.0.192.in-addr.arpa', 'PTR')), {
      rcode: 'NXDOMAIN',
      flags: 'QR AA RD',
      authority: [
        '2.0.192.in-addr.arpa. 30 SOA ns.dns.2.0.192.in-addr.arpa. hostmaster.2.0.192.in-addr.arpa. 7 7200 1800 86400 30',
      ],
    })
    expect(setting.server.index.size.names).toBe(0)
  })

  it('are one for each name that has the address, but for wildcards', () => {
    const setting = new Setting()
    setting.write('a.example', a('192.0.2.1'))
    setting.write('b.example', a('192.0.2.1'))
    setting.write('*.example', a('192.0.2.1'))
    expect(setting.pointersAt('1.2.0.192.in-addr.arpa')).toEqual(['30 PTR a.example.', '30 PTR b.example.'])
    setting.write('a.example')
    expect(setting.pointersAt('1.2.0.192.in-addr.arpa')).toEqual(['30 PTR b.example.'])
  })

  it('are a hundred at most', () => {
    const setting = new Setting()
    for (let i = 0; i < 150; i++) setting.write(`h${i}.example`, a('192.0.2.1'))
    const response = setting.server.askStream(buildQuery('1.2.0.192.in-addr.arpa', 'PTR'))
    expect(describeResponse(response).answer).toHaveLength(100)
  })

  it('are those of names that had found no room, once there is some', () => {
    const setting = new Setting()
    for (let i = 0; i < 150; i++) setting.write(`h${i}.example`, a('192.0.2.1'))
    for (let i = 0; i < 49; i++) setting.write(`h${i}.example`)
    // Of one that is left out nothing is left either when it goes.
    for (let i = 120; i < 125; i++) setting.write(`h${i}.example`)
    const shown = () => setting.allPointersAt('1.2.0.192.in-addr.arpa')
    expect(shown()).toHaveLength(96)
    setting.write('h149.example', a('192.0.2.2'))
    const expected = Array.from({ length: 149 }, (_, i) => i).filter((i) => i >= 49 && !(i >= 120 && i < 125))
    expect(shown()).toEqual(expected.map((i) => `30 PTR h${i}.example.`).sort())
  })

  it('have the lowest TTL of the names that they are of', () => {
    const setting = new Setting()
    const ttl = () => setting.pointersAt('1.2.0.192.in-addr.arpa').map((record) => Number(record.split(' ')[0]))
    setting.write('a.example', { ...a('192.0.2.1'), ttl: 60 })
    setting.write('b.example', { ...a('192.0.2.1'), ttl: 5 })
    setting.write('c.example', { ...a('192.0.2.1'), ttl: 300 })
    expect(ttl()).toEqual([5, 5, 5])
    setting.write('b.example', { ...a('192.0.2.1'), ttl: 90 })
    expect(ttl()).toEqual([60, 60, 60])
    setting.write('a.example')
    expect(ttl()).toEqual([90, 90])
    setting.write('b.example')
    expect(ttl()).toEqual([300])
  })

  it('are none for an address whose reverse name is in no zone of ours', () => {
    const setting = new Setting()
    setting.write('a.example', a('198.51.100.1'))
    expect(setting.server.index.size.names).toBe(1)
  })

  it.each<[string, Omit<RRset, 'name'>, string[]]>([
    ['PTR', { type: 'PTR', data: ['mine.example'] }, ['30 PTR mine.example.']],
    ['CNAME', { type: 'CNAME', data: ['1.0-63.2.0.192.in-addr.arpa'] }, ['30 CNAME 1.0-63.2.0.192.in-addr.arpa.']],
    ['NS', { type: 'NS', data: ['ns.example.org'] }, []],
  ])('give way to a stored %s, and are back when that has gone', (_, stored, told) => {
    const name = '1.2.0.192.in-addr.arpa'
    const setting = new Setting()
    setting.write('a.example', a('192.0.2.1'))
    setting.write(name, stored)
    expect(setting.pointersAt(name)).toEqual(told)
    setting.write('b.example', a('192.0.2.1'))
    expect(setting.pointersAt(name)).toEqual(told)
    setting.write(name)
    expect(setting.pointersAt(name)).toEqual(['30 PTR a.example.', '30 PTR b.example.'])
    setting.write('a.example')
    setting.write('b.example')
    expect(setting.server.index.size.names).toBe(0)
  })

  it("are not the store's: neither what is read nor what is visited shows them", () => {
    const setting = new Setting()
    setting.write('a.example', a('192.0.2.1'))
    setting.write('2.2.0.192.in-addr.arpa', { type: 'TXT', data: ['x'] })
    setting.write('b.example', a('192.0.2.2'))
    expect(setting.storedAt('1.2.0.192.in-addr.arpa')).toBe(0)
    expect(setting.storedAt('2.2.0.192.in-addr.arpa')).toBe(1)
    const { index } = setting.server
    const seen: string[] = []
    for (let bucket = 0; bucket < index.bucketCount; bucket++) {
      index.visitBucket(bucket, index.bucketCount, (name, rrsets) => seen.push(`${nameToText(name)} ${rrsets.length}`))
    }
    expect(seen.sort()).toEqual(['2.2.0.192.in-addr.arpa 1', 'a.example 1', 'b.example 1'])
  })

  it('say for any run of changes what the addresses say', () => {
    const owner = fc.constantFrom('a.example', 'b.example', 'c.example')
    const octets = fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 4 })
    const property = fc.property(fc.array(fc.tuple(owner, octets), { maxLength: 20 }), (changes) => {
      const setting = new Setting()
      const model = new Map<string, number[]>()
      for (const [name, addresses] of changes) {
        model.set(name, addresses)
        const data = addresses.map((octet) => `192.0.2.${octet}`)
        setting.write(name, ...(data.length === 0 ? [] : [a(...data)]))
      }
      for (const octet of [1, 2, 3, 4]) {
        const names = [...model].filter(([, addresses]) => addresses.includes(octet)).map(([name]) => `30 PTR ${name}.`)
        expect(setting.pointersAt(`${octet}.2.0.192.in-addr.arpa`)).toEqual(names.sort())
      }
    })
    fc.assert(property, { numRuns: 200 })
  })

  it('of more names than there is room for are a hundred of these, with the lowest TTL among them', () => {
    const change = fc.record({ first: fc.nat(159), count: fc.nat(80), ttl: fc.constantFrom(0, 10, 20, 30) })
    const property = fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
      const setting = new Setting()
      const ttls = new Map<string, number>()
      for (const { first, count, ttl } of changes) {
        for (let i = first; i < Math.min(160, first + count); i++) {
          const name = `h${i}.example`
          if (ttl === 0) ttls.delete(name)
          else ttls.set(name, ttl)
          setting.write(name, ...(ttl === 0 ? [] : [{ ...a('192.0.2.1'), ttl }]))
        }
        const shown = setting.allPointersAt('1.2.0.192.in-addr.arpa').map((record) => record.split(' '))
        const names = shown.map(([, , name]) => name!.slice(0, -1))
        expect(new Set(names).size).toBe(Math.min(100, ttls.size))
        const lowest = Math.min(...names.map((name) => ttls.get(name)!))
        expect(shown.filter(([ttl]) => Number(ttl) !== lowest)).toEqual([])
      }
    })
    fc.assert(property, { numRuns: 60 })
  })
})
