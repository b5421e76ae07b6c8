import { describe, expect, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

const REFERRAL = { rcode: 'NOERROR', flags: 'QR RD' }

/** A delegation with so many servers inside of it, each with two addresses. */
function withServers(count: number): Answering {
  const names = Array.from({ length: count }, (_, i) => `ns${i}.sub.example`)
  const server = new Answering().put({ name: 'sub.example', type: 'NS', data: names })
  for (const [i, name] of names.entries()) {
    server.put({ name, type: 'A', data: [`192.0.2.${i}`] }, { name, type: 'AAAA', data: [`2001:db8::${i + 1}`] })
  }
  return server
}

describe('RFC 9471', () => {
  it('§3.1 a referral has the addresses of all servers inside of what is delegated', () => {
    expectResponse(withServers(2).ask(buildQuery('www.sub.example')), {
      ...REFERRAL,
      authority: ['sub.example. 30 NS ns0.sub.example.', 'sub.example. 30 NS ns1.sub.example.'],
      additional: [
        'ns0.sub.example. 30 A 192.0.2.0',
        'ns0.sub.example. 30 AAAA 2001:db8::1',
        'ns1.sub.example. 30 A 192.0.2.1',
        'ns1.sub.example. 30 AAAA 2001:db8::2',
      ],
    })
  })

  it('§3.1 TC is set when not all of them fit', () => {
    const server = withServers(20)
    const { flags, authority, additional } = describeResponse(server.ask(buildQuery('www.sub.example')))
    expect([flags, authority.length]).toEqual(['QR TC RD', 20])
    expect(additional.length).toBeLessThan(40)
    const stream = describeResponse(server.askStream(buildQuery('www.sub.example')))
    expect([stream.flags, stream.additional.length]).toEqual(['QR RD', 40])
  })

  it('§3.2 the addresses of servers in a sibling come along, and are no reason for TC', () => {
    const names = Array.from({ length: 30 }, (_, i) => `ns${i}.sibling.example`)
    const server = new Answering()
      .put({ name: 'sub.example', type: 'NS', data: ['ns0.sibling.example'] })
      .put({ name: 'wide.example', type: 'NS', data: names })
      .put({ name: 'sibling.example', type: 'NS', data: ['ns0.sibling.example'] })
    for (const [i, name] of names.entries()) server.put({ name, type: 'A', data: [`192.0.2.${i}`] })
    expectResponse(server.ask(buildQuery('www.sub.example')), {
      ...REFERRAL,
      authority: ['sub.example. 30 NS ns0.sibling.example.'],
      additional: ['ns0.sibling.example. 30 A 192.0.2.0'],
    })
    const { flags, authority, additional } = describeResponse(
      server.ask(buildQuery('www.wide.example', 'A', { edns: { size: 1232 } })),
    )
    expect([flags, authority.length]).toEqual(['QR RD', 30])
    expect(additional.length).toBeGreaterThan(5)
    expect(additional.length).toBeLessThan(16)
  })
})
