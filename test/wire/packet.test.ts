import { describe, expect, it } from 'vitest'
import type { RRset } from '../../lib/records/rrset.js'
import { decodeResponse } from '../../lib/wire/packet.js'
import { typeCode } from '../../lib/wire/rdata/record-type.js'
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
})
