import { describe, expect, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

const AA = { rcode: 'NOERROR', flags: 'QR AA RD' }

describe('RFC 9460', () => {
  const server = new Answering().put(
    { name: 'pool.example', type: 'A', data: ['192.0.2.1'] },
    { name: 'pool.example', type: 'AAAA', data: ['2001:db8::1'] },
    { name: 'pool.example', type: 'SVCB', data: [{ priority: 1, target: '.', params: { port: 8443 } }] },
    { name: 'pool.example', type: 'HTTPS', data: [{ priority: 1, target: '.', params: { alpn: ['h2'] } }] },
    { name: 'service.example', type: 'SVCB', data: [{ priority: 1, target: 'pool.example' }] },
    { name: 'alias.example', type: 'SVCB', data: [{ priority: 0, target: 'pool.example' }] },
    { name: 'alias.example', type: 'HTTPS', data: [{ priority: 0, target: 'pool.example' }] },
    { name: 'none.example', type: 'SVCB', data: [{ priority: 0, target: '.' }] },
    { name: 'none.example', type: 'A', data: ['192.0.2.9'] },
    { name: 'away.example', type: 'HTTPS', data: [{ priority: 0, target: 'www.example.org' }] },
    { name: 'cname.example', type: 'CNAME', data: ['pool.example'] },
    { name: '*.w.example', type: 'A', data: ['192.0.2.7'] },
    { name: '*.w.example', type: 'HTTPS', data: [{ priority: 1, target: '.' }] },
    { name: 'wild.example', type: 'HTTPS', data: [{ priority: 1, target: 'any.w.example' }] },
  )
  const additional = (name: string, type: 'SVCB' | 'HTTPS') =>
    describeResponse(server.ask(buildQuery(name, type))).additional.sort()
  const addressesOf = (owner: string) => [`${owner}. 30 A 192.0.2.1`, `${owner}. 30 AAAA 2001:db8::1`]

  it('§4.1 the addresses of a target come along', () => {
    expectResponse(server.ask(buildQuery('service.example', 'SVCB')), {
      ...AA,
      answer: ['service.example. 30 UNKNOWN_64 000104706f6f6c076578616d706c6500'],
      additional: addressesOf('pool.example'),
    })
    expect(additional('wild.example', 'HTTPS')).toEqual(['any.w.example. 30 A 192.0.2.7'])
  })

  it('§4.1 and what an alias leads to, of the type that was asked for', () => {
    expect(additional('alias.example', 'SVCB')).toEqual([
      ...addressesOf('pool.example'),
      'pool.example. 30 UNKNOWN_64 0001000003000220fb',
    ])
    expect(additional('alias.example', 'HTTPS')).toEqual([
      ...addressesOf('pool.example'),
      'pool.example. 30 UNKNOWN_65 00010000010003026832',
    ])
    expect(additional('away.example', 'HTTPS')).toEqual([])
  })

  it('§2.5.1 an alias of "." says that there is no service, and brings nothing along', () => {
    expect(additional('none.example', 'SVCB')).toEqual([])
  })

  it('§2.5.2 the target "." of a service is the name that the record belongs to', () => {
    expect(additional('Pool.Example', 'SVCB')).toEqual(addressesOf('Pool.Example'))
    // Whether by way of a CNAME or a wildcard.
    expect(additional('cname.example', 'HTTPS')).toEqual(addressesOf('pool.example'))
    expect(additional('some.w.example', 'HTTPS')).toEqual(['some.w.example. 30 A 192.0.2.7'])
  })
})
