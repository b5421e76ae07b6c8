import type { ContainerDns } from 'containerdns'
import { createTestServer } from 'containerdns/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildMessage, buildQuery, type EdnsParts, FLAGS, type QueryParts } from '../support/build-query.js'
import { optionsOf } from '../support/edns-options.js'
import { EXCHANGES } from '../support/exchange.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

// All nineteen tests of §8, over UDP and TCP. Each asks for the SOA of a zone that is ours, with RD clear unless it says so.

let server: ContainerDns & { host: string; port: number }

beforeAll(async () => {
  const data = Array.from({ length: 200 }, (_, i) => `192.0.2.${i}`)
  server = await createTestServer({ zones: ['example'], rrsets: [{ name: 'large.example', type: 'A', data }] })
})

afterAll(() => server.close())

describe.each(EXCHANGES)('RFC 8906 over %s', (protocol, exchange) => {
  const soa = async () => describeResponse(await exchange(server, buildQuery('example', 'SOA'))).answer
  const answered = async () => ({ rcode: 'NOERROR', flags: 'QR AA', answer: await soa() })
  const withEdns = async () => ({ ...(await answered()), opt: '1232 v0' })
  const BADVERS = { rcode: 'BADVERS', flags: 'QR', opt: '1232 v0' }

  function ask(parts: QueryParts = {}, type: string | number = 'SOA'): Promise<Uint8Array> {
    return exchange(server, buildQuery('example', type, { flags: 0, ...parts }))
  }

  const askEdns = (edns: EdnsParts) => ask({ edns })

  it('§8.1.1 the zone is configured', async () => {
    expect(await soa()).toHaveLength(1)
    expectResponse(await ask(), await answered())
  })

  it('§8.1.2 a type that is not known is NODATA', async () => {
    expectResponse(await ask({}, 1000), { rcode: 'NOERROR', flags: 'QR AA', authority: await soa() })
  })

  it.each([
    ['§8.1.3.1 CD=1', FLAGS.CD],
    ['§8.1.3.2 AD=1', FLAGS.AD],
    ['§8.1.3.3 the reserved bit', FLAGS.Z],
  ])('%s is not copied', async (_, flags) => {
    expectResponse(await ask({ flags }), await answered())
  })

  it('§8.1.3.4 RD=1 is copied, and recursion is not available', async () => {
    expectResponse(await ask({ flags: FLAGS.RD }), { ...(await answered()), flags: 'QR AA RD' })
  })

  it('§8.1.4 an opcode that is not known is NOTIMP, with a question or without', async () => {
    const expected = { rcode: 'NOTIMP', flags: 'QR', opcode: 15, question: null }
    expectResponse(await exchange(server, buildMessage(new Uint8Array(0), { flags: 15 << 11 })), expected)
    expectResponse(await ask({ flags: 15 << 11 }), expected)
  })

  it('§8.1.5 the zone is configured over TCP as over UDP', async () => {
    const answers = await Promise.all(EXCHANGES.map(([, each]) => each(server, buildQuery('example', 'SOA'))))
    expect(describeResponse(answers[0]!)).toEqual(describeResponse(answers[1]!))
  })

  it('§8.2.1 minimal EDNS', async () => expectResponse(await askEdns({}), await withEdns()))
  it('§8.2.2 version negotiation', async () => expectResponse(await askEdns({ version: 1 }), BADVERS))
  it('§8.2.3 an option that is not known is ignored', async () => {
    expectResponse(await askEdns({ options: [[100, new Uint8Array(0)]] }), await withEdns())
  })
  it('§8.2.4 a flag that is not known is ignored', async () => {
    expectResponse(await askEdns({ flags: 0x40 }), await withEdns())
  })
  it('§8.2.5 version and flags', async () => expectResponse(await askEdns({ version: 1, flags: 0x40 }), BADVERS))
  it('§8.2.6 version and options', async () => {
    expectResponse(await askEdns({ version: 1, options: [[100, new Uint8Array(0)]] }), BADVERS)
  })

  it('§8.2.7 a truncated response has an OPT record, and over TCP none is truncated', async () => {
    const query = buildQuery('large.example', 'A', { flags: 0, edns: { size: 512, flags: 0x8000 } })
    const { flags, answer, opt } = describeResponse(await exchange(server, query))
    expect([flags, answer.length, opt]).toEqual(
      protocol === 'UDP' ? ['QR AA TC', 0, '1232 v0 DO'] : ['QR AA', 200, '1232 v0 DO'],
    )
  })

  it('§8.2.8 DO=1', async () => {
    expectResponse(await askEdns({ flags: 0x8000 }), { ...(await withEdns()), opt: '1232 v0 DO' })
  })
  it('§8.2.9 version and DO', async () => {
    expectResponse(await askEdns({ version: 1, flags: 0x8000 }), { ...BADVERS, opt: '1232 v0 DO' })
  })

  it('§8.2.10 several options: NSID, cookie, client subnet, expire', async () => {
    const options = [
      [3, new Uint8Array(0)],
      [10, new Uint8Array(8)],
      [8, new Uint8Array(4)],
      [9, new Uint8Array(0)],
    ] as const
    const response = await askEdns({ options })
    expectResponse(response, { ...(await withEdns()), opt: '1232 v0 option10' })
    expect([...optionsOf(response).keys()]).toEqual([10])
  })
})
