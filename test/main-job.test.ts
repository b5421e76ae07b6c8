import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type ContainerDns, createContainerDns, etcdStore } from 'containerdns'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Etcd } from './support/start-etcd.js'

// The session of the origin's README, with the tools that its users have: etcdctl, dig.

const run = promisify(execFile)
const NAME = '/containerdns/local/containerdns/cctv2'
const ADDRESSES = ['192.168.10.1', '192.168.10.2', '192.168.10.3']
const address = (host: string) => JSON.stringify({ type: 'A', host, ttl: 30 })

let etcd: Etcd
let server: ContainerDns

beforeAll(async () => {
  etcd = await Etcd.start()
  for (const [i, host] of ADDRESSES.entries()) await etcd.ctl('put', `${NAME}/leaf${i}/`, address(host))
  server = await createContainerDns({ listen: { port: 0 }, workers: 2, store: etcdStore({ hosts: etcd.host }) })
})

afterAll(async () => {
  await server?.close()
  await etcd?.[Symbol.asyncDispose]()
})

/** The lines of `dig +short`. */
async function dig(...question: string[]): Promise<string[]> {
  const { host, port } = server.addresses[0]!
  const { stdout } = await run('dig', [`@${host}`, '-p', String(port), '+short', '+tries=1', '+time=2', ...question])
  return stdout.trim().split('\n').filter(Boolean)
}

async function rcode(name: string): Promise<string> {
  const { host, port } = server.addresses[0]!
  const { stdout } = await run('dig', [`@${host}`, '-p', String(port), '+tries=1', '+time=2', name])
  return /status: (\w+)/.exec(stdout)![1]!
}

/** What the issue of watching promises: a change in etcd is answered within a second. */
const WITHIN_A_SECOND = { timeout: 1_000, interval: 20 }

describe('from etcd to dig', () => {
  it('answers a name with its three addresses, in changing order', async () => {
    expect((await dig('cctv2.containerdns.local')).sort()).toEqual(ADDRESSES)
    const orders = new Set<string>()
    for (let i = 0; i < 20; i++) orders.add((await dig('cctv2.containerdns.local')).join())
    expect(orders.size).toBeGreaterThan(1)
  })

  it('answers the CNAME to it with the chain', async () => {
    await etcd.ctl('put', '/containerdns/local/containerdns/tv1/', '{"type":"CNAME","host":"cctv2.containerdns.local"}')
    await expect.poll(() => dig('tv1.containerdns.local'), WITHIN_A_SECOND).toHaveLength(4)
    const [target, ...addresses] = await dig('tv1.containerdns.local')
    expect(target).toBe('cctv2.containerdns.local.')
    expect(addresses.sort()).toEqual(ADDRESSES)
  })

  it('forgets deleted keys within a second, one by one and by prefix', async () => {
    await etcd.ctl('del', `${NAME}/leaf1/`)
    await expect
      .poll(async () => (await dig('cctv2.containerdns.local')).sort(), WITHIN_A_SECOND)
      .toEqual([ADDRESSES[0], ADDRESSES[2]])
    await etcd.ctl('del', '--prefix', `${NAME}/`)
    await expect.poll(() => rcode('cctv2.containerdns.local'), WITHIN_A_SECOND).toBe('NXDOMAIN')
    expect(await dig('tv1.containerdns.local')).toEqual(['cctv2.containerdns.local.'])
  })

  it('writes through to etcd, where the other generation reads it', async () => {
    await server.records.put({ name: 'new.containerdns.local', type: 'A', ttl: 60, data: ['192.0.2.8'] })
    expect(await dig('new.containerdns.local')).toEqual(['192.0.2.8'])
    const stored = await etcd.ctl('get', '--prefix', '/containerdns/local/containerdns/new/', '--print-value-only')
    expect(JSON.parse(stored)).toMatchObject({ type: 'A', host: '192.0.2.8', ttl: 60 })
    expect(await server.records.delete('new.containerdns.local')).toBe(true)
    expect(await etcd.ctl('get', '--prefix', '/containerdns/local/containerdns/new/')).toBe('')
  })

  it('answers with the whole old set or the whole new one while a thousand addresses come, change and go', async () => {
    const name = 'large.containerdns.local'
    const addresses = (net: number) => Array.from({ length: 1000 }, (_, i) => `10.${net}.${i >> 8}.${i & 255}`)
    const mixed = [...addresses(1).slice(500), ...addresses(2).slice(500)]
    const sets = [[], addresses(1), mixed, addresses(2), []]
    const allowed = new Set(sets.map((set) => [...set].sort().join()))
    const seen = new Set<string>()
    let isDone = false
    const watching = (async () => {
      while (!isDone) {
        const { answer } = await server.query(name, 'A')
        seen.add(
          answer
            .map(({ data }) => String(data))
            .sort()
            .join(),
        )
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    for (const data of sets.slice(1, -1)) await server.records.put({ name, type: 'A', ttl: 60, data })
    await server.records.delete(name)
    isDone = true
    await watching
    expect([...seen].filter((each) => !allowed.has(each))).toEqual([])
    expect(seen.size).toBeGreaterThan(2)
  })

  it('counts the addresses that the scanner has found down', async () => {
    const status = '/containerdns/monitor/status'
    await etcd.ctl('put', `${status}/192.168.10.1`, '{"status":"DOWN","ports":["80"],"domains":[],"cluster":""}')
    await etcd.ctl('put', `${status}/192.168.10.2`, '{"status":"UP","ports":["80"],"domains":[],"cluster":""}')
    await expect.poll(() => server.stats().health, WITHIN_A_SECOND).toMatchObject({ unhealthy: 1 })
    await etcd.ctl('del', `${status}/192.168.10.1`)
    await expect.poll(() => server.stats().health, WITHIN_A_SECOND).toMatchObject({ unhealthy: 0 })
  })

  it('skips and counts what it cannot understand', async () => {
    const bad = new Promise((resolve) => server.once('badRecord', resolve))
    await etcd.ctl('put', '/containerdns/local/containerdns/bad/1/', 'no JSON')
    expect(await bad).toMatchObject({ key: '/containerdns/local/containerdns/bad/1/' })
    expect(server.stats().store.badRecords).toBe(1)
    expect(await rcode('containerdns.local')).toBe('NOERROR')
  })
})
