import { createTestServer } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildMessage, buildQuery, joined, type QueryParts } from '../support/build-query.js'
import { optionsOf } from '../support/edns-options.js'
import { overTcp, overUdp } from '../support/exchange.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

const COOKIE = 10
const CLIENT = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const ANSWERED = { rcode: 'NOERROR', flags: 'QR AA RD', answer: ['a.example. 30 A 192.0.2.1'], opt: '1232 v0 option10' }

function serverWith(cookies: 'off' | 'on' | 'require'): Answering {
  return new Answering({ policy: { cookies } }).put({ name: 'a.example', type: 'A', data: ['192.0.2.1'] })
}

function withCookie(...cookies: Uint8Array[]): QueryParts {
  return { edns: { options: cookies.map((cookie) => [COOKIE, cookie] as const) } }
}

function query(...cookies: Uint8Array[]): Uint8Array {
  return buildQuery('a.example', 'A', withCookie(...cookies))
}

function cookieIn(response: Uint8Array): Uint8Array {
  return optionsOf(response).get(COOKIE)!
}

describe('RFC 7873', () => {
  it('§5.2.1 a client without a cookie gets none', () => {
    const server = serverWith('on')
    expectResponse(server.ask(buildQuery('a.example', 'A', { edns: {} })), { ...ANSWERED, opt: '1232 v0' })
    expectResponse(server.ask(buildQuery('a.example')), {
      rcode: 'NOERROR',
      flags: 'QR AA RD',
      answer: ANSWERED.answer,
    })
  })

  it.each([0, 1, 7, 9, 15, 41, 100])('§5.2.2 a cookie of %i octets is a FORMERR', (length) => {
    const server = serverWith('on')
    const expected = { rcode: 'FORMERR', flags: 'QR RD', opt: '1232 v0' }
    expectResponse(server.ask(query(new Uint8Array(length))), expected)
    expectResponse(server.askStream(query(new Uint8Array(length))), expected)
    expectResponse(serverWith('off').ask(query(new Uint8Array(length))), { ...ANSWERED, opt: '1232 v0' })
  })

  it('§5.2.3 a client with its own cookie alone gets that and one of the server', () => {
    const server = serverWith('on')
    const response = server.ask(query(CLIENT))
    expectResponse(response, ANSWERED)
    const cookie = cookieIn(response)
    expect([cookie.length, [...cookie.subarray(0, 8)]]).toEqual([24, [...CLIENT]])
  })

  it.each(['on', 'require'] as const)('§5.2.5 a client with the right cookie is answered (%s)', (mode) => {
    const server = serverWith(mode)
    const cookie = cookieIn(server.ask(query(CLIENT)))
    const response = server.ask(query(cookie))
    expectResponse(response, ANSWERED)
    expect(cookieIn(response)).toEqual(cookie)
  })

  it('§5.2.3, §5.2.4 where cookies are required, BADCOOKIE brings one to a client without a good one', () => {
    const server = serverWith('require')
    const bad = { rcode: 'BADCOOKIE', flags: 'QR RD', opt: '1232 v0 option10' }
    for (const cookie of [CLIENT, joined([CLIENT, new Uint8Array(16)]), joined([CLIENT, new Uint8Array(32)])]) {
      const response = server.ask(query(cookie))
      expectResponse(response, bad)
      expectResponse(server.ask(query(cookieIn(response))), ANSWERED)
    }
    expect(server.counters).toMatchObject({ BADCOOKIE: 3, NOERROR: 3 })
  })

  it('§5.2.3 over a stream, whose client is who it says, no cookie is required', () => {
    expectResponse(serverWith('require').askStream(query(CLIENT)), ANSWERED)
  })

  it('§5.2.4 a cookie is good for the address it was made for', () => {
    const server = serverWith('require')
    const cookie = cookieIn(server.ask(query(CLIENT)))
    server.client = Uint8Array.of(192, 0, 2, 2)
    expect(describeResponse(server.ask(query(cookie))).rcode).toBe('BADCOOKIE')
    server.client = new Uint8Array(16).fill(1)
    expect(describeResponse(server.ask(query(cookie))).rcode).toBe('BADCOOKIE')
  })

  it('§5.2 of two cookies the first counts', () => {
    const server = serverWith('on')
    const other = new Uint8Array(8).fill(9)
    expect([...cookieIn(server.ask(query(CLIENT, other))).subarray(0, 8)]).toEqual([...CLIENT])
  })

  it('§5.4 a query without a question may ask for a cookie', () => {
    const server = serverWith('on')
    const bare = buildMessage(new Uint8Array(0), withCookie(CLIENT))
    const response = server.ask(bare)
    expectResponse(response, { rcode: 'NOERROR', flags: 'QR RD', question: null, opt: '1232 v0 option10' })
    expect(cookieIn(response)).toHaveLength(24)
    expect(describeResponse(serverWith('off').ask(bare)).rcode).toBe('FORMERR')
  })

  it('a cookie that overruns its record is not looked at', () => {
    const server = serverWith('on')
    const options = Uint8Array.of(0, COOKIE, 0, 8, 1, 2, 3)
    expectResponse(server.ask(buildQuery('a.example', 'A', { edns: { options } })), {
      rcode: 'FORMERR',
      flags: 'QR RD',
      opt: '1232 v0',
    })
  })

  it.each(['batch', 'dgram'] as const)('§6 all threads know the cookies of each other, over %s', async (transport) => {
    const rrsets = [{ name: 'a.example', type: 'A' as const, data: ['192.0.2.1'] }]
    await using server = await createTestServer({ transport, workers: 2, edns: { cookies: 'require' }, rrsets })
    const cookie = cookieIn(await overTcp(server, query(CLIENT)))
    for (let i = 0; i < 10; i++) {
      const response = await overUdp(server, query(cookie))
      expect([describeResponse(response).rcode, cookieIn(response)]).toEqual(['NOERROR', cookie])
    }
    expect(describeResponse(await overUdp(server, query(CLIENT))).rcode).toBe('BADCOOKIE')
  })

  it('§6 IPv6 clients have cookies too', async () => {
    await using server = await createTestServer({ listen: { host: '::1', port: 0 }, edns: { cookies: 'require' } })
    const cookie = cookieIn(await overUdp(server, query(CLIENT)))
    expect(describeResponse(await overUdp(server, query(cookie))).rcode).not.toBe('BADCOOKIE')
    expect(describeResponse(await overTcp(server, query(cookie))).rcode).not.toBe('BADCOOKIE')
  })
})
