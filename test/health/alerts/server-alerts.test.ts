import { type ContainerDnsOptions, createContainerDns, memoryStore } from 'containerdns'
import { describe, expect, it } from 'vitest'
import { parseAlerts } from '../../../lib/health/alerts/options.js'
import { ServerAlerts } from '../../../lib/health/alerts/server-alerts.js'
import type { HealthChange } from '../../../lib/health/health.js'
import { silentLogger } from '../../../lib/log.js'
import { activeResources, expectNothingLeft } from '../../support/active-resources.js'
import { eventually } from '../../support/eventually.js'
import { MailServer } from '../../support/mail-server.js'
import { WebhookServer } from '../../support/webhook-server.js'

const TIMES = { intervalMs: 200, timeoutMs: 150, rise: 1, fall: 2 }

const start = (options: ContainerDnsOptions) =>
  createContainerDns({ zones: ['example'], listen: { port: 0 }, workers: 1, ...options })

describe('alerts of a server', () => {
  it('tell by mail and webhook what probes find out, once each', async () => {
    const dead = new Set<string>()
    await using hook = await WebhookServer.start()
    await using mail = await MailServer.start()
    await using dns = await start({
      store: memoryStore({ rrsets: [{ name: 'web.example', type: 'A', data: ['192.0.2.1', '192.0.2.2'] }] }),
      hooks: { checkHealth: ({ address }) => (dead.has(address) ? 'unhealthy' : 'healthy') },
      health: {
        probes: TIMES,
        alerts: {
          name: 'east',
          webhook: { url: hook.url },
          mail: { host: '127.0.0.1', port: mail.port, from: 'dns@example.org', to: 'ops@example.org' },
        },
      },
    })
    await eventually(() => dns.health.status('192.0.2.1') === 'healthy')
    dead.add('192.0.2.1')
    await eventually(() => expect(hook.alerts).toEqual(['192.0.2.1 unhealthy']))
    await eventually(() => mail.received.length === 1)
    dead.clear()
    await eventually(() => expect(hook.alerts).toEqual(['192.0.2.1 unhealthy', '192.0.2.1 healthy']))
    await eventually(() => mail.received.length === 2)
    expect(mail.received.map(({ subject }) => subject)).toEqual([
      '[east] Warning: 192.0.2.1 status is down',
      '[east] 192.0.2.1 status is up',
    ])
    const counts = { sent: 2, failed: 0, dropped: 0, waiting: 0, refused: 0 }
    await eventually(() => expect(dns.stats().health.alerts).toEqual({ webhook: counts, mail: counts }))
  })

  it('answer, probe and close as ever while nobody takes alerts', async () => {
    await using hook = await WebhookServer.start(() => undefined)
    const dns = await start({
      store: memoryStore({ rrsets: [{ name: 'web.example', type: 'A', data: ['192.0.2.1'] }] }),
      health: { alerts: { webhook: { url: hook.url } } },
    })
    dns.health.set('192.0.2.1', 'unhealthy')
    await eventually(() => hook.posted.length === 1)
    dns.health.set('192.0.2.2', 'unhealthy')
    expect((await dns.query('web.example', 'A')).rcode).toBe('NOERROR')
    await dns.close()
    expect(dns.stats().health.alerts!.webhook).toEqual({ sent: 0, failed: 0, dropped: 2, waiting: 0, refused: 0 })
  })

  it('go to others after a reload, and end with the option', async () => {
    await using first = await WebhookServer.start()
    await using second = await WebhookServer.start()
    await using dns = await start({ health: { alerts: { webhook: { url: first.url } } } })
    dns.health.set('192.0.2.1', 'unhealthy')
    await dns.reload({ health: { alerts: { webhook: { url: second.url } } } })
    dns.health.set('192.0.2.2', 'unhealthy')
    // What was to be told before is told to whom it was to be told.
    await eventually(() => expect(first.alerts).toEqual(['192.0.2.1 unhealthy']))
    await eventually(() => expect(second.alerts).toEqual(['192.0.2.2 unhealthy']))
    await dns.reload({ health: {} })
    dns.health.set('192.0.2.3', 'unhealthy')
    expect(dns.stats().health.alerts).toBeUndefined()
  })

  it('leave no handle behind', async () => {
    const before = activeResources()
    const hook = await WebhookServer.start()
    const mail = await MailServer.start()
    const alerts = serverAlerts({
      webhook: { url: hook.url },
      mail: { host: '127.0.0.1', port: mail.port, from: 'dns@example.org', to: 'ops@example.org' },
    })
    alerts.onChange(change('192.0.2.1', 'unhealthy'))
    await eventually(() => hook.posted.length === 1 && mail.received.length === 1)
    await alerts.close()
    await hook[Symbol.asyncDispose]()
    await mail[Symbol.asyncDispose]()
    await expectNothingLeft(before)
  })
})

const change = (
  address: string,
  state: HealthChange['state'],
  source: HealthChange['source'] = 'probe',
): HealthChange => ({
  ...{ address, state, source, previous: state === 'unhealthy' ? 'healthy' : 'unhealthy' },
})

/** Their clock stands still unless it is set. */
function serverAlerts(options: Parameters<typeof parseAlerts>[1], clock = { nowMs: 0 }): ServerAlerts {
  const reads = { monotonicMs: () => clock.nowMs, wallMs: () => 1_000 + clock.nowMs }
  return new ServerAlerts(parseAlerts('alerts', options)!, silentLogger, reads)
}

describe('ServerAlerts', () => {
  it('are silent for a while of an address that has been told of, and tell again of one that is still down', async () => {
    await using hook = await WebhookServer.start()
    const clock = { nowMs: 0 }
    const alerts = serverAlerts({ webhook: { url: hook.url }, silentSeconds: 1 }, clock)
    alerts.onChange(change('192.0.2.1', 'unhealthy'))
    alerts.onChange(change('192.0.2.1', 'healthy'))
    alerts.onChange(change('192.0.2.1', 'unhealthy'))
    alerts.onChange(change('192.0.2.2', 'unhealthy'))
    await eventually(() => hook.alerts.length === 3)
    expect(hook.alerts).toEqual(['192.0.2.1 unhealthy', '192.0.2.1 healthy', '192.0.2.2 unhealthy'])
    clock.nowMs = 1_000
    await eventually(() => hook.alerts.length === 5)
    expect(hook.alerts.slice(3)).toEqual(['192.0.2.1 unhealthy', '192.0.2.2 unhealthy again'])
    await alerts.close()
  })

  it('say nothing of the word of the store, which others hear as well', async () => {
    await using hook = await WebhookServer.start()
    const alerts = serverAlerts({ webhook: { url: hook.url }, recoveries: false })
    alerts.onChange(change('192.0.2.1', 'unhealthy', 'store'))
    alerts.onChange(change('192.0.2.2', 'unhealthy', 'program'))
    alerts.onChange(change('192.0.2.2', 'healthy', 'program'))
    alerts.onChange(change('192.0.2.3', 'unhealthy', 'probe'))
    await eventually(() => expect(hook.alerts).toEqual(['192.0.2.2 unhealthy', '192.0.2.3 unhealthy']))
    await eventually(() => expect(alerts.status.webhook).toMatchObject({ sent: 2, dropped: 0, waiting: 0 }))
    await alerts.close()
  })
})
