import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { configFaultsOf } from '../../../lib/config/config-fault.js'
import { readConfig } from '../../../lib/config/config-file.js'
import { readIni } from '../../../lib/config/origin/ini.js'
import { originConfig } from '../../../lib/config/origin/origin-config.js'
import { OPTION_NAMES } from '../../../lib/options.js'

const example = (name: string) => fileURLToPath(new URL(`../../../docs/examples/${name}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'containerdns-origin-'))
afterAll(() => rmSync(folder, { recursive: true }))
const forwards = (OPTION_NAMES as readonly string[]).includes('forward')
const ETCD = '\n[Etcd]\netcd-servers = http://127.0.0.1:2379\n'
/** What is ignored, by name. */
const namesIn = (ignored: readonly string[]) => ignored.map((each) => /line \d+: (\S+)/.exec(each)?.[1])

describe('a file of ContainerDNS', () => {
  it('of its README is taken as it stands', async () => {
    const config = await readConfig({ originFile: example('containerdns.conf') })
    expect(config).toMatchObject({
      options: { zones: ['containerdns.local'], listen: { host: '0.0.0.0', port: 53 } },
      store: { etcd: { hosts: ['http://127.0.0.1:2379'] } },
      api: {
        listen: { host: '127.0.0.1', port: 9600 },
        tokens: [{ principal: 'stats', verbs: ['read', 'stats', 'cache'] }],
        queryToken: true,
      },
      log: { level: 'info' },
    })
    const also = forwards ? [] : ['nameservers', 'subDomainServers', 'cacheSize']
    expect(namesIn(config.ignored)).toEqual([...also, 'ip-monitor-path', 'log-dir', 'log-to-stdio'])
  })

  it('of containerdns-kubeapi makes an API with an admin’s token', async () => {
    const config = await readConfig({ originFile: example('containerdns-api.conf') })
    expect(config).toMatchObject({
      options: { zones: ['containerdns.local'] },
      store: { etcd: { hosts: ['http://127.0.0.1:2379'] } },
      api: {
        listen: { host: '127.0.0.1', port: 9003 },
        tokens: [{ principal: 'containerdns', admin: true }],
        queryToken: true,
      },
    })
    expect(namesIn(config.ignored)).toEqual(['host', 'ip-monitor-path', 'log-dir', 'log-to-stdio', 'kube-enable'])
  })

  it('is understood in the spelling of its code', () => {
    const { content } = originConfig(
      'x.conf',
      `[dns]
DNS-Domains = A.example.%b.example ; two
dns-addr=192.0.2.1:5353
[ETCD]
etcd-servers = http://a:1, http://b:2
etcd-cafile = /ca.pem
etcd-certfile = /c.pem
etcd-keyfile = /k.pem
[Fun]
hone-one
[Stats]
statsServer=:9600
statsServerAuthToken = "a\\"b"
[Log]
log-level = 100`,
    )
    expect(content).toMatchObject({
      ...{ zones: ['A.example', 'b.example'], listen: { host: '192.0.2.1', port: 5353 } },
      selection: { policy: 'clientHash', maxAnswers: 1 },
      store: {
        etcd: {
          hosts: ['http://a:1', 'http://b:2'],
          tls: { ca: { file: '/ca.pem' }, cert: { file: '/c.pem' }, key: { file: '/k.pem' } },
        },
      },
      api: { listen: { host: '0.0.0.0', port: 9600 }, queryToken: true },
      log: { level: 'debug' },
    })
  })

  it('gives each client the next address with random-one', () => {
    const { content } = originConfig('x.conf', '[Dns]\n[Fun]\nrandom-one = YES')
    expect(content.selection).toEqual({ policy: 'rotate', maxAnswers: 1 })
    // Its own default, which is not ours.
    expect(content.listen).toEqual({ host: '127.0.0.1', port: 53 })
  })

  it.each([
    [
      'containerdns-scanner',
      '[General]\ncore = 0\n[Check]\nscann-ports = 22, 80, 8080\nenable-icmp = true\n[Etcd]\ntls-key =\n',
    ],
    ['containerdns-schedule', '[General]\nschedule-interval = 60\nhostname = h\n[Etcd]\nlock-path = /l\n'],
  ])('of %s is known, and each of its keys is said to be for that', (program, text) => {
    const config = originConfig('x.conf', text)
    expect(config).toMatchObject({ program, content: {} })
    expect(config.ignored).toHaveLength(text.split('\n').filter((line) => line.includes('=')).length)
    expect(config.ignored.every((each) => !each.includes('is no key'))).toBe(true)
  })

  it('says each key that nobody knows', () => {
    const { ignored } = originConfig('x.conf', '[Dns]\ndns-doman = a.example\n[Other]\nx = 1\n')
    expect(ignored).toEqual([
      'x.conf, line 2: dns-doman is no key of containerdns',
      'x.conf, line 4: x is no key of containerdns',
    ])
  })

  it.each([
    ['line 2', '[Dns]\ndns-addr = nowhere:53'],
    ['line 2', '[Dns]\n= 3'],
    ['line 1', 'dns-addr = 1.2.3.4:53'],
    ['line 1', '[Dns'],
    ['line 2', '[Dns]\ndns-addr = "1.2.3.4:53'],
    ['line 2', '[Dns]\ndns-addr = 1.2.3.4\\q'],
    ['line 4', '[Dns]\n[Fun]\nrandom-one = true\nhone-one = true'],
    ['line 3', '[Dns]\n[Fun]\nrandom-one = perhaps'],
    ['line 3', '[Dns]\n[Log]\nlog-level = much'],
    ['line 2', '[Dns]\ndns-domains = a..b'],
    ['line 3', '[Dns]\n[Etcd]\netcd-servers = http://a:1/path'],
    ['line 1', '[Nothing]\na = b'],
  ])('says %s for the fault in %j', async (place, text) => {
    const path = join(folder, 'wrong.conf')
    writeFileSync(path, text)
    const wrong = readConfig({ originFile: path })
    await expect(wrong).rejects.toMatchObject({
      code: 'CDNS_CONFIG_INVALID',
      message: expect.stringContaining(`${path}, ${place}: `),
    })
  })

  it('is read as gcfg reads it: quotes, escapes, comments, lines that go on', () => {
    const text = '\uFEFF; one\n[ A ] # two\nb = x ; y\nc = "x ; \\"y\\" \\\\" z\nd\ne = x \\\n  y\nf =\n'
    expect(readIni('x', text).entries.map(({ section, key, value, line }) => [section, key, value, line])).toEqual([
      ['a', 'b', 'x', 3],
      ['a', 'c', 'x ; "y" \\ z', 4],
      ['a', 'd', 'true', 5],
      ['a', 'e', 'x   y', 6],
      ['a', 'f', '', 8],
    ])
  })

  it('has all its lines named that make no sense, and with them values that no option can have', async () => {
    const path = join(folder, 'many.conf')
    writeFileSync(
      path,
      '[Dns]\ndns-addr = nowhere:53\ndns-domains = a..b\n[Fun]\nrandom-one = perhaps\nhone-one = maybe\n',
    )
    await expect(readConfig({ originFile: path })).rejects.toMatchObject({
      code: 'CDNS_CONFIG_INVALID',
      details: { file: path, faults: [2, 3, 5, 6].map((line) => ({ file: path, line })) },
    })
  })

  it('has no more than a hundred of its lines named', async () => {
    const path = join(folder, 'more.conf')
    writeFileSync(path, `[Dns]\ndns-domains = example\n[Fun]\n${'random-one = perhaps\n'.repeat(2_000)}`)
    const error = await readConfig({ originFile: path }).catch((error) => error)
    expect(configFaultsOf(error)).toHaveLength(100)
  })

  it('of any text is read, or refused with a line', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'[Dns]\n=";#\\ a-1') }), (text) => {
        try {
          originConfig('x', `${text}${ETCD}`)
        } catch (error) {
          expect(error).toMatchObject({ code: 'CDNS_CONFIG_INVALID', message: expect.stringMatching(/^x, line \d+: /) })
        }
      }),
    )
  })
})
