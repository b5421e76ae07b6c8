import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { MonitorKeys } from '../../../lib/health/monitor/monitor-keys.js'
import { MonitorSession } from '../../../lib/health/monitor/monitor-session.js'
import { StatusWriter } from '../../../lib/health/monitor/status-writer.js'
import { silentLogger } from '../../../lib/log.js'
import { parseEtcdStoreOptions } from '../../../lib/store/etcd/options.js'
import { eventually } from '../../support/eventually.js'
import { Etcd } from '../../support/start-etcd.js'
import { WebhookServer } from '../../support/webhook-server.js'

const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url))
const PREFIX = '/test/monitor/'
const LEASE_SECONDS = 2
/** A lease, what etcd adds to it, and a machine that is shared with others. */
const TAKEN_OVER_MS = 20_000

let etcd: Etcd
const processes: ChildProcess[] = []

beforeAll(async () => {
  etcd = await Etcd.start()
})
afterAll(() => etcd[Symbol.asyncDispose]())
afterEach(async () => {
  for (const process of processes.splice(0)) {
    if (process.exitCode !== null || process.signalCode !== null) continue
    const exited = once(process, 'exit')
    process.kill('SIGKILL')
    await exited
  }
  await etcd.ctl('del', '--prefix', PREFIX)
})

function run(command: 'scanner' | 'scheduler', name: string, ...flags: string[]): ChildProcess {
  const common = ['--etcd', etcd.host, '--prefix', PREFIX, '--name', name, '--lease', String(LEASE_SECONDS)]
  return start(command, ...common, ...flags)
}

function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: 'ignore' })
  processes.push(child)
  return child
}

async function valueAt(key: string): Promise<unknown> {
  return Object.values(await etcd.dump(`${PREFIX}${key}`))[0]
}

const agents = async () => ((await valueAt('assignment')) as { agents: string[] }).agents
const leader = async () => ((await valueAt('leader')) as { name: string }).name

describe('processes of `containerdns scanner` and `containerdns scheduler`', () => {
  it('lose their addresses to others while they are paused or dead, and get some back', async () => {
    for (const i of [1, 2, 3, 4]) {
      await etcd.ctl('put', `${PREFIX}status/127.0.7.4${i}`, JSON.stringify({ status: 'UP', ports: [9] }))
    }
    run('scheduler', 'one')
    const first = run('scanner', 'first', '--interval', '300', '--timeout', '200')
    run('scanner', 'second', '--interval', '300', '--timeout', '200')
    await eventually(async () => expect(await agents()).toEqual(['first', 'second']), TAKEN_OVER_MS)
    first.kill('SIGSTOP')
    await eventually(async () => expect(await agents()).toEqual(['second']), TAKEN_OVER_MS)
    await eventually(async () => {
      const states = Object.values(await etcd.dump(`${PREFIX}status/`))
      expect(states).toEqual(Array.from({ length: 4 }, () => ({ status: 'DOWN', ports: [9] })))
    }, TAKEN_OVER_MS)
    first.kill('SIGCONT')
    await eventually(async () => expect(await agents()).toEqual(['first', 'second']), TAKEN_OVER_MS)
    first.kill('SIGKILL')
    await eventually(async () => expect(await agents()).toEqual(['second']), TAKEN_OVER_MS)
  }, 90_000)

  it('are led by another scheduler while the first is paused, and by that one afterwards', async () => {
    const first = run('scheduler', 'one')
    await eventually(async () => expect(await leader()).toBe('one'), TAKEN_OVER_MS)
    run('scheduler', 'two')
    first.kill('SIGSTOP')
    await eventually(async () => expect(await leader()).toBe('two'), TAKEN_OVER_MS)
    first.kill('SIGCONT')
    await etcd.ctl('put', `${PREFIX}agents/x`, '{}')
    await eventually(async () => expect(await agents()).toEqual(['x']))
    expect(await leader()).toBe('two')
  }, 90_000)

  it('take the files of ContainerDNS, and flags before them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'containerdns-monitor-'))
    const file = async (name: string, text: string) => {
      await writeFile(join(folder, name), text)
      return join(folder, name)
    }
    const etcdSection = `[Etcd]\netcd-machine = ${etcd.host}\nstatus-path = ${PREFIX}status\n`
    const schedule = await file('schedule.conf', `[General]\nschedule-interval = 60\nhostname = one\n${etcdSection}`)
    const check = '[Check]\ncheck-interval = 1\ncheck-timeout = 1\ncheck-retry-count = 2\nscann-ports = 9\n'
    const scan = await file(
      'scanner.conf',
      `[General]\nhostname = other\nheartbeat-interval = 1\n${check}${etcdSection}`,
    )
    await etcd.ctl('put', `${PREFIX}status/127.0.7.45`, JSON.stringify({ status: 'UP' }))
    start('scheduler', '--config-file', schedule)
    start('scanner', '--config-file', scan, '--name', 'agent')
    await eventually(async () => expect(await leader()).toBe('one'), TAKEN_OVER_MS)
    await eventually(async () => expect(await agents()).toEqual(['agent']), TAKEN_OVER_MS)
    await eventually(async () => expect(await valueAt('status/127.0.7.45')).toEqual({ status: 'DOWN' }), TAKEN_OVER_MS)
    await rm(folder, { recursive: true })
  }, 60_000)

  it('tell whom --alerts names', async () => {
    await using hook = await WebhookServer.start()
    const folder = await mkdtemp(join(tmpdir(), 'containerdns-monitor-'))
    await writeFile(join(folder, 'alerts.yaml'), `webhook:\n  url: ${hook.url}\n`)
    await etcd.ctl('put', `${PREFIX}status/127.0.7.46`, JSON.stringify({ status: 'DOWN' }))
    run('scheduler', 'one', '--alerts', join(folder, 'alerts.yaml'), '--quorum', '2/3')
    await eventually(() => expect(hook.alerts).toEqual(['127.0.7.46 unhealthy']), TAKEN_OVER_MS)
    await etcd.ctl('put', `${PREFIX}agents/x`, '{}')
    await eventually(async () =>
      expect(await valueAt('assignment')).toMatchObject({ agents: ['x'], quorum: { agents: 3, down: 2 } }),
    )
    await rm(folder, { recursive: true })
  }, 60_000)

  it('do not start with a command line or a file that is wrong', async () => {
    const ends = async (...flags: string[]) => {
      const [code] = (await once(start('scheduler', ...flags), 'exit')) as [number | null]
      return code
    }
    expect(await ends()).toBe(2)
    expect(await ends('--etcd', etcd.host, '--quorum', '2 of 3')).toBe(2)
    expect(await ends('--etcd', etcd.host, '--quorum', '3/2')).toBe(2)
    expect(await ends('--etcd', etcd.host, '--alerts', '/nowhere.yaml')).toBe(2)
    expect(await ends('--config-file', '/nowhere.conf')).toBe(1)
  }, 60_000)

  it('stop by SIGTERM, and leave at once', async () => {
    run('scheduler', 'one')
    const agent = run('scanner', 'agent')
    await eventually(async () => expect(await agents()).toEqual(['agent']), TAKEN_OVER_MS)
    agent.kill('SIGTERM')
    const [code] = (await once(agent, 'exit')) as [number | null]
    expect(code).toBe(0)
    await eventually(async () => expect(await agents()).toEqual([]))
  }, 60_000)
})

describe('StatusWriter', () => {
  it('writes nothing in the name of a key that is not there any more', async () => {
    const keys = new MonitorKeys(PREFIX)
    await etcd.ctl('put', keys.status('192.0.2.1'), '{"status":"UP"}')
    await etcd.ctl('put', keys.agent('agent'), '{}')
    const registeredAt = await etcd.revision()
    const nothing = () => undefined
    const loaded = deferred()
    const session = new MonitorSession({
      etcd: parseEtcdStoreOptions({ hosts: etcd.host }),
      prefix: PREFIX,
      leaseSeconds: LEASE_SECONDS,
      logger: silentLogger,
      onConnected: () => Promise.resolve(),
      onLoad: nothing,
      onKey: nothing,
      onLoaded: () => loaded.resolve(),
      onLeaseLost: nothing,
    })
    session.start()
    await loaded.promise
    let registration = registeredAt - 1
    let refusals = 0
    const writer = new StatusWriter({
      session: {
        read: (key) => session.read(key),
        transact: async (compare, success) => {
          const revision = await session.transact(compare, success)
          if (revision === undefined) refusals++
          return revision
        },
      },
      keys,
      logger: silentLogger,
      conditions: () => [
        {
          key: Buffer.from(keys.agent('agent')),
          target: 'Create',
          result: 'Equal',
          create_revision: registration,
        },
      ],
    })
    writer.write('192.0.2.1', 'DOWN', '')
    await eventually(() => refusals >= 1)
    expect(await valueAt('status/192.0.2.1')).toEqual({ status: 'UP' })
    registration = registeredAt
    await eventually(async () => expect(await valueAt('status/192.0.2.1')).toEqual({ status: 'DOWN' }))
    writer.close()
    await session.close()
  })
})

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
