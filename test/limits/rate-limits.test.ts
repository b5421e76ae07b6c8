import { describe, expect, it } from 'vitest'
import { clientFromText } from '../../lib/clients/client-address.js'
import { FastRandom } from '../../lib/fast-random.js'
import { createRateLimits } from '../../lib/limits/create-rate-limits.js'
import { parseRateLimitOptions, type RateLimitOptions } from '../../lib/limits/rate-limit-options.js'
import { RateLimits, ResponseClass } from '../../lib/limits/rate-limits.js'
import { errorCode } from '../support/error-code.js'

const limits = (options: RateLimitOptions) =>
  new RateLimits(createRateLimits(parseRateLimitOptions(options), 4711)!, new FastRandom(1))
const client = (text: string) => clientFromText(text)!

/** How many of so many responses at one moment get each verdict. */
function verdicts(of: RateLimits, address: string, responseClass: ResponseClass, nameHash: number, count: number) {
  const seen = { send: 0, slip: 0, drop: 0 }
  for (let i = 0; i < count; i++) seen[of.judgeResponse(client(address), 0, responseClass, nameHash, 1000)]++
  return seen
}

describe('response rate limits', () => {
  it('send so many responses to a network, then let one in two slip', () => {
    const seen = verdicts(limits({ responsesPerSecond: 100 }), '192.0.2.1', ResponseClass.answer, 1, 10_100)
    expect(seen.send).toBe(100)
    expect(Math.abs(seen.slip / 5000 - 1)).toBeLessThan(0.05)
  })

  it.each([
    [0, 0],
    [1, 1],
    [5, 0.2],
    [10, 0.1],
  ])('slip 1 in %i', (slip, share) => {
    const seen = verdicts(limits({ responsesPerSecond: 10, slip }), '192.0.2.1', ResponseClass.error, 1, 20_010)
    expect(seen.send).toBe(10)
    expect(Math.abs(seen.slip / 20_000 - share)).toBeLessThan(0.01)
  })

  it('count a network as one client, by its prefix', () => {
    const some = limits({ responsesPerSecond: 10 })
    expect(verdicts(some, '192.0.2.1', ResponseClass.answer, 1, 10).send).toBe(10)
    expect(verdicts(some, '192.0.2.254', ResponseClass.answer, 1, 10).send).toBe(0)
    expect(verdicts(some, '192.0.3.1', ResponseClass.answer, 1, 10).send).toBe(10)
    expect(verdicts(some, '2001:db8:0:ff::1', ResponseClass.answer, 1, 10).send).toBe(10)
    expect(verdicts(some, '2001:db8::1', ResponseClass.answer, 1, 10).send).toBe(0)
    const single = limits({ responsesPerSecond: 10, ipv4Prefix: 32, ipv6Prefix: 128 })
    for (const address of ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2']) {
      expect(verdicts(single, address, ResponseClass.answer, 1, 10).send, address).toBe(10)
    }
  })

  it('count by class and name, and all errors together', () => {
    const some = limits({ responsesPerSecond: 10 })
    for (const each of [ResponseClass.answer, ResponseClass.nodata, ResponseClass.nxdomain]) {
      expect(verdicts(some, '192.0.2.1', each, 1, 20).send).toBe(10)
      expect(verdicts(some, '192.0.2.1', each, 2, 20).send).toBe(10)
    }
    expect(verdicts(some, '192.0.2.1', ResponseClass.error, 1, 20).send).toBe(10)
    expect(verdicts(some, '192.0.2.1', ResponseClass.error, 2, 20).send).toBe(0)
  })

  it('spare the networks of the allow list', () => {
    const some = limits({ responsesPerSecond: 1, queriesPerSecond: 1, allow: ['192.0.2.0/24', '2001:db8::/32'] })
    for (const address of ['192.0.2.1', '2001:db8::1']) {
      expect(verdicts(some, address, ResponseClass.answer, 1, 50).send).toBe(50)
      for (let i = 0; i < 50; i++) expect(some.admitsQuery(client(address), 0, 1000)).toBe(true)
    }
    expect(verdicts(some, '198.51.100.1', ResponseClass.answer, 1, 50).send).toBe(1)
  })

  it('do not count what goes to the allow list against its neighbours', () => {
    const some = limits({ responsesPerSecond: 10, allow: ['192.0.2.1'] })
    expect(verdicts(some, '192.0.2.1', ResponseClass.answer, 1, 100).send).toBe(100)
    expect(verdicts(some, '192.0.2.2', ResponseClass.answer, 1, 100).send).toBe(10)
  })
})

describe('limits of a client', () => {
  it('count queries and forwarded ones apart, by the whole address', () => {
    const some = limits({ queriesPerSecond: 20, forwardedPerSecond: 5 })
    const count = (admits: () => boolean) => Array.from({ length: 100 }, admits).filter(Boolean).length
    for (const address of ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2']) {
      const words = client(address)
      expect(count(() => some.admitsQuery(words, 0, 1000))).toBe(20)
      expect(count(() => some.admitsForwarded(words, 0, 1000))).toBe(5)
    }
  })

  it('leave alone what has no limit', () => {
    const some = limits({ forwardedPerSecond: 1 })
    for (let i = 0; i < 100; i++) {
      expect(some.admitsQuery(client('192.0.2.1'), 0, 1000)).toBe(true)
      expect(some.judgeResponse(client('192.0.2.1'), 0, ResponseClass.error, 0, 1000)).toBe('send')
    }
  })

  it('are shared by all who keep them, and no limits take no memory', () => {
    const handle = createRateLimits(parseRateLimitOptions({ queriesPerSecond: 10 }), 1)!
    const [one, other] = [new RateLimits(handle, new FastRandom(1)), new RateLimits(handle, new FastRandom(2))]
    const words = client('192.0.2.1')
    const admitted = Array.from({ length: 40 }, (_, i) => (i % 2 ? one : other).admitsQuery(words, 0, 1000))
    expect(admitted.filter(Boolean).length).toBe(10)
    expect(createRateLimits(parseRateLimitOptions(), 1)).toBeUndefined()
  })
})

describe('the options of rate limits', () => {
  it('are all off by default', () => {
    const parsed = parseRateLimitOptions()
    expect(parsed).toMatchObject({ responsesPerSecond: 0, queriesPerSecond: 0, forwardedPerSecond: 0, slip: 2 })
    expect(parsed).toMatchObject({ ipv4Prefix: 24, ipv6Prefix: 56, allow: [], entries: 245_760 })
    expect(Object.isFrozen(parsed)).toBe(true)
  })

  it.each([
    ['CDNS_OPTION_UNKNOWN', { responsePerSecond: 1 }],
    ['CDNS_OPTION_INVALID', { responsesPerSecond: -1 }],
    ['CDNS_OPTION_INVALID', { responsesPerSecond: 0.5 }],
    ['CDNS_OPTION_INVALID', { queriesPerSecond: 1_000_001 }],
    ['CDNS_OPTION_INVALID', { forwardedPerSecond: '5' }],
    ['CDNS_OPTION_INVALID', { slip: 11 }],
    ['CDNS_OPTION_INVALID', { ipv4Prefix: 0 }],
    ['CDNS_OPTION_INVALID', { ipv4Prefix: 33 }],
    ['CDNS_OPTION_INVALID', { ipv6Prefix: 129 }],
    ['CDNS_OPTION_INVALID', { entries: 959 }],
    ['CDNS_OPTION_INVALID', { allow: '10.0.0.0/8' }],
    ['CDNS_OPTION_INVALID', { allow: null }],
    ['CDNS_CIDR_INVALID', { allow: ['10.0.0.1/8'] }],
    ['CDNS_OPTION_INVALID', 5],
    ['CDNS_OPTION_INVALID', null],
  ])('are refused with %s: %j', (code, given) => {
    expect(errorCode(() => parseRateLimitOptions(given as RateLimitOptions))).toBe(code)
  })
})
