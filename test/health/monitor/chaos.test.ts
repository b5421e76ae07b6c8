import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BlindableNetwork } from '../../support/blindable-network.js'
import { eventually } from '../../support/eventually.js'
import { LeadershipHistory } from '../../support/leadership-history.js'
import { MonitorProcesses } from '../../support/monitor-processes.js'
import { MonitoredTargets } from '../../support/monitored-targets.js'
import { Etcd } from '../../support/start-etcd.js'

// Each thing that can happen to agents, leaders and etcd, as processes, under addresses that are all alive. One cluster goes through all of it.
// The bars to the second are those of `npm run soak -- --only chaos`; here there is room for a machine that others keep busy.

const PREFIX = '/test/monitor/'
const LEASE_SECONDS = 2
const TIMES = { interval: 1_000, timeout: 1_000, fall: 3 }
/** Several leases, what etcd adds to them, and a machine that is shared with others. */
const PATIENCE_MS = 30_000
/** A lease, an interval, and as much for the machine. */
const MOST_UNCHECKED_MS = 1_000 * LEASE_SECONDS + TIMES.interval + 15_000
const WATCH_MS = 50

let etcd: Etcd
let targets: MonitoredTargets
let processes: MonitorProcesses
let history: LeadershipHistory
let network: BlindableNetwork
const pids = new Map<string, number>()

beforeAll(async () => {
  etcd = await Etcd.start()
  targets = await MonitoredTargets.start(etcd, PREFIX, 60)
  processes = new MonitorProcesses(etcd, PREFIX, LEASE_SECONDS)
  history = new LeadershipHistory(etcd, PREFIX)
  network = await BlindableNetwork.create()
  pids.set('one', processes.scheduler('one'))
  await leaderIs('one')
  pids.set('two', processes.scheduler('two'))
  for (const name of ['a', 'b']) pids.set(name, processes.scanner(name, TIMES))
  pids.set('c', processes.blindableScanner('c', TIMES, network))
  await calm()
}, 60_000)
afterAll(async () => {
  await processes?.[Symbol.asyncDispose]()
  await history?.[Symbol.asyncDispose]()
  await targets?.[Symbol.asyncDispose]()
  await network?.[Symbol.asyncDispose]()
  await etcd?.[Symbol.asyncDispose]()
})

const agentsAre = (...names: string[]) =>
  eventually(async () => expect(await processes.agents()).toEqual(names), PATIENCE_MS)
const leaderIs = (name: string) => eventually(async () => expect(await processes.leader()).toBe(name), PATIENCE_MS)
const signal = (name: string, what: NodeJS.Signals) => processes.signal(pids.get(name)!, what)

/** All agents share the addresses, and each address has been probed since. */
async function calm(): Promise<void> {
  await agentsAre('a', 'b', 'c')
  await areChecked()
}

async function areChecked(): Promise<void> {
  const now = performance.now()
  await eventually(() => targets.areCheckedSince(now), PATIENCE_MS)
}

/** That no address is called down for longer than an interval or left alone for too long, from the harm until all is as it was, and only who led has acted. */
async function expectUnharmed(harm: () => Promise<void>): Promise<void> {
  let uncheckedMs = 0
  const timer = setInterval(() => {
    uncheckedMs = Math.max(uncheckedMs, targets.oldestCheckMs)
  }, WATCH_MS)
  try {
    await harm()
    await calm()
  } finally {
    clearInterval(timer)
  }
  expect(targets.longestDownMs).toBeLessThanOrEqual(TIMES.interval)
  expect(uncheckedMs).toBeLessThan(MOST_UNCHECKED_MS)
  expect(history.violations).toEqual([])
}

describe('addresses that are alive are probed on, and not called down', () => {
  it('while an agent is killed and comes back under its name', async () => {
    await expectUnharmed(async () => {
      await processes.kill('a')
      await agentsAre('b', 'c')
      await areChecked()
      pids.set('a', processes.scanner('a', TIMES))
    })
  }, 120_000)

  it('while an agent stands still until others have its addresses, and goes on', async () => {
    await expectUnharmed(async () => {
      signal('b', 'SIGSTOP')
      await agentsAre('a', 'c')
      await areChecked()
      signal('b', 'SIGCONT')
    })
  }, 120_000)

  it('while an agent cannot reach its references, nor anything else but etcd', async () => {
    await expectUnharmed(async () => {
      await network.cut()
      await agentsAre('a', 'b')
      await areChecked()
      await network.mend()
    })
  }, 120_000)

  it('while the leader is killed', async () => {
    await expectUnharmed(async () => {
      const leader = await processes.leader()
      const other = leader === 'one' ? 'two' : 'one'
      await processes.kill(leader)
      await leaderIs(other)
      pids.set(leader, processes.scheduler(leader))
      // Whoever leads now acts.
      await processes.kill('a')
      await agentsAre('b', 'c')
      pids.set('a', processes.scanner('a', TIMES))
    })
  }, 120_000)

  it('while the leader stands still, another leads, and the first one goes on and wants to act', async () => {
    await expectUnharmed(async () => {
      const leader = await processes.leader()
      const other = leader === 'one' ? 'two' : 'one'
      signal(leader, 'SIGSTOP')
      await leaderIs(other)
      await processes.kill('b')
      await agentsAre('a', 'c')
      const { size } = history.terms
      // It has not heard of any of that: what it hears first makes it act in the name of its own term.
      signal(leader, 'SIGCONT')
      pids.set('b', processes.scanner('b', TIMES))
      await agentsAre('a', 'b', 'c')
      expect(await processes.leader()).toBe(other)
      expect(history.terms.size).toBe(size)
    })
  }, 120_000)

  it('while etcd is killed and starts again', async () => {
    await expectUnharmed(() => etcd.restart())
  }, 120_000)
})
