import type { ContainerDns } from 'containerdns'
import { createTestServer } from 'containerdns/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildQuery, type EdnsParts, FLAGS } from '../support/build-query.js'
import { optionsOf } from '../support/edns-options.js'
import { EXCHANGES } from '../support/exchange.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

// The tests of ISC's EDNS compliance tester (ednscomp.isc.org), by its names, over UDP and TCP: the SOA of a zone of ours, RD clear.

let server: ContainerDns & { host: string; port: number }
beforeAll(async () => {
  server = await createTestServer({ zones: ['example'], edns: { nsid: 'here' } })
})
afterAll(() => server.close())

const NOTHING = new Uint8Array(0)
const UNKNOWN = [100, NOTHING] as const
const NSID = [3, NOTHING] as const
const COOKIE = [10, new Uint8Array(8).fill(7)] as const
/** IPv4, /24, 192.0.2. */
const SUBNET = [8, Uint8Array.of(0, 1, 24, 0, 192, 0, 2)] as const
const EXPIRE = [9, NOTHING] as const
const DO = 0x8000
const UNKNOWN_FLAG = 0x0040

describe.each(EXCHANGES)('ednscomp over %s', (_, exchange) => {
  const answer = async () => describeResponse(await exchange(server, buildQuery('example', 'SOA'))).answer
  const ask = (edns?: EdnsParts, flags = 0) =>
    exchange(server, buildQuery('example', 'SOA', edns === undefined ? { flags } : { flags, edns }))

  it.each([
    ['dns', 0],
    ['aa', FLAGS.AA],
    ['ad', FLAGS.AD],
    ['cd', FLAGS.CD],
    ['z', FLAGS.Z],
    ['ra', FLAGS.RA],
    ['tc', FLAGS.TC],
  ])('%s: no flag of the header but RD is copied', async (_name, flags) => {
    expectResponse(await ask(undefined, flags), { rcode: 'NOERROR', flags: 'QR AA', answer: await answer() })
  })

  it('rd: RD is copied', async () => {
    expectResponse(await ask(undefined, FLAGS.RD), { rcode: 'NOERROR', flags: 'QR AA RD', answer: await answer() })
  })

  it.each<[string, EdnsParts, string]>([
    ['edns', {}, '1232 v0'],
    ['edns@512', { size: 512 }, '1232 v0'],
    ['ednstcp', { size: 4096 }, '1232 v0'],
    ['ednsopt', { options: [UNKNOWN] }, '1232 v0'],
    ['ednsflags', { flags: UNKNOWN_FLAG }, '1232 v0'],
    ['do', { flags: DO }, '1232 v0 DO'],
    ['ednsnsid', { options: [NSID] }, '1232 v0 option3'],
    ['ednscookie', { options: [COOKIE] }, '1232 v0 option10'],
    ['docookie', { flags: DO, options: [COOKIE] }, '1232 v0 DO option10'],
    ['ednsexpire', { options: [EXPIRE] }, '1232 v0'],
    ['ednssubnet', { options: [SUBNET] }, '1232 v0'],
  ])('%s', async (_name, edns, opt) => {
    expectResponse(await ask(edns), { rcode: 'NOERROR', flags: 'QR AA', answer: await answer(), opt })
  })

  it('optlist: each option that is known is answered, once', async () => {
    const response = await ask({ options: [NSID, COOKIE, SUBNET, EXPIRE] })
    expect(describeResponse(response)).toMatchObject({ rcode: 'NOERROR', flags: 'QR AA', answer: await answer() })
    expect([...optionsOf(response).keys()].sort((a, b) => a - b)).toEqual([3, 10])
  })

  it.each<[string, EdnsParts, string]>([
    ['edns1', { version: 1 }, '1232 v0'],
    ['edns1opt', { version: 1, options: [UNKNOWN] }, '1232 v0'],
    ['edns1flags', { version: 1, flags: UNKNOWN_FLAG }, '1232 v0'],
    ['edns1do', { version: 1, flags: DO }, '1232 v0 DO'],
  ])('%s is BADVERS without an answer', async (_name, edns, opt) => {
    expectResponse(await ask(edns), { rcode: 'BADVERS', flags: 'QR', opt })
  })

  it('signed: an answer to DO=1 is the same without signatures, as nothing is signed', async () => {
    const response = await exchange(server, buildQuery('example', 'SOA', { flags: 0, edns: { size: 4096, flags: DO } }))
    expectResponse(response, { rcode: 'NOERROR', flags: 'QR AA', answer: await answer(), opt: '1232 v0 DO' })
  })

  it('dnskey: a zone that is not signed has none', async () => {
    const response = await exchange(server, buildQuery('example', 48, { flags: 0, edns: { size: 512, flags: DO } }))
    expectResponse(response, { rcode: 'NOERROR', flags: 'QR AA', authority: await answer(), opt: '1232 v0 DO' })
  })
})
