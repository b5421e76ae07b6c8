import { randomUUID } from 'node:crypto'
import { type Scanner, startScanner, startScheduler } from 'containerdns/health'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.js'
import { Etcd } from '../../support/start-etcd.js'

const LEASE_SECONDS = 3
/** A lease, what etcd adds to it, and a machine that is shared with others. */
const TAKEN_OVER_MS = 20_000
const AGENTS = ['a', 'b', 'c']

let etcd: Etcd
let prefix: string
/** By agent, the addresses that it finds dead. */
let dead: Map<string, Set<string>>

beforeAll(async () => {
  etcd = await Etcd.start()
})
afterAll(() => etcd[Symbol.asyncDispose]())
beforeEach(() => {
  prefix = `/test/${randomUUID()}/monitor/`
  dead = new Map(AGENTS.map((agent) => [agent, new Set<string>()]))
})

const scheduler = (quorum = { agents: 3, down: 2 }, name = 'one') =>
  startScheduler({ etcd: { hosts: etcd.host }, prefix, name, leaseSeconds: LEASE_SECONDS, quorum })

function scanner(name: string): Promise<Scanner> {
  return startScanner({
    etcd: { hosts: etcd.host },
    prefix,
    name,
    leaseSeconds: LEASE_SECONDS,
    probes: { intervalMs: 200, timeoutMs: 150, rise: 1, fall: 2 },
    checkHealth: ({ address }) => (dead.get(name)?.has(address) === true ? 'unhealthy' : 'healthy'),
  })
}

async function putStatus(address: string, more: object = {}): Promise<void> {
  await etcd.ctl('put', `${prefix}status/${address}`, JSON.stringify({ status: 'UP', ports: [9], ...more }))
}

async function statusOf(address: string): Promise<unknown> {
  const [fields] = Object.values(await etcd.dump(`${prefix}status/${address}`)) as { status: string }[]
  return fields?.status
}

async function verdicts(address: string): Promise<Record<string, unknown>> {
  const folder = `${prefix}verdicts/${address}/`
  const found = await etcd.dump(folder)
  return Object.fromEntries(
    Object.entries(found).map(([key, value]) => [key.slice(folder.length), (value as { status: string }).status]),
  )
}

/** Three agents, each of which probes each address. */
async function startAgents(addresses: readonly string[]): Promise<Scanner[]> {
  for (const address of addresses) await putStatus(address)
  const agents = await Promise.all(AGENTS.map(scanner))
  await eventually(() => agents.every((agent) => agent.status().targets === addresses.length), TAKEN_OVER_MS)
  return agents
}

describe('scanners with a quorum', () => {
  it('call an address down when two of three find it dead, and up when the two find it alive', async () => {
    await using _scheduler = await scheduler()
    const [lone, shared] = ['192.0.2.1', '192.0.2.2']
    const agents = await startAgents([lone, shared])
    dead.get('a')!.add(lone)
    await eventually(async () => expect(await verdicts(lone)).toEqual({ a: 'DOWN' }))
    for (const agent of ['a', 'b']) dead.get(agent)!.add(shared)
    await eventually(async () => expect(await statusOf(shared)).toBe('DOWN'))
    expect(await statusOf(lone)).toBe('UP')
    // The third says that it disagrees.
    await eventually(async () => expect(await verdicts(shared)).toEqual({ a: 'DOWN', b: 'DOWN', c: 'UP' }))
    dead.get('b')!.delete(shared)
    await eventually(async () => expect(await statusOf(shared)).toBe('UP'))
    await eventually(async () => expect(await verdicts(shared)).toEqual({ a: 'DOWN' }))
    dead.get('a')!.clear()
    await eventually(async () => expect(await etcd.dump(`${prefix}verdicts/`)).toEqual({}))
    for (const agent of agents) await agent.close()
  })

  it('change the status alone, and let those read it who know of no quorum', async () => {
    await using _scheduler = await scheduler()
    const agents = await startAgents([])
    const fields = { ports: ['9'], domains: ['web.example'], cluster: 'c', more: [1] }
    await putStatus('192.0.2.1', fields)
    for (const agent of AGENTS) dead.get(agent)!.add('192.0.2.1')
    await eventually(async () =>
      expect(await etcd.dump(`${prefix}status/`)).toEqual({
        [`${prefix}status/192.0.2.1`]: { status: 'DOWN', ...fields },
      }),
    )
    for (const agent of agents) await agent.close()
  })

  it('take the word of one that is gone for none', async () => {
    await using _scheduler = await scheduler()
    const [a, b, c] = (await startAgents(['192.0.2.1'])) as [Scanner, Scanner, Scanner]
    dead.get('a')!.add('192.0.2.1')
    await eventually(async () => expect(await verdicts('192.0.2.1')).toEqual({ a: 'DOWN' }))
    await a.close()
    await eventually(async () => expect(await verdicts('192.0.2.1')).toEqual({}))
    await eventually(() => b.status().assigned && c.status().assigned && b.status().targets === 1)
    dead.get('b')!.add('192.0.2.1')
    await eventually(async () => expect(await verdicts('192.0.2.1')).toEqual({ b: 'DOWN' }))
    dead.get('c')!.add('192.0.2.1')
    await eventually(async () => expect(await statusOf('192.0.2.1')).toBe('DOWN'), TAKEN_OVER_MS)
    await b.close()
    await c.close()
  })

  it('leave the word of an operator until they find otherwise themselves', async () => {
    await using _scheduler = await scheduler()
    const agents = await startAgents(['192.0.2.1', '192.0.2.2'])
    await eventually(() => agents.every((agent) => agent.status().probes > 2))
    await putStatus('192.0.2.1', { status: 'DOWN' })
    for (const agent of ['a', 'b']) dead.get(agent)!.add('192.0.2.2')
    await eventually(async () => expect(await statusOf('192.0.2.2')).toBe('DOWN'))
    expect(await statusOf('192.0.2.1')).toBe('DOWN')
    expect(await verdicts('192.0.2.1')).toEqual({})
    for (const agent of ['a', 'b']) dead.get(agent)!.add('192.0.2.1')
    await eventually(async () => expect(await verdicts('192.0.2.1')).toMatchObject({ a: 'DOWN', b: 'DOWN' }))
    for (const agent of AGENTS) dead.get(agent)!.clear()
    await eventually(async () => expect(await statusOf('192.0.2.1')).toBe('UP'))
    for (const agent of agents) await agent.close()
  })

  it('begin anew when the quorum is another', async () => {
    const first = await scheduler({ agents: 3, down: 3 })
    const agents = await startAgents(['192.0.2.1'])
    for (const agent of ['a', 'b']) dead.get(agent)!.add('192.0.2.1')
    await eventually(async () => expect(await verdicts('192.0.2.1')).toEqual({ a: 'DOWN', b: 'DOWN' }))
    expect(await statusOf('192.0.2.1')).toBe('UP')
    await first.close()
    await using _second = await scheduler({ agents: 3, down: 2 }, 'two')
    await eventually(async () => expect(await statusOf('192.0.2.1')).toBe('DOWN'), TAKEN_OVER_MS)
    expect(agents.map((agent) => agent.status().quorum)).toEqual(AGENTS.map(() => ({ agents: 3, down: 2 })))
    for (const agent of agents) await agent.close()
  })
})
