import { randomUUID } from 'node:crypto'
import { createContainerDns, etcdStore } from 'containerdns'
import { type ScannerOptions, startScanner, startScheduler } from 'containerdns/health'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { activeResources, expectNothingLeft } from '../../support/active-resources.js'
import { eventually } from '../../support/eventually.js'
import { Etcd } from '../../support/start-etcd.js'
import { ListeningProcess } from '../probe/listening-process.js'

const PROBES = { intervalMs: 300, timeoutMs: 250, rise: 2, fall: 3 }
const LEASE_SECONDS = 3
/** A lease, what etcd adds to it, and a machine that is shared with others. */
const TAKEN_OVER_MS = 20_000

let etcd: Etcd
let prefix: string

beforeAll(async () => {
  etcd = await Etcd.start()
})
afterAll(() => etcd[Symbol.asyncDispose]())
beforeEach(() => {
  prefix = `/test/${randomUUID()}/monitor/`
})

const scheduler = (name: string) =>
  startScheduler({ etcd: { hosts: etcd.host }, prefix, name, leaseSeconds: LEASE_SECONDS })
const scanner = (name: string, options: Partial<ScannerOptions> = {}) =>
  startScanner({ etcd: { hosts: etcd.host }, prefix, name, leaseSeconds: LEASE_SECONDS, probes: PROBES, ...options })

async function fieldsOf(key: string): Promise<unknown> {
  return Object.values(await etcd.dump(`${prefix}${key}`))[0]
}

describe('a scanner and a scheduler', () => {
  it('say in etcd what is down and what is up again, and servers answer so', async () => {
    const backend = await ListeningProcess.start('127.0.7.31')
    await using _backend = backend
    prefix = '/containerdns/monitor/'
    const key = `${prefix}status/127.0.7.31`
    const value = {
      status: 'UP',
      ports: [String(backend.port)],
      domains: ['web.example', 'other'],
      cluster: 'c',
      more: { a: 1 },
    }
    await etcd.ctl('put', key, JSON.stringify(value))
    await using _scheduler = await scheduler('one')
    await using agent = await scanner('agent')
    await using dns = await createContainerDns({
      zones: ['example'],
      listen: { port: 0 },
      workers: 1,
      store: etcdStore({ hosts: etcd.host }),
    })
    await eventually(() => agent.status().targets === 1, TAKEN_OVER_MS)
    expect(agent.status()).toMatchObject({ assigned: true, known: 1 })
    await backend.kill()
    await eventually(() => dns.health.status('127.0.7.31') === 'unhealthy')
    expect(await fieldsOf('status/127.0.7.31')).toEqual({ ...value, status: 'DOWN' })
    await backend.restart()
    await eventually(() => dns.health.status('127.0.7.31') === 'healthy')
    expect(await fieldsOf('status/127.0.7.31')).toEqual(value)
    // Taken up by the watch.
    await etcd.ctl('put', `${prefix}status/127.0.7.32`, JSON.stringify({ status: 'UP', ports: [9] }))
    await eventually(() => dns.health.status('127.0.7.32') === 'unhealthy')
    await etcd.ctl('del', `${prefix}status/127.0.7.32`)
    await eventually(() => agent.status().targets === 1)
  })

  it('log why an address is called down', async () => {
    const lines: Record<string, unknown>[] = []
    const log = (fields: object, msg?: string) => void lines.push({ ...fields, msg })
    await etcd.ctl('put', `${prefix}status/127.0.7.35`, '{"status":"UP","ports":[9]}')
    await using _scheduler = await scheduler('one')
    await using _agent = await scanner('agent', { logger: { debug: log, info: log, warn: log, error: log } as never })
    await eventually(
      () =>
        expect(lines).toContainEqual({
          ...{ msg: 'an address is called otherwise', address: '127.0.7.35', status: 'DOWN' },
          reason: expect.stringContaining('ECONNREFUSED'),
        }),
      TAKEN_OVER_MS,
    )
  })

  it('share the addresses, and take over those of a scanner that goes', async () => {
    const count = 60
    const keys = Array.from({ length: count }, (_, i) => [
      `${prefix}status/127.0.8.${i}`,
      '{"status":"UP","ports":[9]}',
    ])
    await etcd.transaction(Object.fromEntries(keys))
    await using _scheduler = await scheduler('one')
    await using first = await scanner('first')
    await eventually(() => first.status().targets === count, TAKEN_OVER_MS)
    const second = await scanner('second')
    await eventually(() => second.status().targets > 0, TAKEN_OVER_MS)
    await eventually(() => expect(first.status().targets + second.status().targets).toBe(count))
    expect(first.status().targets).toBeGreaterThan(count / 6)
    await second.close()
    await eventually(() => first.status().targets === count, TAKEN_OVER_MS)
  })

  it('are led by one scheduler, and by the other when that goes', async () => {
    const first = await scheduler('one')
    await eventually(() => first.isLeader)
    await using second = await scheduler('two')
    await using _agent = await scanner('agent')
    await eventually(() => expect(second.agents).toEqual(['agent']), TAKEN_OVER_MS)
    expect([first.isLeader, second.isLeader]).toEqual([true, false])
    await first.close()
    await eventually(() => second.isLeader, TAKEN_OVER_MS)
    expect(await fieldsOf('assignment')).toEqual({ agents: ['agent'], term: expect.any(Number) })
  })

  it('makes the key of the leader anew when somebody has taken it away', async () => {
    await using first = await scheduler('one')
    await eventually(() => first.isLeader)
    await etcd.ctl('del', `${prefix}leader`)
    await eventually(async () => (await etcd.ctl('get', '--keys-only', `${prefix}leader`)).includes('leader'))
    await eventually(() => first.isLeader)
    await etcd.ctl('put', `${prefix}agents/x`, '{}')
    await eventually(async () => expect(await fieldsOf('assignment')).toMatchObject({ agents: ['x'] }))
  })

  it('go on when etcd has been away', async () => {
    await etcd.ctl('put', `${prefix}status/127.0.7.33`, '{"status":"UP","ports":[9]}')
    await using _scheduler = await scheduler('one')
    await using agent = await scanner('agent')
    await eventually(() => agent.status().targets === 1, TAKEN_OVER_MS)
    await etcd.restart()
    await etcd.ctl('put', `${prefix}status/127.0.7.34`, '{"status":"UP","ports":[9]}')
    await eventually(
      async () => expect(await fieldsOf('status/127.0.7.34')).toMatchObject({ status: 'DOWN' }),
      TAKEN_OVER_MS,
    )
  })

  it('leaves no handle behind', async () => {
    const before = activeResources()
    const [one, agent] = [await scheduler('one'), await scanner('agent')]
    await eventually(() => one.agents.length === 1, TAKEN_OVER_MS)
    await agent.close()
    await one.close()
    await expectNothingLeft(before)
  })
})
