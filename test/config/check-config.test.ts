import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkConfig } from '../../lib/config/check-config.js'
import type { ConfigFileContent } from '../../lib/config/config.js'
import { ConfigDraft } from '../../lib/config/config-draft.js'
import { ConfigSource, configFaultsOf, FlagFault, oneOfFaults } from '../../lib/config/config-fault.js'
import { pathIn, pathText } from '../../lib/config/fault-path.js'

const RIGHT = {
  zones: ['a.example', { name: 'b.example', selection: { policy: 'rotate' } }],
  listen: [
    { host: '127.0.0.1', port: 53 },
    { port: 853, protocols: ['dot'], tls: { cert: 'a.crt', key: 'a.key' } },
  ],
  workers: 1,
  negativeTtl: 3,
  store: { etcd: { hosts: ['http://192.0.2.1:2379'], prefix: '/dns/', auth: { username: 'u', password: 'p' } } },
  health: { probes: { intervalMs: 1_000, check: { type: 'hook' } } },
  hooks: { checkHealth: './check.mjs' },
  transport: 'xdp',
  xdp: { interfaces: ['eth0'] },
  forward: { upstreams: ['192.0.2.53', '192.0.2.54'], policy: 'random' },
  forwardZones: [{ zone: 'c.example', upstreams: ['192.0.2.55'] }],
  views: [
    { name: 'one', clients: ['10.0.0.0/8'] },
    { name: 'two', clients: ['192.0.2.0/24'] },
  ],
  acl: [{ clients: ['10.0.0.0/8'], action: 'allow' }],
  api: { listen: { port: 0 }, bulkLimit: 5 },
  log: { level: 'info' },
  drainMs: 0,
}

/** Each by itself, and at the place where it is to be found. */
const WRONG: readonly (readonly [string, unknown])[] = [
  ['negativTtl', 3],
  ['zones[0]', 'a..b'],
  ['zones[1].selection.policy', 'random'],
  ['listen[0].host', 'here'],
  ['listen[0].prot', 53],
  ['listen[1].port', 'many'],
  ['listen[1].tls.key', 3],
  ['workers', 'many'],
  ['negativeTtl', -1],
  ['store.etcd.prefix', 3],
  ['store.etcd.auht', {}],
  ['health.allUnhealthy', 'some'],
  ['hooks.checkHealth', 3],
  ['hooks.onQuery', 3],
  ['xdp.interfaces', [3]],
  ['forward.upstreams[0]', 'there'],
  ['forward.policy', 'first'],
  ['forwardZones[0].zone', 'c..d'],
  ['forwardZones[0].upstreams[0]', 'there'],
  ['views[0].name', 3],
  ['views[1].clients[0]', '10.0.0.1/8'],
  ['acl[0].action', 'let'],
  ['acl[0].clients[0]', '10.0.0.1/8'],
  ['api.bulkLimit', 0],
  ['api.listen.port', 'many'],
  ['log.level', 'loud'],
  ['log.format', 'xml'],
  ['drainMs', 'soon'],
]

const source = (flags: object = {}) => new ConfigSource({ path: undefined, lineOf: undefined, overrides: [], flags })

function withValues(values: readonly (readonly [string, unknown])[]): ConfigFileContent {
  const draft = new ConfigDraft(RIGHT)
  for (const [path, value] of values) draft.put(pathIn(path, []), value)
  return draft.content as ConfigFileContent
}

const placesOf = (content: object) =>
  checkConfig(content, source()).faults.flatMap((fault) => configFaultsOf(fault).map(({ path }) => path))

describe('a check of a config', () => {
  it('finds nothing wrong with what is right, and changes nothing of it', () => {
    const { config, faults } = checkConfig(withValues([]), source())
    expect(faults).toEqual([])
    expect(config).toMatchObject({ options: { zones: RIGHT.zones, listen: RIGHT.listen }, log: RIGHT.log })
  })

  it('names every fault once and nothing else, whichever there are', () => {
    fc.assert(
      fc.property(fc.subarray([...WRONG], { minLength: 1 }), (wrong) => {
        expect(placesOf(withValues(wrong)).sort()).toEqual(wrong.map(([path]) => path).sort())
      }),
      { numRuns: 60 },
    )
  })

  it('has the code of each, and one for all', () => {
    const { faults } = checkConfig(withValues([WRONG[0]!, WRONG[1]!, WRONG[15]!]), source())
    const error = oneOfFaults(faults)
    expect(error.code).toBe('CDNS_CONFIG_INVALID')
    expect(configFaultsOf(error).map(({ code }) => code)).toEqual([
      'CDNS_OPTION_UNKNOWN',
      'CDNS_ZONE_INVALID',
      'CDNS_UPSTREAM_INVALID',
    ])
  })

  it('names a value that is missing, and goes on behind it', () => {
    expect(placesOf({ listen: [{ protocols: ['dot'], tls: { cert: 3, key: 'k' } }], workers: 0 })).toEqual([
      ...['listen[0].port', 'listen[0].tls.cert', 'workers'],
    ])
    expect(placesOf({ forward: {}, drainMs: -1 })).toEqual(['forward', 'drainMs'])
  })

  it('takes a key that is misspelled for the one that is meant', () => {
    expect(placesOf({ forward: { upstrems: ['192.0.2.53'], timeoutMs: -1 } })).toEqual([
      ...['forward.upstrems', 'forward.timeoutMs'],
    ])
    expect(placesOf({ forward: { upstrems: 'there' }, drainMs: -1 })).toEqual(['forward.upstrems', 'drainMs'])
    // What it says is looked at behind all keys that are unknown, and is not said of a line that is not there.
    expect(placesOf({ negativTtl: -1, unheard: 1, drainMs: -1 })).toEqual(['negativTtl', 'unheard', 'drainMs'])
  })

  it('keeps the numbers of the items of a list', () => {
    const acl = [5, { clients: ['10.0.0.0/8'], action: 'allow' }, 7, { clients: ['::/0'], action: 'let' }]
    expect(placesOf({ acl })).toEqual(['acl[0]', 'acl[2]', 'acl[3].action'])
  })

  it('says once that a key is unknown whose name is too long to be shown', () => {
    const long = { ['x'.repeat(200)]: 1 }
    expect(placesOf({ log: long, drainMs: -1 })).toEqual([expect.stringMatching(/^log\.x+…$/), 'drainMs'])
    expect(placesOf({ ...long, drainMs: -1 })).toEqual([expect.stringMatching(/^x+…$/), 'drainMs'])
    expect(placesOf({ log: { 'a"b': 1, __proto__x: 2 }, ...JSON.parse('{"__proto__":1}'), drainMs: -1 })).toContain(
      'drainMs',
    )
  })

  it('goes on behind keys that are empty, or have quotes, backslashes and line ends in them', () => {
    const keys = ['', '"', 'a"b', '\\', 'a\\"', 'a\nb', '…', 'zones.x']
    const odd = Object.fromEntries(keys.map((key) => [key, 1]))
    expect(placesOf({ ...odd, drainMs: -1 }).sort()).toEqual([...keys, 'drainMs'].sort())
    expect(placesOf({ log: odd, drainMs: -1 }).sort()).toEqual([...keys.map((key) => `log.${key}`), 'drainMs'].sort())
  })

  it('has a config of twenty thousand zones, right or wrong, while somebody waits', () => {
    const zones = Array.from({ length: 20_000 }, (_, i) => `z${i}.example`)
    const forwardZones = zones.map((zone) => ({ zone: `f.${zone}`, upstreams: ['192.0.2.53'] }))
    const startedMs = performance.now()
    expect(placesOf({ zones, forward: { upstreams: ['192.0.2.53'] }, forwardZones })).toEqual([])
    expect(performance.now() - startedMs).toBeLessThan(5_000)
    const wrong = zones.map((zone, i) => (i % 100 === 3 ? `bad..${zone}` : zone))
    expect(placesOf({ zones: wrong })[0]).toBe('zones[3]')
    expect(performance.now() - startedMs).toBeLessThan(20_000)
  })

  it('ends after a hundred faults', () => {
    expect(placesOf({ acl: Array.from({ length: 300 }, () => 5) })).toHaveLength(100)
  })

  it('is the command line’s fault only where nothing else is wrong', () => {
    const faultsOf = (flags: object) =>
      oneOfFaults(checkConfig({ workers: 0, negativeTtl: -1, zones: ['example'] }, source(flags)).faults)
    expect(faultsOf({ workers: 0, negativeTtl: -1 })).toBeInstanceOf(FlagFault)
    expect(faultsOf({ workers: 0 })).not.toBeInstanceOf(FlagFault)
  })

  it('writes a path as the messages of options do', () => {
    expect(pathText(['listen', 1, 'tls', 'cert'])).toBe('listen[1].tls.cert')
    expect(pathIn('listen[1].tls.cert', [])).toEqual(['listen', 1, 'tls', 'cert'])
  })
})
