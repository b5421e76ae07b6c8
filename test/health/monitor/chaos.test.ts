import { once } from 'node:events'
import { createServer } from 'node:net'
import { type Scanner, startScanner, startScheduler } from 'containerdns/health'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.js'
import { MonitorProcesses } from '../../support/monitor-processes.js'
import { MonitoredTargets } from '../../support/monitored-targets.js'
import { Etcd } from '../../support/start-etcd.js'

// How long things take is for `npm run soak -- --only chaos`; here, that they come to the right end, and that nothing is called down by mistake.

const LEASE_SECONDS = 2
const TIMES = { interval: 1_000, timeout: 1_000, fall: 3 }
/** Several leases, what etcd adds to them, and a machine that is shared with others. */
const PATIENCE_MS = 30_000

let etcd: Etcd
let prefix: string
let run = 0

beforeAll(async () => {
  etcd = await Etcd.start()
})
afterAll(() => etcd[Symbol.asyncDispose]())
beforeEach(() => {
  prefix = `/test/${run++}/monitor/`
})

/** That all are probed from now on, and none has ever been called down. */
async function expectUnharmed(targets: MonitoredTargets): Promise<void> {
  const now = performance.now()
  await eventually(() => targets.areCheckedSince(now), PATIENCE_MS)
  expect(targets.everDown).toBe(0)
}

describe('addresses that are alive', () => {
  it('are probed on, and never called down, while scanners, schedulers and etcd come and go', async () => {
    await using targets = await MonitoredTargets.start(etcd, prefix, 60)
    await using processes = new MonitorProcesses(etcd, prefix, LEASE_SECONDS)
    const agents = (names: string[]) =>
      eventually(async () => expect(await processes.agents()).toEqual(names), PATIENCE_MS)
    const leader = (name: string) => eventually(async () => expect(await processes.leader()).toBe(name), PATIENCE_MS)
    const one = processes.scheduler('one')
    await leader('one')
    const [a, b] = ['a', 'b'].map((name) => processes.scanner(name, TIMES)) as [number, number]
    await agents(['a', 'b'])
    await expectUnharmed(targets)
    // A scanner that is killed, and comes back under its name.
    processes.signal(a, 'SIGKILL')
    await agents(['b'])
    await expectUnharmed(targets)
    processes.scanner('a', TIMES)
    await agents(['a', 'b'])
    // One that stands still until others have its addresses.
    processes.signal(b, 'SIGSTOP')
    await agents(['a'])
    await expectUnharmed(targets)
    processes.signal(b, 'SIGCONT')
    await agents(['a', 'b'])
    await expectUnharmed(targets)
    // A leader that stands still, and one that dies.
    processes.scheduler('two')
    processes.signal(one, 'SIGSTOP')
    await leader('two')
    processes.signal(one, 'SIGCONT')
    processes.scanner('c', TIMES)
    await agents(['a', 'b', 'c'])
    expect(await processes.leader()).toBe('two')
    await processes.kill('two')
    await leader('one')
    await expectUnharmed(targets)
    await etcd.restart()
    await eventually(async () => expect((await processes.agents()).length).toBe(3), PATIENCE_MS)
    await expectUnharmed(targets)
  }, 240_000)

  it('are not called down by a scanner that is cut off from everything', async () => {
    const reference = createServer((socket) => socket.destroy()).listen(0, '127.0.7.7')
    await once(reference, 'listening')
    const { port } = reference.address() as { port: number }
    let isCut = false
    const scanner = (name: string): Promise<Scanner> =>
      startScanner({
        ...{ etcd: { hosts: etcd.host }, prefix, name, leaseSeconds: LEASE_SECONDS },
        probes: {
          ...{ intervalMs: 200, timeoutMs: 150, rise: 1, fall: 2, confirmAbovePercent: 100 },
          references: [{ address: '127.0.7.7', port: name === 'cut' ? port : goodPort }],
        },
        checkHealth: () => (name === 'cut' && isCut ? 'unhealthy' : 'healthy'),
      })
    const good = createServer((socket) => socket.destroy()).listen(0, '127.0.7.7')
    await once(good, 'listening')
    const goodPort = (good.address() as { port: number }).port
    await using targets = await MonitoredTargets.start(etcd, prefix, 20)
    await using _scheduler = await startScheduler({ etcd: { hosts: etcd.host }, prefix, name: 'one' })
    await using cut = await scanner('cut')
    await using other = await scanner('other')
    await eventually(() => cut.status().targets > 0 && other.status().targets > 0, PATIENCE_MS)
    await eventually(() => expect(cut.status().targets + other.status().targets).toBe(20), PATIENCE_MS)
    reference.close()
    await once(reference, 'close')
    isCut = true
    await eventually(() => cut.status().blind, PATIENCE_MS)
    const { failed } = cut.status()
    // Each of its addresses several times more.
    await eventually(() => cut.status().failed > failed + 100, PATIENCE_MS)
    expect(other.status().blind).toBe(false)
    expect(targets.everDown).toBe(0)
    isCut = false
    const again = createServer((socket) => socket.destroy()).listen(port, '127.0.7.7')
    await once(again, 'listening')
    expect(targets.everDown).toBe(0)
    again.close()
    good.close()
  }, 90_000)
})
