import type { ContainerDns } from 'containerdns'
import { createTestServer } from 'containerdns/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildMessage, buildQuery, bytesOf, type EdnsParts, FLAGS, joined, record } from '../support/build-query.js'
import { optionsOf } from '../support/edns-options.js'
import { EXCHANGES } from '../support/exchange.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

// The tests of ISC's EDNS compliance tester (ednscomp.isc.org, its program is called genreport), by its names, over UDP and TCP: the SOA of a
// zone of ours, RD clear. All 33 of its groups EDNS, COMM and FULL, `dnswkk`, and a query for each type of its group TYPE.

let server: ContainerDns & { host: string; port: number }
beforeAll(async () => {
  server = await createTestServer({ zones: ['example'], edns: { nsid: 'here' } })
})
afterAll(() => server.close())

const NOTHING = new Uint8Array(0)
const UNKNOWN = [100, NOTHING] as const
const NSID = [3, NOTHING] as const
const COOKIE = [10, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)] as const
/** 0.0.0.0/0. */
const SUBNET = [8, Uint8Array.of(0, 1, 0, 0)] as const
const EXPIRE = [9, NOTHING] as const
const DO = 0x8000
const UNKNOWN_FLAG = 0x0080
const DNSKEY = 48
const { AA, AD, CD, RA, RD, TC, Z } = FLAGS
/** Those of its group TYPE, by number: A NS MD MF CNAME SOA MB MG MR NULL WKS PTR HINFO MINFO MX TXT, … and TYPE1000. */
const TYPES = [
  ...Array.from({ length: 40 }, (_, i) => i + 1),
  ...[42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 55, 59, 60, 61, 62, 63, 64, 65],
  ...[99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 256, 257, 258, 259, 260, 1000, 32768, 32769],
]

describe.each(EXCHANGES)('ednscomp over %s', (_, exchange) => {
  const answer = async () => describeResponse(await exchange(server, buildQuery('example', 'SOA'))).answer
  const ask = (edns?: EdnsParts, flags = 0) =>
    exchange(server, buildQuery('example', 'SOA', edns === undefined ? { flags } : { flags, edns }))

  it.each([
    ['dns', 0],
    ['aa', FLAGS.AA],
    ['ad', FLAGS.AD],
    ['cd', FLAGS.CD],
    ['zflag', FLAGS.Z],
    ['ra', FLAGS.RA],
    ['tc', FLAGS.TC],
  ])('%s: no flag of the header but RD is copied', async (_name, flags) => {
    expectResponse(await ask(undefined, flags), { rcode: 'NOERROR', flags: 'QR AA', answer: await answer() })
  })

  it.each([
    ['opcode', 15 << 11],
    ['opcodeflg', (15 << 11) | AA | AD | CD | RA | RD | TC | Z],
  ])('%s: an opcode that is not known is NOTIMP, header only', async (_name, flags) => {
    const response = await exchange(server, buildMessage(NOTHING, { flags }))
    const copied = (flags & RD) === 0 ? 'QR' : 'QR RD'
    expectResponse(response, { rcode: 'NOTIMP', flags: copied, opcode: 15, question: null })
  })

  it('type666: a type that is not known is NODATA', async () => {
    const response = await exchange(server, buildQuery('example', 666, { flags: 0 }))
    expectResponse(response, { rcode: 'NOERROR', flags: 'QR AA', authority: await answer() })
  })

  it.each(TYPES)('TYPE%i is answered, with records or without', async (type) => {
    const { rcode, flags, answer, authority } = describeResponse(
      await exchange(server, buildQuery('example', type, { flags: 0 })),
    )
    expect([rcode, flags, answer.length + authority.length]).toEqual(['NOERROR', 'QR AA', 1])
  })

  it('dnswkk: a signature with a key that nobody has is passed over, as all of TSIG', async () => {
    const algorithm = Uint8Array.of(11, ...Buffer.from('hmac-sha256'), 0)
    // Time signed, fudge, 32 octets of MAC, original ID, no error, no other data.
    const rdata = joined([algorithm, new Uint8Array(6), bytesOf(300, 32), new Uint8Array(32), bytesOf(0x1234, 0, 0)])
    const tsig = record(Uint8Array.of(0), 250, rdata)
    const response = await exchange(server, buildQuery('example', 'SOA', { flags: 0, additional: [tsig] }))
    expectResponse(response, { rcode: 'NOERROR', flags: 'QR AA', answer: await answer() })
  })

  it('rd: RD is copied', async () => {
    expectResponse(await ask(undefined, FLAGS.RD), { rcode: 'NOERROR', flags: 'QR AA RD', answer: await answer() })
  })

  it.each<[string, EdnsParts, string]>([
    ['edns', {}, '1232 v0'],
    ['ednsopt', { options: [UNKNOWN] }, '1232 v0'],
    ['ednsflags', { flags: UNKNOWN_FLAG }, '1232 v0'],
    ['do', { flags: DO }, '1232 v0 DO'],
    ['ednsnsid', { options: [NSID] }, '1232 v0 option3'],
    ['ednscookie', { options: [COOKIE] }, '1232 v0 option10'],
    ['bind11', { flags: DO, options: [COOKIE] }, '1232 v0 DO option10'],
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
    // What options look like in another version is for that one to say, so none is answered.
    ['edns1nsid', { version: 1, options: [NSID] }, '1232 v0'],
    ['edns1cookie', { version: 1, options: [COOKIE] }, '1232 v0'],
    ['edns1expire', { version: 1, options: [EXPIRE] }, '1232 v0'],
    ['edns1subnet', { version: 1, options: [SUBNET] }, '1232 v0'],
  ])('%s is BADVERS without an answer', async (_name, edns, opt) => {
    expectResponse(await ask(edns), { rcode: 'BADVERS', flags: 'QR', opt })
  })

  it('docd: CD is not copied, DO is', async () => {
    const response = await ask({ size: 4096, flags: DO }, CD)
    expectResponse(response, { rcode: 'NOERROR', flags: 'QR AA', answer: await answer(), opt: '1232 v0 DO' })
  })

  it('dig11: with RD and AD, and a cookie', async () => {
    const expected = { rcode: 'NOERROR', flags: 'QR AA RD', answer: await answer(), opt: '1232 v0 option10' }
    expectResponse(await ask({ size: 4096, options: [COOKIE] }, RD | AD), expected)
  })

  it.each([
    ['edns@512', 512],
    ['ednstcp', 512],
    ['edns@4096', 4096],
  ])('%s: a zone that is not signed has no DNSKEY', async (_name, size) => {
    const response = await exchange(server, buildQuery('example', DNSKEY, { flags: 0, edns: { size, flags: DO } }))
    expectResponse(response, { rcode: 'NOERROR', flags: 'QR AA', authority: await answer(), opt: '1232 v0 DO' })
  })
})
