import { describe, expect, it } from 'vitest'
import { CACHE_MAX_BYTES, CACHE_MAX_ENTRIES } from '../../lib/answer-cache/options.js'
import type { Bounds } from '../../lib/bounds.js'
import { CidrTable } from '../../lib/clients/cidr-table.js'
import * as options from '../../lib/forward/options.js'
import { errorCode } from '../support/error-code.js'

const { parseForward } = options
type Given = options.ForwardOptions

const UPSTREAMS = ['192.0.2.53']
const parsed = (given: Given, zones?: options.ForwardZoneOptions[]) =>
  parseForward({ upstreams: UPSTREAMS, ...given }, zones, 30)!
const code = (given: unknown, zones?: unknown) =>
  errorCode(() => parseForward(given as Given, zones as options.ForwardZoneOptions[] | undefined, 30))

describe('the options of forwarding', () => {
  it('are nothing where nothing is forwarded', () => {
    expect(parseForward(undefined, undefined, 30)).toBeUndefined()
  })

  it('have defaults for all but the upstreams', () => {
    expect(parsed({})).toMatchObject({
      ...{ policy: 'random', attempts: 3, tryTimeoutMs: 1_200, timeoutMs: 4_000, randomizeCase: false, zones: [] },
      ...{ maxInFlight: 4_096, probeName: Uint8Array.of(0), resolvConf: undefined },
      cache: { maxTtl: 86_400, minTtl: 0, maxNegativeTtl: 30, servfailTtl: 1, prefetch: true, serveStale: 3_600 },
    })
  })

  it('can be posted to a thread', () => {
    const whole = parsed({ tls: { ca: '-----BEGIN CERTIFICATE-----' } }, [
      { zone: 'corp.example', upstreams: ['tls://192.0.2.1'] },
    ])
    expect(structuredClone(whole)).toEqual(whole)
  })

  it.each([
    ['192.0.2.53', 'udp', '192.0.2.53', 53],
    ['192.0.2.53:5353', 'udp', '192.0.2.53', 5353],
    ['2001:db8::53', 'udp', '2001:db8::53', 53],
    ['[2001:db8::53]:5353', 'udp', '2001:db8::53', 5353],
    ['fe80::53%eth0', 'udp', 'fe80::53%eth0', 53],
    ['tcp://192.0.2.53', 'tcp', '192.0.2.53', 53],
    ['udp://[2001:db8::53]', 'udp', '2001:db8::53', 53],
    ['tls://192.0.2.53', 'tls', '192.0.2.53', 853],
    ['tls://192.0.2.53:8853#dns.example', 'tls', '192.0.2.53', 8853],
  ])('read the upstream %s', (text, protocol, host, port) => {
    const [upstream] = parsed({ upstreams: [text] }).upstreams
    expect(upstream).toMatchObject({ protocol, host, port })
    expect(upstream!.serverName).toBe(/#(.*)/.exec(text)?.[1])
  })

  it('read an upstream as an object, with what tls says for all', () => {
    const ca = '-----BEGIN CERTIFICATE-----'
    const { upstreams } = parsed({
      upstreams: [
        { address: '192.0.2.1', protocol: 'tls' },
        { address: '192.0.2.2', protocol: 'tls', serverName: 'own.example' },
      ],
      tls: { ca, serverName: 'all.example' },
    })
    expect(upstreams).toMatchObject([
      { ca, serverName: 'all.example', port: 853 },
      { ca, serverName: 'own.example' },
    ])
  })

  it.each([
    [[]],
    [['dns.example']],
    [['192.0.2.53:0']],
    [['192.0.2.53:65536']],
    [['192.0.2.53:']],
    [['[192.0.2.53]:53']],
    [['http://192.0.2.53']],
    [['192.0.2.53#dns.example']],
    [['192.0.2.53/24']],
    [['']],
    [['tls://192.0.2.53#']],
    [['192.0.2.53', '192.0.2.53:53']],
    [[{ address: '192.0.2.53', protocol: 'udp', ca: 'x' }]],
    [[{ address: '192.0.2.53', protocol: 'tls', ca: 'no PEM' }]],
    [Array.from({ length: 17 }, (_, i) => `192.0.2.${i}`)],
  ])('refuse the upstreams %j', (upstreams) => {
    expect(code({ upstreams })).toBe('CDNS_UPSTREAM_INVALID')
  })

  it('refuse a list of something else, and keys that there are not', () => {
    for (const upstreams of ['192.0.2.53', [7], [null], new Array(1)])
      expect(code({ upstreams })).toBe('CDNS_OPTION_INVALID')
    expect(code({ upstreams: [{ address: '192.0.2.53', prot: 53 }] })).toBe('CDNS_OPTION_UNKNOWN')
    expect(code({ upstreams: UPSTREAMS, polcy: 'random' })).toBe('CDNS_OPTION_UNKNOWN')
    expect(code({ upstreams: UPSTREAMS, cache: { maxTTL: 3 } })).toBe('CDNS_OPTION_UNKNOWN')
    expect(code({ upstreams: UPSTREAMS, tls: { serverNam: 'a' } })).toBe('CDNS_OPTION_UNKNOWN')
  })

  it('want to know whom to ask, in one way', () => {
    expect(code({})).toBe('CDNS_UPSTREAM_INVALID')
    expect(code({ upstreams: UPSTREAMS, resolvConf: '/etc/resolv.conf' })).toBe('CDNS_OPTION_INVALID')
    expect(code({ resolvConf: '' })).toBe('CDNS_OPTION_INVALID')
    expect(parseForward({ resolvConf: '/etc/resolv.conf' }, undefined, 30)).toMatchObject({
      upstreams: [],
      resolvConf: '/etc/resolv.conf',
    })
  })

  it.each([
    ['attempts', options.ATTEMPTS],
    ['tryTimeoutMs', options.TRY_TIMEOUT_MS],
    ['timeoutMs', options.FORWARD_TIMEOUT_MS],
    ['maxInFlight', options.MAX_IN_FLIGHT],
  ] as const)('keep %s within its bounds', (name, { min, max, default: byDefault }: Bounds) => {
    expect(parsed({})[name]).toBe(byDefault)
    for (const value of [min, max]) expect(parsed({ [name]: value })[name]).toBe(value)
    for (const value of [min - 1, max + 1, 0.5, '3', null])
      expect(code({ upstreams: UPSTREAMS, [name]: value })).toBe('CDNS_OPTION_INVALID')
  })

  it.each([
    ['maxBytes', CACHE_MAX_BYTES],
    ['maxEntries', CACHE_MAX_ENTRIES],
    ['minTtl', options.CACHE_MIN_TTL],
    ['maxTtl', options.CACHE_MAX_TTL],
    ['servfailTtl', options.CACHE_SERVFAIL_TTL],
    ['serveStale', options.CACHE_SERVE_STALE],
  ] as const)('keep cache.%s within its bounds', (name, { min, max, default: byDefault }: Bounds) => {
    expect(parsed({}).cache[name]).toBe(byDefault)
    for (const value of [min - 1, max + 1]) {
      expect(code({ upstreams: UPSTREAMS, cache: { [name]: value } })).toBe('CDNS_OPTION_INVALID')
    }
  })

  it("cap negative answers with the server's negativeTtl", () => {
    expect(parseForward({ upstreams: UPSTREAMS }, undefined, 7)!.cache.maxNegativeTtl).toBe(7)
    expect(parsed({ cache: { maxNegativeTtl: 0 } }).cache.maxNegativeTtl).toBe(0)
    expect(code({ upstreams: UPSTREAMS, cache: { maxNegativeTtl: 31 } })).toBe('CDNS_OPTION_INVALID')
  })

  it('refuse a floor above the cap, and what is neither true nor false', () => {
    expect(code({ upstreams: UPSTREAMS, cache: { minTtl: 60, maxTtl: 30 } })).toBe('CDNS_OPTION_INVALID')
    expect(code({ upstreams: UPSTREAMS, cache: { prefetch: 1 } })).toBe('CDNS_OPTION_INVALID')
    expect(code({ upstreams: UPSTREAMS, randomizeCase: 'yes' })).toBe('CDNS_OPTION_INVALID')
    expect(code({ upstreams: UPSTREAMS, policy: 'best' })).toBe('CDNS_OPTION_INVALID')
    expect(code({ upstreams: UPSTREAMS, probeName: 'a..b' })).toBe('CDNS_OPTION_INVALID')
  })

  it('forward for private networks unless others are named', () => {
    const allows = (table: Int32Array, last: number[]) => {
      const words = Int32Array.of(0, 0, 0xffff, (last[0]! << 24) | (last[1]! << 16) | (last[2]! << 8) | last[3]!)
      return new CidrTable(table).find(words, 0) === 0
    }
    const { allow } = parsed({})
    for (const inside of [
      [127, 0, 0, 1],
      [10, 1, 2, 3],
      [192, 168, 0, 1],
    ])
      expect(allows(allow, inside)).toBe(true)
    expect(allows(allow, [192, 0, 2, 1])).toBe(false)
    expect(allows(parsed({ allow: ['192.0.2.0/24'] }).allow, [192, 0, 2, 1])).toBe(true)
    expect(allows(parsed({ allow: [] }).allow, [127, 0, 0, 1])).toBe(false)
    expect(code({ upstreams: UPSTREAMS, allow: ['10.0.0.1/8'] })).toBe('CDNS_CIDR_INVALID')
  })
})

describe('forward zones', () => {
  it('have their own upstreams, and the policy of forward unless they say so', () => {
    const zones = [
      { zone: 'Corp.Example.', upstreams: ['192.0.2.1'] },
      { zone: 'lab.example', upstreams: ['192.0.2.2'], policy: 'sequential' as const },
    ]
    expect(parsed({ policy: 'fastest' }, zones).zones).toMatchObject([
      { zone: 'corp.example', policy: 'fastest' },
      { zone: 'lab.example', policy: 'sequential' },
    ])
  })

  it('do without forward', () => {
    expect(parseForward(undefined, [{ zone: 'corp.example', upstreams: ['192.0.2.1'] }], 30)).toMatchObject({
      upstreams: [],
    })
    expect(code(undefined, [])).toBe('CDNS_UPSTREAM_INVALID')
  })

  it('are refused as the root, twice, and without upstreams', () => {
    const zone = { zone: 'corp.example', upstreams: ['192.0.2.1'] }
    expect(code(undefined, [{ ...zone, zone: '.' }])).toBe('CDNS_ZONE_INVALID')
    expect(code(undefined, [{ ...zone, zone: 'a..b' }])).toBe('CDNS_ZONE_INVALID')
    expect(code(undefined, [zone, { ...zone, zone: 'CORP.example' }])).toBe('CDNS_ZONE_INVALID')
    expect(code(undefined, [{ zone: 'corp.example' }])).toBe('CDNS_OPTION_INVALID')
    expect(code(undefined, 'corp.example')).toBe('CDNS_OPTION_INVALID')
    expect(code(undefined, [{ ...zone, upstream: [] }])).toBe('CDNS_OPTION_UNKNOWN')
  })
})
