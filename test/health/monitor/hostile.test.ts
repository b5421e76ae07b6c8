import { randomUUID } from 'node:crypto'
import { type ScannerOptions, startScanner, startScheduler } from 'containerdns/health'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { MonitorSession } from '../../../lib/health/monitor/monitor-session.js'
import { WriteLanes } from '../../../lib/health/monitor/write-lanes.js'
import { silentLogger } from '../../../lib/log.js'
import { parseEtcdStoreOptions } from '../../../lib/store/etcd/options.js'
import { eventually } from '../../support/eventually.js'
import { Etcd } from '../../support/start-etcd.js'
import { WebhookServer } from '../../support/webhook-server.js'

// Whoever may write below the prefix may write anything there, and machines have clocks and names of their own.

const PROBES = { intervalMs: 200, timeoutMs: 150, rise: 1, fall: 2 }
const LEASE_SECONDS = 3
const TAKEN_OVER_MS = 20_000
/** Nobody listens on it. */
const CLOSED = { status: 'UP', ports: [9] }

let etcd: Etcd
let prefix: string

beforeAll(async () => {
  etcd = await Etcd.start()
})
afterAll(() => etcd[Symbol.asyncDispose]())
beforeEach(() => {
  prefix = `/test/${randomUUID()}/monitor/`
})

const common = (name: string) => ({ etcd: { hosts: etcd.host }, prefix, name, leaseSeconds: LEASE_SECONDS })
const scanner = (name: string, more: Partial<ScannerOptions> = {}) =>
  startScanner({ ...common(name), probes: PROBES, ...more })
const put = (key: string, value: unknown) =>
  etcd.ctl('put', `${prefix}${key}`, typeof value === 'string' ? value : JSON.stringify(value))
const valueAt = async (key: string) => Object.values(await etcd.dump(`${prefix}${key}`))[0]
/** Those of etcd, as it takes them. */
const leases = async () => (await etcd.ctl('lease', 'list')).split('\n').filter((line) => /^[0-9a-f]{8,}$/.test(line))

describe('keys that make no sense', () => {
  it('are counted and passed over, however many and large they are, and the others are probed', async () => {
    const junk = Array.from({ length: 3_000 }, (_, i) => [`${prefix}status/web-${i}`, '{"status":"UP"}'] as const)
    for (let at = 0; at < junk.length; at += 100) {
      await etcd.transaction(Object.fromEntries(junk.slice(at, at + 100)))
    }
    await put('status/127.0.7.60', 'UP')
    await put('status/127.0.7.61', '[]')
    await put('status/127.0.7.0062', CLOSED)
    await etcd.pipe(`${prefix}status/127.0.7.63`, JSON.stringify({ ...CLOSED, domains: ['x'.repeat(1_000_000)] }))
    await etcd.pipe(`${prefix}status/127.0.7.64`, JSON.stringify({ status: 'UP', ports: Array(20_000).fill('9') }))
    await put('agents/a/b', {})
    await put('agents/no name', {})
    await put('assignment', 'none')
    await put('verdicts/127.0.7.64/x/y', { status: 'DOWN' })
    await put('alerts/web', 'told')
    await put('status/127.0.7.65', CLOSED)
    await using _scheduler = await startScheduler(common('one'))
    await using agent = await scanner('agent')
    await eventually(
      async () => expect(await valueAt('status/127.0.7.65')).toMatchObject({ status: 'DOWN' }),
      TAKEN_OVER_MS,
    )
    await eventually(async () => expect(await valueAt('status/127.0.7.64')).toMatchObject({ status: 'DOWN' }))
    expect(agent.status()).toMatchObject({ targets: 2, known: 2, unreadable: 3_004, assigned: true })
    expect(await valueAt('assignment')).toMatchObject({ agents: ['agent'] })
    // What is mended, or goes, counts no more.
    await put('status/127.0.7.60', CLOSED)
    await etcd.ctl('del', `${prefix}status/127.0.7.61`)
    await etcd.ctl('del', '--prefix', `${prefix}status/web-`)
    await eventually(() => expect(agent.status()).toMatchObject({ targets: 3, unreadable: 2 }))
  }, 60_000)

  it('keep nobody from reading the others, though they are more than fits a message', async () => {
    const large = JSON.stringify({ ...CLOSED, domains: ['x'.repeat(1_000_000)] })
    for (let i = 0; i < 70; i++) await etcd.pipe(`${prefix}status/127.0.6.${i}`, large)
    await put('status/127.0.7.68', CLOSED)
    await using _scheduler = await startScheduler(common('one'))
    await using agent = await scanner('agent')
    await eventually(
      async () => expect(await valueAt('status/127.0.7.68')).toMatchObject({ status: 'DOWN' }),
      TAKEN_OVER_MS,
    )
    expect(agent.status()).toMatchObject({ targets: 1, unreadable: 70 })
  }, 60_000)

  it('are written over where they stand in the place of the assignment', async () => {
    await using one = await startScheduler(common('one'))
    await eventually(() => one.isLeader)
    await put('agents/x', {})
    await eventually(async () => expect(await valueAt('assignment')).toMatchObject({ agents: ['x'] }))
    for (const value of ['{', { agents: 'x' }, { agents: ['x', 'y'] }]) {
      await put('assignment', value)
      await eventually(async () =>
        expect(await valueAt('assignment')).toMatchObject({ agents: ['x'], term: expect.any(Number) }),
      )
    }
  })

  it('leave no more than maxTargets to be probed, and the next gets the place of one that goes', async () => {
    for (const i of [1, 2, 3]) await put(`status/127.0.7.7${i}`, CLOSED)
    await using _scheduler = await startScheduler(common('one'))
    await using agent = await scanner('agent', { probes: { ...PROBES, maxTargets: 2 } })
    await eventually(() => agent.status().targets === 2, TAKEN_OVER_MS)
    expect(agent.status().known).toBe(3)
    await etcd.ctl('del', `${prefix}status/127.0.7.71`)
    for (const i of [2, 3]) {
      await eventually(async () => expect(await valueAt(`status/127.0.7.7${i}`)).toMatchObject({ status: 'DOWN' }))
    }
  })
})

describe('of two scanners of one name', () => {
  it('the first has the addresses, and the second takes over when that is gone', async () => {
    await put('status/127.0.7.66', CLOSED)
    await using _scheduler = await startScheduler(common('one'))
    const first = await scanner('agent')
    await eventually(() => first.status().targets === 1, TAKEN_OVER_MS)
    await using second = await scanner('agent')
    await eventually(() => second.status().known === 1)
    expect(second.status().targets).toBe(0)
    await first.close()
    await eventually(() => second.status().targets === 1, TAKEN_OVER_MS)
  })
})

describe('a key whose making was never confirmed', () => {
  it('is the scanner’s own when it hangs on its lease', async () => {
    await put('status/127.0.7.67', CLOSED)
    await using _scheduler = await startScheduler(common('one'))
    await put('agents/agent', {})
    const before = await leases()
    await using agent = await scanner('agent')
    await eventually(() => agent.status().known === 1)
    const [own] = (await leases()).filter((lease) => !before.includes(lease))
    expect(agent.status().targets).toBe(0)
    await etcd.ctl('put', `--lease=${own}`, `${prefix}agents/agent`, '{}')
    await eventually(() => agent.status().targets === 1, TAKEN_OVER_MS)
  })

  it('is told from that of another by its lease', async () => {
    const nothing = () => undefined
    let loaded = false
    const before = await leases()
    const session = new MonitorSession({
      ...{ etcd: parseEtcdStoreOptions({ hosts: etcd.host }), prefix, leaseSeconds: 60, logger: silentLogger },
      ...{ onConnected: () => Promise.resolve(), onLoad: nothing, onKey: nothing, onLeaseLost: nothing },
      onLoaded: () => {
        loaded = true
      },
    })
    session.start()
    await eventually(() => loaded)
    const [own] = (await leases()).filter((lease) => !before.includes(lease))
    await etcd.ctl('put', `--lease=${own}`, `${prefix}ours`, '{}')
    const madeAt = await etcd.revision()
    await put('theirs', {})
    expect(await session.claim(`${prefix}ours`, {})).toBe(madeAt)
    expect(await session.claim(`${prefix}theirs`, {})).toBeUndefined()
    expect(await session.claim(`${prefix}nobodys`, {})).toBeGreaterThan(madeAt)
    await session.close()
  })
})

describe('an alert that was noted by a clock that is ahead', () => {
  it('is silent for no longer than the silent time', async () => {
    await using hook = await WebhookServer.start()
    await put('alerts/192.0.2.1', { status: 'DOWN', at: '2099-01-01T00:00:00.000Z' })
    await put('status/192.0.2.1', { status: 'DOWN' })
    await using _one = await startScheduler({
      ...common('one'),
      alerts: { webhook: { url: hook.url }, silentSeconds: 1 },
    })
    await eventually(() => expect(hook.alerts).toContain('192.0.2.1 unhealthy again'), TAKEN_OVER_MS)
  })
})

describe('WriteLanes', () => {
  it('writes the others while some can never be written', async () => {
    const written = new Set<string>()
    const lanes = new WriteLanes<string>({
      logger: silentLogger,
      attempt: async (address) => {
        if (address.startsWith('never')) throw new Error('too large')
        written.add(address)
        return true
      },
    })
    for (let i = 0; i < 40; i++) lanes.write(`never-${i}`, 'UP')
    for (let i = 0; i < 100; i++) lanes.write(`good-${i}`, 'UP')
    await eventually(() => expect(written.size).toBe(100))
    lanes.close()
  })
})
