import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { parseOptions } from '../lib/options.js'
import { errorCode } from './support/error-code.js'

const TLS = { cert: 'cert.pem', key: 'key.pem' }

describe('options', () => {
  it('have a default for everything', () => {
    expect(parseOptions()).toMatchObject({
      zones: [{ name: 'containerdns.local', selection: { policy: 'shuffle', maxAnswers: 5041, affinity: 'address' } }],
      health: { allUnhealthy: 'all' },
      listen: [{ host: '127.0.0.1', port: 5300, protocols: ['udp', 'tcp'], share: false }],
      transport: 'auto',
      defaultTtl: 30,
      negativeTtl: 30,
      edns: { udpPayloadSize: 1232, cookies: 'on' },
      identity: { version: 'containerdns', hostname: hostname() },
      srvWeights: 'normalized',
      synthesizePtr: false,
      tcp: { idleTimeoutMs: 10_000, maxConnections: 8192, maxConnectionsPerClient: 256 },
    })
  })

  it('of a zone stand on those of the server', () => {
    const { zones } = parseOptions({
      selection: { policy: 'rotate', maxAnswers: 3 },
      zones: ['example', { name: 'Example.ORG.', selection: { policy: 'clientHash' } }, { name: 'test' }],
    })
    expect(zones).toEqual([
      { name: 'example', selection: { policy: 'rotate', maxAnswers: 3, affinity: 'address' } },
      { name: 'example.org', selection: { policy: 'clientHash', maxAnswers: 3, affinity: 'address' } },
      { name: 'test', selection: { policy: 'rotate', maxAnswers: 3, affinity: 'address' } },
    ])
  })

  it.each<[unknown, string]>([
    [{ zones: [{ name: 'example', selection: { policy: 'best' } }] }, 'CDNS_OPTION_INVALID'],
    [{ zones: [{ name: 'example', select: {} }] }, 'CDNS_OPTION_UNKNOWN'],
    [{ zones: [{}] }, 'CDNS_ZONE_INVALID'],
    [{ zones: ['example', { name: 'EXAMPLE' }] }, 'CDNS_ZONE_INVALID'],
    [{ selection: { maxAnswers: 0 } }, 'CDNS_OPTION_INVALID'],
    [{ selection: null }, 'CDNS_OPTION_INVALID'],
    [{ health: { allUnhealthy: 'some' } }, 'CDNS_OPTION_INVALID'],
    [{ health: { probes: [] } }, 'CDNS_OPTION_INVALID'],
    [{ health: { probes: { interval: 5 } } }, 'CDNS_OPTION_UNKNOWN'],
    [{ health: { probes: { timeoutMs: 2_000, intervalMs: 1_000 } } }, 'CDNS_OPTION_INVALID'],
    [{ health: { probes: { check: { type: 'hook' } } } }, 'CDNS_OPTION_INVALID'],
    [{ health: { probes: { overrides: [{ networks: ['10.0.0.1/8'] }] } } }, 'CDNS_CIDR_INVALID'],
    [{ health: { probes: { references: [{ address: 'a.example', port: 1 }] } } }, 'CDNS_ADDRESS_INVALID'],
    [{ edns: { clientSubnet: {} } }, 'CDNS_OPTION_INVALID'],
    [{ edns: { clientSubnet: { trusted: ['10.0.0.1/8'] } } }, 'CDNS_CIDR_INVALID'],
    [{ edns: { clientSubnet: { trusts: [] } } }, 'CDNS_OPTION_UNKNOWN'],
  ])('of selection and health are refused when they are wrong: %j', (options, code) => {
    expect(errorCode(() => parseOptions(options as object))).toBe(code)
  })

  it('for DoT and DoH are entries of their own', () => {
    const listen = [
      { port: 853, protocols: ['dot' as const], tls: TLS },
      { port: 0, protocols: ['doh' as const], tls: TLS },
    ]
    expect(parseOptions({ listen }).listen).toEqual([
      { host: '127.0.0.1', port: 853, protocols: ['dot'], share: false, tls: TLS },
      { host: '127.0.0.1', port: 0, protocols: ['doh'], share: false, tls: TLS, dohPath: '/dns-query' },
    ])
  })

  it('are copied and frozen: what the caller changes later changes nothing', () => {
    const zones = ['example']
    const parsed = parseOptions({ zones })
    zones.push('other')
    expect(parsed.zones.map(({ name }) => name)).toEqual(['example'])
    expect(Object.isFrozen(parsed) && Object.isFrozen(parsed.zones) && Object.isFrozen(parsed.listen)).toBe(true)
  })

  it.each([
    [{ zone: ['example'] }, 'CDNS_OPTION_UNKNOWN'],
    [{ listen: { prot: 53 } }, 'CDNS_OPTION_UNKNOWN'],
    [{ edns: { size: 1232 } }, 'CDNS_OPTION_UNKNOWN'],
    [{ workerFiles: { dsn: 'x' } }, 'CDNS_OPTION_UNKNOWN'],
    [null, 'CDNS_OPTION_INVALID'],
    [{ zones: [] }, 'CDNS_OPTION_INVALID'],
    [{ zones: 'example' }, 'CDNS_OPTION_INVALID'],
    [{ zones: ['a..b'] }, 'CDNS_ZONE_INVALID'],
    [{ zones: [7] }, 'CDNS_ZONE_INVALID'],
    [{ zones: new Array(2) }, 'CDNS_ZONE_INVALID'],
    [{ listen: new Array(2) }, 'CDNS_OPTION_INVALID'],
    [{ workerFiles: null }, 'CDNS_OPTION_INVALID'],
    [{ edns: null }, 'CDNS_OPTION_INVALID'],
    [{ zones: ['Example', 'example.'] }, 'CDNS_ZONE_INVALID'],
    [{ zones: [`${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(60)}`] }, 'CDNS_ZONE_INVALID'],
    [{ listen: [] }, 'CDNS_OPTION_INVALID'],
    [{ listen: { host: 'localhost' } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { port: 65536 } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { port: '53' } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { share: 1 } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { protocols: [] } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { protocols: 'tcp' } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { protocols: ['tls'] } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { protocols: ['tcp', 'tcp'] } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { protocols: ['dot'], tls: TLS } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { protocols: ['tcp', 'dot'], port: 0, tls: TLS } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { protocols: ['dot', 'doh'], port: 0, tls: TLS } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { protocols: ['dot'], port: 0 } }, 'CDNS_CERTIFICATE_MISSING'],
    [{ listen: { protocols: ['dot'], port: 0, tls: { cert: 'a' } } }, 'CDNS_CERTIFICATE_MISSING'],
    [{ listen: { protocols: ['dot'], port: 0, tls: { cert: 'a', key: 5 } } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { protocols: ['dot'], port: 0, tls: { ...TLS, ca: 'a' } } }, 'CDNS_OPTION_UNKNOWN'],
    [{ listen: { protocols: ['dot'], port: 0, tls: null } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { protocols: ['dot'], port: 0, tls: TLS, doh: {} } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { protocols: ['doh'], port: 0, tls: TLS, doh: { path: 'dns' } } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { protocols: ['doh'], port: 0, tls: TLS, doh: { path: '/a?b' } } }, 'CDNS_OPTION_INVALID'],
    [{ listen: { protocols: ['doh'], port: 0, tls: TLS, doh: { paht: '/' } } }, 'CDNS_OPTION_UNKNOWN'],
    [{ listen: { tls: TLS } }, 'CDNS_OPTION_INVALID'],
    [{ tcp: { idleTimeout: 10 } }, 'CDNS_OPTION_UNKNOWN'],
    [{ tcp: { idleTimeoutMs: 99 } }, 'CDNS_OPTION_INVALID'],
    [{ tcp: { maxConnections: 0 } }, 'CDNS_OPTION_INVALID'],
    [{ tcp: { maxConnectionsPerClient: 1.5 } }, 'CDNS_OPTION_INVALID'],
    [{ workers: 0 }, 'CDNS_OPTION_INVALID'],
    [{ workers: 1.5 }, 'CDNS_OPTION_INVALID'],
    [{ transport: 'tcp' }, 'CDNS_OPTION_INVALID'],
    [{ defaultTtl: -1 }, 'CDNS_OPTION_INVALID'],
    [{ edns: { udpPayloadSize: 511 } }, 'CDNS_OPTION_INVALID'],
    [{ edns: { nsid: '' } }, 'CDNS_OPTION_INVALID'],
    [{ edns: { nsid: 'x'.repeat(129) } }, 'CDNS_OPTION_INVALID'],
    [{ edns: { cookies: true } }, 'CDNS_OPTION_INVALID'],
    [{ identity: true }, 'CDNS_OPTION_INVALID'],
    [{ identity: { name: 'x' } }, 'CDNS_OPTION_UNKNOWN'],
    [{ identity: { hostname: 'x'.repeat(256) } }, 'CDNS_OPTION_INVALID'],
    [{ srvWeights: 'percent' }, 'CDNS_OPTION_INVALID'],
    [{ synthesizePtr: 'yes' }, 'CDNS_OPTION_INVALID'],
    [{ store: {} }, 'CDNS_OPTION_INVALID'],
    [{ logger: () => {} }, 'CDNS_OPTION_INVALID'],
    [{ signal: true }, 'CDNS_OPTION_INVALID'],
  ])('are refused: %j', (options, code) => {
    expect(() => parseOptions(options as never)).toThrow(expect.objectContaining({ code }))
  })

  it('that are unknown come with the nearest known name', () => {
    expect(() => parseOptions({ negativTtl: 5 } as never)).toThrow(/negativeTtl/)
  })
})
