import { createRequire } from 'node:module'
import { describe, expect, expectTypeOf, it } from 'vitest'
import type { RRset } from '../../lib/records/rrset.js'
import { decodeResponse, type ResourceRecord } from '../../lib/wire/packet.js'
import type { MxData, SvcbData } from '../../lib/wire/rdata/record-data.js'
import { type GenericType, RECORD_TYPES, typeCode } from '../../lib/wire/rdata/record-type.js'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'

describe('decodeResponse', () => {
  it('takes apart what the pipeline makes, in the shapes that RRsets have', () => {
    const server = new Answering()
    const rrsets = [
      { name: 'a.example', type: 'A', data: ['192.0.2.1'] },
      { name: 'a.example', type: 'MX', data: [{ preference: 10, exchange: 'mx.example' }] },
      { name: 'a.example', type: 'SRV', data: [{ priority: 1, weight: 2, port: 3, target: 'b.example' }] },
      { name: 'a.example', type: 'TXT', data: ['one é'] },
      { name: 'b.example', type: 'TXT', data: [['one', 'two']] },
      { name: 'b.example', type: 'PTR', data: ['c.example'] },
    ] as const
    for (const { name, type, data } of rrsets) {
      server.put({ name, type, data: data as never })
      expect(decodeResponse(server.askStream(buildQuery(name, type, { edns: {} })))).toEqual({
        rcode: 'NOERROR',
        authoritative: true,
        truncated: false,
        answer: [{ name, type, ttl: 30, data: data[0] }],
        authority: [],
        additional: [],
      })
    }
  })

  it.each(['::ffff:192.0.2.1', '1:0:0:2::3', '0:2:3:4:5:6:7:8', '::1:2'])(
    'gives the IPv6 address %s as RFC 5952 has it',
    (address) => {
      const server = new Answering().put({ name: 'a.example', type: 'AAAA', data: [address] })
      expect(decodeResponse(server.askStream(buildQuery('a.example', 'AAAA'))).answer[0]!.data).toBe(address)
    },
  )

  it.each<RRset>([
    { name: 'a.example', type: 'CAA', data: [{ flags: 128, tag: 'issue', value: 'ca.example' }] },
    {
      name: 'a.example',
      type: 'NAPTR',
      data: [{ order: 1, preference: 2, flags: 'U', services: 'x', regexp: '!a!b!', replacement: '.' }],
    },
    { name: 'a.example', type: 'HTTPS', data: [{ priority: 1, target: '.', params: { alpn: ['h2'], port: 443 } }] },
    { name: 'a.example', type: 'TYPE65280', data: ['\\# 2 0aff'] },
    { name: 'a.example', type: 'TYPE65281', data: ['\\# 0'] },
  ])('gives data of $type as it was put', (rrset) => {
    const server = new Answering().put(rrset)
    const [record] = decodeResponse(server.askStream(buildQuery('a.example', typeCode(rrset.type)))).answer
    expect(record).toMatchObject({ name: 'a.example', type: rrset.type, data: rrset.data[0] })
  })

  it('names RCODEs, and the SOA of an NXDOMAIN', () => {
    const response = decodeResponse(new Answering().askStream(buildQuery('no.example')))
    expect(response).toMatchObject({ rcode: 'NXDOMAIN', authoritative: true, answer: [] })
    expect(response.authority).toEqual([
      {
        name: 'example',
        type: 'SOA',
        ttl: 30,
        data: {
          mname: 'ns.dns.example',
          rname: 'hostmaster.example',
          serial: 7,
          refresh: 7200,
          retry: 1800,
          expire: 86400,
          minimum: 30,
        },
      },
    ])
  })

  // Of the types, `tsc` has the last word: it reads this file.
  it('tells records apart by their type', () => {
    const server = new Answering()
      .put({ name: 'a.example', type: 'MX', data: [{ preference: 10, exchange: 'mx.example' }] })
      .put({ name: 'a.example', type: 'A', data: [{ address: '192.0.2.1', weight: 3 }] })
      .put({ name: 'a.example', type: 'HTTPS', data: [{ priority: 1, target: '.' }] })
      .put({ name: 'a.example', type: 'TYPE65280', data: ['\\# 1 0a'] })
      .put({ name: 'a.example', type: 'TYPE43', data: ['\\# 5 0001 08 02 ff'] })
      .put({ name: 'a.example', type: 'TYPE39', data: ['\\# 3 01 62 00'] })
      .put({ name: 'a.example', type: 'TYPE29', data: ['\\# 1 07'] })
    const seen: unknown[] = []
    for (const type of ['MX', 'A', 'HTTPS', 'TYPE65280', 'TYPE43', 'TYPE39', 'TYPE29'] as const) {
      const [record] = decodeResponse(server.askStream(buildQuery('a.example', typeCode(type)))).answer
      switch (record?.type) {
        case 'MX':
          expectTypeOf(record.data).toEqualTypeOf<MxData>()
          seen.push(record.data.exchange)
          break
        case 'A':
          expectTypeOf(record.data).toEqualTypeOf<string>()
          seen.push(record.data.toUpperCase())
          break
        case 'HTTPS':
          expectTypeOf(record.data).toEqualTypeOf<SvcbData>()
          seen.push(record.data.target)
          break
        case 'DS':
          expectTypeOf(record.data).toEqualTypeOf<Readonly<Record<string, unknown>>>()
          seen.push(record.data['digestType'])
          break
        case 'DNAME':
          expectTypeOf(record.data).toEqualTypeOf<string>()
          seen.push(record.data)
          break
        case 'LOC':
          expectTypeOf(record.data).toEqualTypeOf<Uint8Array>()
          seen.push(record.data[0])
          break
        default:
          seen.push(record?.data)
      }
    }
    expect(seen).toEqual(['mx.example', '192.0.2.1', '.', '\\# 1 0a', 2, 'b', 7])
  })

  it('has a type for each name that a record can come with', () => {
    // All of the union's: `tsc` sees to that.
    const named: Record<Exclude<ResourceRecord['type'], GenericType>, true> = {
      ...{ A: true, AAAA: true, AFSDB: true, ANY: true, APL: true, AXFR: true, CAA: true, CDNSKEY: true, CDS: true },
      ...{
        CERT: true,
        CNAME: true,
        DHCID: true,
        DLV: true,
        DNAME: true,
        DNSKEY: true,
        DS: true,
        HINFO: true,
        HIP: true,
      },
      ...{ HTTPS: true, IPSECKEY: true, IXFR: true, KEY: true, KX: true, LOC: true, MX: true, NAPTR: true, NS: true },
      ...{
        NSEC: true,
        NSEC3: true,
        NSEC3PARAM: true,
        NULL: true,
        PTR: true,
        RP: true,
        RRSIG: true,
        SIG: true,
        SOA: true,
      },
      ...{ SPF: true, SRV: true, SSHFP: true, SVCB: true, TA: true, TKEY: true, TLSA: true, TSIG: true, TXT: true },
    }
    const types = createRequire(import.meta.url)('dns-packet/types') as { toString(code: number): string }
    const names = Array.from({ length: 65536 }, (_, code) => types.toString(code)).filter((name) => !name.includes('_'))
    expect(new Set([...names, ...Object.keys(RECORD_TYPES)])).toEqual(new Set([...Object.keys(named), 'OPT']))
  })
})
