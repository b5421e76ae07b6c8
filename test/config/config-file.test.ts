import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { API_PROGRAM_KEYS } from '../../lib/config/check-config.js'
import { API_CONFIG_KEYS } from '../../lib/config/config.js'
import { readConfig } from '../../lib/config/config-file.js'

const folder = mkdtempSync(join(tmpdir(), 'containerdns-config-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0

function configFile(text: string): string {
  const file = join(folder, `${++files}.yaml`)
  writeFileSync(file, text)
  return file
}

/** Where the fault is, of which the sentence says the rest. */
async function faultIn(text: string, environment: NodeJS.ProcessEnv = {}): Promise<string> {
  const file = configFile(text)
  const error = await readConfig({ file, environment }).then(
    () => undefined,
    (reason: Error & { code?: string }) => reason,
  )
  expect(error).toMatchObject({ code: 'CDNS_CONFIG_INVALID' })
  return error!.message.replace(`${file}, `, '').split(': ')[0]!
}

describe('a config', () => {
  it('has the options under their own names, and the rest beside them', async () => {
    const file = configFile(`
zones: [example.org]
listen: { port: 0 }
negativeTtl: 7
store:
  memory: { zoneFile: [a.zone, { path: /b.zone, origin: b.example }], hostsFile: hosts }
api: { listen: { port: 0 } }
log: { level: debug, format: text, file: server.log }
drainMs: 100
`)
    expect(await readConfig({ file })).toEqual({
      options: { zones: ['example.org'], listen: { port: 0 }, negativeTtl: 7 },
      // Paths are meant from where the file is.
      store: {
        memory: {
          zoneFile: [join(folder, 'a.zone'), { path: '/b.zone', origin: 'b.example' }],
          hostsFile: join(folder, 'hosts'),
        },
      },
      log: { level: 'debug', format: 'text', file: join(folder, 'server.log') },
      ...{ api: { listen: { port: 0 } }, drainMs: 100, ignored: [] },
    })
  })

  it("has a cluster's zones where its store is one and it says none", async () => {
    const arpa = ['in-addr.arpa', 'ip6.arpa']
    const read = (text: string) => readConfig({ file: configFile(text) })
    expect(await read('store: { kubernetes: { pods: verified, kubeconfig: kube.conf } }')).toMatchObject({
      options: { zones: ['cluster.local', ...arpa] },
      store: { kubernetes: { pods: 'verified', kubeconfig: join(folder, 'kube.conf') } },
    })
    expect((await read('store:\n  kubernetes:')).options.zones).toEqual(['cluster.local', ...arpa])
    expect((await read('store: { kubernetes: { zone: c.example } }')).options.zones).toEqual(['c.example', ...arpa])
    expect((await read('zones: [example]\nstore: { kubernetes: { zone: c.example } }')).options.zones).toEqual([
      'example',
    ])
  })

  it('may be JSON, and may be empty', async () => {
    expect(await readConfig({ file: configFile('{"zones": ["a.example"]}') })).toMatchObject({
      options: { zones: ['a.example'] },
    })
    expect(await readConfig({ file: configFile('') })).toMatchObject({
      options: {},
      store: { memory: {} },
      api: undefined,
    })
  })

  it.each<[string, string]>([
    ['line 2', 'zones: [example.org]\nselction: {}'],
    ['line 3', 'zones:\n  - example.org\n  - a..b'],
    ['line 3', 'edns:\n  cookies: on\n  udpPayloadSize: 100'],
    ['line 6', 'listen:\n  - port: 53\n  - port: 853\n    protocols: [dot]\n    tls:\n      cret: a\n      key: b'],
    ['line 4', 'store:\n  etcd:\n    hosts: [http://a:1]\n    auht: 1'],
    ['line 3', 'store:\n  memory:\n    zoneFile: 3'],
    ['line 3', 'store:\n  kubernetes:\n    ttl: soon'],
    ['line 4', 'store:\n  kubernetes:\n    pods: verified\n    zone: a..b'],
    ['line 2', 'zones: [a.example]\nstore: { kubernetes: {}, memory: {} }'],
    ['line 1', 'store: { memory: {}, etcd: { hosts: a } }'],
    ['line 3', 'api:\n  listen:\n    port: many'],
    ['line 2', 'api:\n  onAudit: x'],
    ['line 2', 'log:\n  level: loud'],
    ['line 3', 'log:\n  level: info\n  format: xml'],
    ['line 2', 'log:\n  file: 3'],
    ['line 1', 'drainMs: soon'],
    ['line 2', 'acl:\n  - { clients: [10.0.0.1/8], action: drop }'],
    ['line 2', 'zones: [a.example]\nzones: [b.example]'],
    ['line 2', 'zones: [a.example]\nlisten: {port: 1'],
    ['line 1', 'a list, no config'],
    ['line 1', 'logger: {}'],
    ['line 1', 'hooks: { onQuery: 3 }'],
  ])('says %s for the fault in %j', async (place, text) => {
    expect(await faultIn(text)).toBe(place)
  })

  it('is refused where aliases would make it grow without end', async () => {
    const lines = ['a: &a [x, x, x, x, x, x, x, x]']
    for (let i = 0; i < 12; i++)
      lines.push(
        `b${i}: &b${i} [${Array(8)
          .fill(i === 0 ? '*a' : `*b${i - 1}`)
          .join(', ')}]`,
      )
    await expect(readConfig({ file: configFile(lines.join('\n')) })).rejects.toMatchObject({
      code: 'CDNS_CONFIG_INVALID',
    })
  })

  it('that is not there names its file', async () => {
    const missing = join(folder, 'missing.yaml')
    await expect(readConfig({ file: missing })).rejects.toThrow(missing)
  })

  it('knows each option of the API, as one of a file or of a program', () => {
    expect([...API_PROGRAM_KEYS].sort()).toEqual(
      [
        'defaultTtl',
        'logger',
        'metrics',
        'onAudit',
        'reload',
        'server',
        'store',
        'views',
        'workerFiles',
        'zones',
      ].sort(),
    )
    expect(API_CONFIG_KEYS).toContain('tokens')
  })
})

describe('a command line', () => {
  const text =
    'zones: [a.example]\nlog: { level: debug, format: text }\napi:\n  ui: false\n  listen: { port: 1, tls: { cert: c, key: k } }\n'

  it('says a part of the log, of the API and of forwarding, and all of the other keys', async () => {
    const flags = {
      zones: ['b.example'],
      log: { level: 'error' },
      api: { listen: { port: 2 } },
      forward: { upstreams: ['192.0.2.1'] },
    }
    const { options, log, api } = await readConfig({
      file: configFile(`${text}forward: { cache: { maxEntries: 5000 } }\n`),
      flags,
    })
    expect({ options, log, api }).toEqual({
      options: { zones: ['b.example'], forward: { upstreams: ['192.0.2.1'], cache: { maxEntries: 5000 } } },
      log: { level: 'error', format: 'text' },
      api: { ui: false, listen: { port: 2, tls: { cert: join(folder, 'c'), key: join(folder, 'k') } } },
    })
  })

  it.each([
    ['command line, api', { api: { listen: { port: -1 } } }],
    ['line 4', { api: { listen: { port: 2 } } }],
    ['command line, log', { log: { format: 'xml' } }],
  ])('is told from the file where something is wrong: %s', async (place, flags) => {
    const file = configFile(place.startsWith('line') ? text.replace('ui: false', 'ui: perhaps') : text)
    const error = (await readConfig({ file, flags }).catch((reason: Error) => reason)) as Error
    expect(error.message.replace(`${file}, `, '').split(': ')[0]).toBe(place)
  })
})

describe('the environment', () => {
  const file = () =>
    configFile('zones: [example.org]\nedns: { cookies: "off", udpPayloadSize: 600 }\nlisten: [{ port: 1 }]\n')

  it('counts more than the file, a value at a time', async () => {
    const environment = {
      CONTAINERDNS_EDNS__UDP_PAYLOAD_SIZE: '1400',
      CONTAINERDNS_ZONES: '[a.example, b.example]',
      CONTAINERDNS_LISTEN__0__PORT: '2',
      CONTAINERDNS_RATE_LIMIT__IPV4_PREFIX: '20',
    }
    const { options } = await readConfig({ file: file(), environment })
    expect(options).toEqual({
      ...{ zones: ['a.example', 'b.example'], listen: [{ port: 2 }], rateLimit: { ipv4Prefix: 20 } },
      edns: { cookies: 'off', udpPayloadSize: 1400 },
    })
  })

  it('has secrets in files, taken as they stand but for the last line break', async () => {
    const secret = join(folder, 'secret')
    writeFileSync(secret, '1234: [x\n')
    const environment = {
      CONTAINERDNS_STORE__ETCD__HOSTS: 'http://127.0.0.1:1',
      CONTAINERDNS_STORE__ETCD__AUTH__USERNAME: 'dns',
      CONTAINERDNS_FILE__STORE__ETCD__AUTH__PASSWORD: secret,
    }
    const { store } = await readConfig({ environment })
    expect(store).toEqual({ etcd: { hosts: 'http://127.0.0.1:1', auth: { username: 'dns', password: '1234: [x' } } })
  })

  it.each([
    ['CONTAINERDNS_NEGATIVE_TTL', '-1'],
    ['CONTAINERDNS_EDNS__UDP_PAYLOAD', '600'],
    ['CONTAINERDNS_ZONES', '[a'],
    ['CONTAINERDNS_LISTEN__7__PORT', '1'],
    ['CONTAINERDNS_FILE__DRAIN_MS', '/nowhere'],
  ])('is named where it is wrong: %s=%s', async (name, value) => {
    const wrong = readConfig({ file: file(), environment: { [name]: value } })
    await expect(wrong).rejects.toMatchObject({
      code: 'CDNS_CONFIG_INVALID',
      message: expect.stringContaining(`environment, ${name}: `),
    })
  })

  it('of a Kubernetes Service of our name is passed over, and said so', async () => {
    const environment = {
      CONTAINERDNS_SERVICE_HOST: '10.0.0.1',
      CONTAINERDNS_PORT: 'tcp://10.0.0.1:53',
      CONTAINERDNS_TOKEN: 'x',
    }
    const { ignored } = await readConfig({ file: file(), environment })
    expect(ignored.map((each) => /CONTAINERDNS_\w+/.exec(each)?.[0])).toEqual([
      'CONTAINERDNS_PORT',
      'CONTAINERDNS_SERVICE_HOST',
    ])
  })

  it('counts less than the command line', async () => {
    const environment = { CONTAINERDNS_NEGATIVE_TTL: '5' }
    const { options } = await readConfig({ file: file(), environment, flags: { negativeTtl: 6 } })
    expect(options.negativeTtl).toBe(6)
  })
})
