import { once } from 'node:events'
import { createServer } from 'node:net'
import {
  type ContainerDns,
  type ContainerDnsOptions,
  createContainerDns,
  type HealthChange,
  memoryStore,
} from 'containerdns'
import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../lib/log.js'
import { activeResources, expectNothingLeft } from '../../support/active-resources.js'
import { eventually } from '../../support/eventually.js'
import { ListeningProcess } from './listening-process.js'

const TIMES = { intervalMs: 300, timeoutMs: 250, rise: 2, fall: 3 }
/** What `interval × fall + timeout + 1 s` comes to, and as much again for a machine that is shared with others. */
const DOWN_MS = 2 * (300 * 3 + 250 + 1_000)
const ADDRESSES = ['127.0.7.1', '127.0.7.2', '127.0.7.3']

function start(options: ContainerDnsOptions): Promise<ContainerDns> {
  return createContainerDns({ zones: ['example'], listen: { port: 0 }, workers: 1, ...options })
}

async function answered(dns: ContainerDns, name = 'web.example'): Promise<unknown[]> {
  return (await dns.query(name, 'A')).answer.map(({ data }) => data).sort()
}

describe('probes of the records of a server', () => {
  it("leave out a backend that has stopped, and take it back, as in ContainerDNS's README", async () => {
    const first = await ListeningProcess.start(ADDRESSES[0]!)
    await using second = await ListeningProcess.start(ADDRESSES[1]!, first.port)
    await using third = await ListeningProcess.start(ADDRESSES[2]!, first.port)
    await using _first = first
    const store = memoryStore({ rrsets: [{ name: 'web.example', type: 'A', data: ADDRESSES }] })
    const logged: object[] = []
    const info = (fields: object, message: string) => void (message === 'health has changed' && logged.push(fields))
    await using dns = await start({
      store,
      logger: { ...silentLogger, info },
      health: { probes: { check: { type: 'tcp', ports: [first.port] }, ...TIMES } },
    })
    const changes: HealthChange[] = []
    dns.on('health', (change) => void changes.push(change))
    await eventually(() => ADDRESSES.every((address) => dns.health.status(address) === 'healthy'))
    await third.kill()
    await eventually(() => dns.health.status(third.address) === 'unhealthy', DOWN_MS)
    expect(await answered(dns)).toEqual([first.address, second.address])
    await third.restart()
    await eventually(() => dns.health.status(third.address) === 'healthy', DOWN_MS)
    expect(await answered(dns)).toEqual(ADDRESSES)
    const ofThird = changes.filter(({ address }) => address === third.address)
    expect(ofThird.slice(-2)).toEqual([
      {
        address: third.address,
        state: 'unhealthy',
        previous: 'healthy',
        source: 'probe',
        reason: `port ${first.port}: ECONNREFUSED`,
      },
      { address: third.address, state: 'healthy', previous: 'unhealthy', source: 'probe' },
    ])
    const { address } = third
    const reason = `port ${first.port}: ECONNREFUSED`
    expect(logged.filter((each) => 'address' in each && each.address === address)).toEqual([
      { address, state: 'unhealthy', source: 'probe', reason },
      { address, state: 'healthy', source: 'probe' },
    ])
    const past = dns.health.history(address)
    expect(past.map(({ state, source }) => [state, source])).toEqual([
      ['healthy', 'probe'],
      ['unhealthy', 'probe'],
      ['healthy', 'probe'],
    ])
    expect(past[2]!.at).toBeGreaterThanOrEqual(past[1]!.at)
  })

  it('go to the ports that SRV records give, and follow the records', async () => {
    const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.7.4')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    await using dns = await start({ health: { probes: TIMES } })
    await dns.records.put({ name: 'web.example', type: 'A', data: ['127.0.7.4', '127.0.7.5'] })
    // Nobody says on which port they are, so nobody can say that they are down.
    await dns.records.put({
      name: '_http._tcp.example',
      type: 'SRV',
      data: [{ priority: 0, weight: 0, port, target: 'web.example' }],
    })
    await eventually(() => dns.health.status('127.0.7.5') === 'unhealthy')
    expect(dns.health.status('127.0.7.4')).toBe('healthy')
    expect(dns.stats().health.probes).toMatchObject({ targets: 2, panic: false, blind: false })
    await dns.records.delete('_http._tcp.example')
    await eventually(() => dns.stats().health.probes!.targets === 0)
    expect([...dns.health.status()]).toEqual([])
    server.close()
  })

  it('leave metadata addresses alone, unless they are allowed', async () => {
    const asked: string[] = []
    const checkHealth = async ({ address }: { address: string }) => {
      asked.push(address)
      return 'unhealthy' as const
    }
    const data = ['169.254.169.254', '192.0.2.1', '168.63.129.16']
    const store = memoryStore({ rrsets: [{ name: 'web.example', type: 'A', data }] })
    const probes = { ...TIMES, allow: ['168.63.129.16'] }
    await using dns = await start({ store, health: { probes }, hooks: { checkHealth } })
    await eventually(() => [...dns.health.status()].length === 2)
    expect(new Set(asked)).toEqual(new Set(['192.0.2.1', '168.63.129.16']))
    expect(dns.health.status('169.254.169.254')).toBe('unknown')
  })

  it('ask a hook that is a module in the probe thread', async () => {
    const module = `data:text/javascript,${encodeURIComponent(
      "import { isMainThread } from 'node:worker_threads'\n" +
        "export const checkHealth = async ({ address }) => (!isMainThread && address === '192.0.2.2' ? 'unhealthy' : 'healthy')",
    )}`
    const store = memoryStore({ rrsets: [{ name: 'web.example', type: 'A', data: ['192.0.2.1', '192.0.2.2'] }] })
    await using dns = await start({ store, health: { probes: TIMES }, hooks: { checkHealth: module } })
    await eventually(() => dns.health.status('192.0.2.2') === 'unhealthy')
    await eventually(() => dns.health.status('192.0.2.1') === 'healthy')
  })

  it('do not start with a hook that cannot be imported', async () => {
    await expect(
      start({ health: { probes: TIMES }, hooks: { checkHealth: 'data:text/javascript,export const other = 1' } }),
    ).rejects.toMatchObject({ code: 'CDNS_HOOK_MODULE_FAILED' })
  })

  it('call nothing unhealthy while the references cannot be reached', async () => {
    const reference = createServer().listen(0, '127.0.7.6')
    await once(reference, 'listening')
    const { port } = reference.address() as { port: number }
    reference.close()
    await once(reference, 'close')
    const store = memoryStore({ rrsets: [{ name: 'web.example', type: 'A', data: ['192.0.2.1'] }] })
    const probes = { ...TIMES, references: [{ address: '127.0.7.6', port }] }
    await using dns = await start({ store, health: { probes }, hooks: { checkHealth: () => 'unhealthy' } })
    await eventually(() => dns.stats().health.probes!.blind)
    expect(dns.health.status('192.0.2.1')).toBe('unknown')
    const again = createServer().listen(port, '127.0.7.6')
    await eventually(() => dns.health.status('192.0.2.1') === 'unhealthy')
    again.close()
  })

  it('leave nobody out while too few are left, and do so again when there are enough', async () => {
    const dead = new Set(['192.0.2.1', '192.0.2.2', '192.0.2.3'])
    const data = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']
    const store = memoryStore({ rrsets: [{ name: 'web.example', type: 'A', data }] })
    await using dns = await start({
      store,
      health: { probes: { ...TIMES, panicBelowPercent: 50 } },
      hooks: { checkHealth: ({ address }) => (dead.has(address) ? 'unhealthy' : 'healthy') },
    })
    await eventually(() => dns.stats().health.probes!.panic)
    expect(await answered(dns)).toEqual(data)
    dead.delete('192.0.2.3')
    await eventually(() => dns.stats().health.unhealthy === 2)
    expect(await answered(dns)).toEqual(['192.0.2.3', '192.0.2.4'])
  })

  it('are others after a reload, and what was said stays until they know better', async () => {
    const dead = new Set(['192.0.2.1', '192.0.2.2'])
    const store = memoryStore({
      rrsets: [
        { name: 'web.example', type: 'A', data: ['192.0.2.1', '192.0.2.3'] },
        { name: 'a.other.example', type: 'A', data: ['192.0.2.2', '192.0.2.4'] },
      ],
    })
    const checkHealth = ({ address }: { address: string }) => (dead.has(address) ? 'unhealthy' : 'healthy')
    await using dns = await start({ store, health: { probes: TIMES }, hooks: { checkHealth } })
    const states = () => Object.fromEntries([...dns.health.status()].map(({ address, state }) => [address, state]))
    const all = { '192.0.2.1': 'unhealthy', '192.0.2.2': 'unhealthy', '192.0.2.3': 'healthy', '192.0.2.4': 'healthy' }
    await eventually(() => expect(states()).toEqual(all))
    const changes: HealthChange[] = []
    dns.on('health', (change) => void changes.push(change))
    // A hundred failures take these longer than this test: it is what was said before that is known.
    await dns.reload({ health: { probes: { ...TIMES, fall: 100, zones: ['web.example'] } } })
    await eventually(() => expect(states()).toEqual({ '192.0.2.1': 'unhealthy', '192.0.2.3': 'healthy' }))
    expect(dns.stats().health.probes!.targets).toBe(2)
    expect(changes.map(({ address, state }) => [address, state]).sort()).toEqual([
      ['192.0.2.2', 'unknown'],
      ['192.0.2.4', 'unknown'],
    ])
    await dns.records.put({ name: 'b.web.example', type: 'A', data: ['192.0.2.5'] })
    await eventually(() => dns.health.status('192.0.2.5') === 'healthy')
    dead.clear()
    await eventually(() => dns.health.status('192.0.2.1') === 'healthy')
    await dns.reload({ health: {} })
    await eventually(() => expect(states()).toEqual({}))
    expect(dns.stats().health.probes).toBeUndefined()
    dead.add('192.0.2.4')
    await dns.reload({ health: { probes: TIMES } })
    await eventually(() => dns.health.status('192.0.2.4') === 'unhealthy')
    expect(dns.stats().health.probes!.targets).toBe(5)
  })

  it('stay as they are when those of a reload cannot be', async () => {
    const store = memoryStore({ rrsets: [{ name: 'web.example', type: 'A', data: ['192.0.2.1'] }] })
    await using dns = await start({ store, health: { probes: TIMES }, hooks: { checkHealth: () => 'unhealthy' } })
    await expect(dns.reload({ health: { probes: { intervalMs: 1 } } })).rejects.toMatchObject({
      code: 'CDNS_OPTION_INVALID',
    })
    const load = () => Promise.reject(new Error('there is no such file'))
    await expect(dns.reload({ health: { probes: { ...TIMES, zones: [] } } }, { load })).rejects.toThrow()
    await eventually(() => dns.health.status('192.0.2.1') === 'unhealthy')
    expect(dns.stats().health.probes!.targets).toBe(1)
  })

  it('leave no thread behind', async () => {
    const before = activeResources()
    const dns = await start({ health: { probes: TIMES } })
    await dns.close()
    await expectNothingLeft(before)
  })
})
