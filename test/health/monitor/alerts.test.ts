import { randomUUID } from 'node:crypto'
import { type AlertsOptions, type Scheduler, startScheduler } from 'containerdns/health'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.js'
import { Etcd } from '../../support/start-etcd.js'
import { WebhookServer } from '../../support/webhook-server.js'

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

const scheduler = (name: string, hook: WebhookServer, more: AlertsOptions = {}): Promise<Scheduler> =>
  startScheduler({
    ...{ etcd: { hosts: etcd.host }, prefix, name, leaseSeconds: LEASE_SECONDS },
    alerts: { webhook: { url: hook.url }, ...more },
  })

const putStatus = (address: string, status: string) =>
  etcd.ctl('put', `${prefix}status/${address}`, JSON.stringify({ status, ports: [9] }))

describe('alerts of a scheduler', () => {
  it('tell of each change once, whoever has made it, though several schedulers run', async () => {
    await using hook = await WebhookServer.start()
    await putStatus('192.0.2.1', 'UP')
    await putStatus('192.0.2.2', 'DOWN')
    await using one = await scheduler('one', hook)
    await eventually(() => one.isLeader)
    await using _two = await scheduler('two', hook)
    // What is down when the first of all leaders begins is news.
    await eventually(() => expect(hook.alerts).toEqual(['192.0.2.2 unhealthy']))
    await putStatus('192.0.2.1', 'DOWN')
    await eventually(() => expect(hook.alerts.slice(1)).toEqual(['192.0.2.1 unhealthy']))
    await putStatus('192.0.2.1', 'UP')
    await eventually(() => expect(hook.alerts.slice(2)).toEqual(['192.0.2.1 healthy']))
    // Within the silent time.
    await putStatus('192.0.2.1', 'DOWN')
    await putStatus('192.0.2.3', 'DOWN')
    await eventually(() => expect(hook.alerts.slice(3)).toEqual(['192.0.2.3 unhealthy']))
    await eventually(() =>
      expect(one.alerts?.webhook).toEqual({ sent: 4, failed: 0, dropped: 0, waiting: 0, refused: 0 }),
    )
  })

  it('are told by the next leader of what has changed since, and of nothing twice', async () => {
    await using hook = await WebhookServer.start()
    await putStatus('192.0.2.1', 'DOWN')
    const one = await scheduler('one', hook)
    await eventually(() => hook.alerts.length === 1)
    await one.close()
    await putStatus('192.0.2.2', 'DOWN')
    await using two = await scheduler('two', hook)
    await eventually(() => two.isLeader, TAKEN_OVER_MS)
    await eventually(() => expect(hook.alerts).toEqual(['192.0.2.1 unhealthy', '192.0.2.2 unhealthy']))
    await putStatus('192.0.2.1', 'UP')
    await eventually(() => expect(hook.alerts.slice(2)).toEqual(['192.0.2.1 healthy']))
  })

  it('come again while an address stays down, and are forgotten when it is well or gone', async () => {
    await using hook = await WebhookServer.start()
    await putStatus('192.0.2.1', 'DOWN')
    await putStatus('192.0.2.2', 'DOWN')
    await using _one = await scheduler('one', hook, { silentSeconds: 1, recoveries: false })
    await eventually(() => expect(hook.alerts).toContain('192.0.2.1 unhealthy again'))
    await putStatus('192.0.2.1', 'UP')
    await etcd.ctl('del', `${prefix}status/192.0.2.2`)
    await eventually(async () => expect(await etcd.dump(`${prefix}alerts/`)).toEqual({}))
    expect(hook.alerts.filter((alert) => alert.endsWith(' healthy'))).toEqual([])
  })

  it('say who has called an address down, and why, where several have a say', async () => {
    await using hook = await WebhookServer.start()
    await using one = await scheduler('one', hook)
    await eventually(() => one.isLeader)
    for (const agent of ['a', 'b']) {
      await etcd.ctl(
        ...['put', `${prefix}verdicts/192.0.2.1/${agent}`],
        JSON.stringify({ status: 'DOWN', reason: `port 9: ${agent}` }),
      )
    }
    await putStatus('192.0.2.1', 'DOWN')
    await eventually(() => hook.alerts.length === 1)
    expect(hook.posted[0]!.body.alerts[0]!.reason).toBe('a: port 9: a; b: port 9: b')
  })

  it('go on when etcd has been away', async () => {
    await using hook = await WebhookServer.start()
    await using one = await scheduler('one', hook)
    await eventually(() => one.isLeader)
    await etcd.restart()
    await putStatus('192.0.2.1', 'DOWN')
    await eventually(() => expect(hook.alerts).toEqual(['192.0.2.1 unhealthy']), TAKEN_OVER_MS)
  })
})
