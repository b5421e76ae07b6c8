import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { Etcd } from '../support/start-etcd.js'
import { type LogLine, Serve } from './serve-process.js'

// The session of ContainerDNS's README, from its files to its statistics, against a real etcd. Its lines stand here and in docs/examples as they stand there, but
// for addresses: ports that a test can have, and where nslookup and curl find them.

const run = promisify(execFile)
const example = (file: string) => readFileSync(new URL(`../../docs/examples/${file}`, import.meta.url), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'containerdns-origin-'))
afterAll(() => rmSync(folder, { recursive: true }))

const TYPE_A = `curl -H "Content-Type:application/json;charset=UTF-8" -X POST -d '{"type":"A","ips":["192.168.10.1","192.168.10.2","192.168.10.3"]}' http://127.0.0.1:9001/containerdns/api/cctv2?token="123456789"`
const TYPE_CNAME = `curl -H "Content-Type:application/json;charset=UTF-8" -X POST -d '{"type":"cname","alias":"tv1"}' http://127.0.0.1:9001/containerdns/api/cctv2.containerdns.local?token="123456789"`
const ADDRESSES = ['192.168.10.1', '192.168.10.2', '192.168.10.3']

let etcd: Etcd
let dns: Serve
let api: Serve
let dnsPort: number
let statsUrl: string
let apiPort: string
beforeAll(async () => {
  etcd = await Etcd.start()
  dns = new Serve({ asConfigured: true }, '--config-file', config('containerdns.conf'))
  api = new Serve({ command: 'api' }, '--config-file', config('containerdns-api.conf'))
  const answering = (await dns.said('answering')) as LogLine & { api: string }
  dnsPort = answering.addresses![0]!.port
  statsUrl = answering.api
  apiPort = new URL(((await api.said('the API answers')) as LogLine & { url: string }).url).port
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await dns[Symbol.asyncDispose]()
  await etcd[Symbol.asyncDispose]()
})

/** A file of the README where the test's etcd and free ports stand in for those that it names. */
function config(file: string, change = (text: string) => text): string {
  const path = join(folder, file)
  const text = example(file)
    .replace('http://127.0.0.1:2379', etcd.host)
    .replace('0.0.0.0:53', '127.0.0.1:0')
    .replace('127.0.0.1:9600', '127.0.0.1:0')
    .replace('127.0.0.1:9003', '127.0.0.1:0')
  writeFileSync(path, change(text))
  return path
}

async function shell(line: string): Promise<string> {
  const { stdout } = await run('sh', ['-c', line.replace('curl ', 'curl -s ').replace(':9001', `:${apiPort}`)])
  return stdout
}

/** What `nslookup NAME 127.0.0.1` says: the name of each line, and what stands there. */
async function nslookup(name: string, port = dnsPort): Promise<{ server: string; answers: string[] }> {
  const { stdout } = await run('nslookup', [`-port=${port}`, '-type=A', name, '127.0.0.1'])
  const [head, ...rest] = stdout.trim().split(/\n\s*\n/)
  const lines = rest.join('\n').replace(/^Name:\s*(\S+)\nAddress:\s*(\S+)$/gm, 'Name: $1 Address: $2')
  return { server: head!.replace(/\s+/g, ' '), answers: lines.split('\n').map((line) => line.replace(/\s+/g, ' ')) }
}

const named = (name: string, addresses: readonly string[]) => addresses.map((each) => `Name: ${name} Address: ${each}`)

describe('the session of ContainerDNS’s README', () => {
  it('starts with its files, and says what of them it passes over', async () => {
    for (const key of ['ip-monitor-path', 'log-dir', 'log-to-stdio']) await dns.said(`${key} is ignored`)
    for (const key of ['host', 'kube-enable']) await api.said(`${key} is ignored`)
    expect(dns.lines.filter(({ msg }) => msg.includes('is no key of containerdns'))).toEqual([])
    expect(api.lines.filter(({ msg }) => msg.includes('is no key of containerdns'))).toEqual([])
  })

  it('takes its curl lines', async () => {
    expect(await shell(TYPE_A)).toBe('OK\n')
    expect(await shell(TYPE_CNAME)).toBe('OK\n')
  })

  it('gives nslookup the addresses, by the name and by its alias', async () => {
    const name = 'cctv2.containerdns.local'
    await eventually(async () => {
      const { server, answers } = await nslookup(name)
      expect(server).toBe(`Server: 127.0.0.1 Address: 127.0.0.1#${dnsPort}`)
      expect(answers.sort()).toEqual(named(name, ADDRESSES))
    })
    await eventually(async () => {
      const [alias, ...answers] = (await nslookup('tv1.containerdns.local')).answers
      expect(alias).toBe(`tv1.containerdns.local canonical name = ${name}.`)
      expect(answers.sort()).toEqual(named(name, ADDRESSES))
    })
  })

  it('has what ContainerDNS’s own programs write of Kubernetes', async () => {
    const key = '/containerdns/local/containerdns/svc/default/qiyf-nginx-5/3c5e6b4c/'
    const value = { type: 'A', source: 'svc', host: '192.168.19.113', ttl: 30, priority: 10, weight: 10, cluster: '' }
    await etcd.ctl('put', key, JSON.stringify(value))
    const name = 'qiyf-nginx-5.default.svc.containerdns.local'
    await eventually(async () => expect((await nslookup(name)).answers).toEqual(named(name, ['192.168.19.113'])))
  })

  it('leaves out an address that its scanner has found down', async () => {
    await etcd.ctl('put', '/containerdns/monitor/status/192.168.10.3', '{"status":"DOWN"}')
    const name = 'cctv2.containerdns.local'
    await eventually(async () =>
      expect((await nslookup(name)).answers.sort()).toEqual(named(name, ADDRESSES.slice(0, 2))),
    )
    await etcd.ctl('put', '/containerdns/monitor/status/192.168.10.3', '{"status":"UP"}')
    await eventually(async () => expect((await nslookup(name)).answers.sort()).toEqual(named(name, ADDRESSES)))
  })

  it('returns one of them at a time where its file says random-one', async () => {
    const path = config('containerdns.conf', (text) => text.replace('random-one = false', 'random-one = true'))
    await using random = new Serve({ asConfigured: true }, '--config-file', path)
    const port = (await random.said('answering')).addresses![0]!.port
    const name = 'cctv2.containerdns.local'
    const seen = new Set<string>()
    while (seen.size < 3) {
      const { answers } = await nslookup(name, port)
      expect(answers).toHaveLength(1)
      seen.add(answers[0]!)
    }
    expect([...seen].sort()).toEqual(named(name, ADDRESSES))
  })

  it('has its statistics, for who has the token', async () => {
    const stats = (path: string) =>
      shell(`curl "${statsUrl}/containerdns/stats${path}?token=@containerdns.com"`).then((text) => JSON.parse(text))
    await eventually(async () => {
      expect(await stats('')).toMatchObject({ reqCount: expect.any(Number), domainSize: 3, noNameCount: 0 })
      const one = await stats('/cctv2.containerdns.local')
      expect(one.reqCount).toBeGreaterThan(0)
      expect(one.firstQueryTime <= one.lastQueryTime).toBe(true)
      expect(await stats('/top/2')).toHaveLength(2)
    })
    const top: { reqCount: number; domain: string }[] = await stats('/top/10')
    expect(top.map(({ domain }) => domain)).toContain('cctv2.containerdns.local.')
    expect(top.map(({ reqCount }) => reqCount)).toEqual(top.map(({ reqCount }) => reqCount).sort((a, b) => b - a))
    expect(await shell(`curl ${statsUrl}/containerdns/stats?token=guess`)).toBe('No authorized\n')
    expect(await shell(`curl ${statsUrl}/containerdns/stats`)).toBe('No authorized\n')
    // The token of the statistics changes nothing.
    const forged = TYPE_A.replace('http://127.0.0.1:9001', statsUrl).replace('123456789', '@containerdns.com')
    expect(await shell(forged)).toBe('ERR, user name not match  \n')
  })

  it('ends with both processes stopped in order', async () => {
    for (const each of [api, dns]) {
      each.child.kill('SIGTERM')
      expect(await each.ended).toEqual({ code: 0, signal: null })
    }
  })
})
