import type { Backend, ContainerDnsOptions, HookQuery } from 'containerdns'
import { decode } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { TcpClient } from '../support/tcp-client.js'
import { type Decoded, dataOf, UdpClient } from '../support/udp-client.js'
import { BACKENDS, moduleOf, startHooked } from './hooked-server.js'

const OFFICE = ['10.0.0.1', '10.0.0.2', '10.0.0.3']
const MANY = Array.from({ length: 30 }, (_, i) => `192.0.2.${i + 1}`)
const views = [{ name: 'office', clients: ['127.0.0.0/8'] }]

/** Backwards in the office alone: an answer shows both whose records and whose view a hook was given. */
const selectBackend = (query: HookQuery, backends: readonly Backend[]) =>
  query.view === 'office' ? backends.map((_, i) => backends.length - 1 - i) : [0]

const ways = [
  ['functions', { selectBackend }],
  ['modules', { selectBackend: moduleOf(`export default ${selectBackend}`) }],
] as const
const TRANSPORTS = ['batch', 'dgram'] as const
const cases = ways.flatMap(([way, hooks]) => TRANSPORTS.map((transport) => [way, transport, hooks] as const))

function start(options: ContainerDnsOptions) {
  return startHooked({ hookTimeoutMs: 2_000, ...options })
}

describe.each(cases)('hooks as %s, over %s', (_, transport, hooks) => {
  it('are told of the view of a client, and choose among its records', async () => {
    await using server = await start({ transport, hooks, views })
    await server.records.put({ name: 'www.example', type: 'A', data: OFFICE, view: 'office' })
    await using udp = await UdpClient.open(server.addresses[0]!)
    await using tcp = await TcpClient.open(server.addresses[1]!)
    expect(dataOf(await udp.ask('www.example'))).toEqual([...OFFICE].reverse())
    expect(dataOf(decode(await tcp.ask('www.example')) as Decoded)).toEqual([...OFFICE].reverse())
  })
})

describe('a query of the host itself', () => {
  it('meets hooks with the client and view that it is for', async () => {
    const seen: HookQuery[] = []
    const onQuery = (query: HookQuery) => {
      seen.push(query)
      return 'continue' as const
    }
    await using server = await start({ hooks: { onQuery, selectBackend }, views })
    await server.records.put({ name: 'www.example', type: 'A', data: OFFICE, view: 'office' })
    const { answer } = await server.query('www.example', 'A', { client: '127.0.0.9' })
    expect(answer.map(({ data }) => data)).toEqual([...OFFICE].reverse())
    const { answer: others } = await server.query('www.example', 'A')
    expect(others.map(({ data }) => data)).toEqual([BACKENDS[0]])
    expect(seen).toMatchObject([
      { client: '127.0.0.9', view: 'office' },
      { client: undefined, view: 'default' },
    ])
  })
})

describe.each(TRANSPORTS)('a query that waits for functions, over %s', (transport) => {
  const RATE = 200
  const ASKED = 120
  const onQuery = () => 'continue' as const

  it('is charged once, and its response is judged once', async () => {
    const rateLimit = { queriesPerSecond: RATE, responsesPerSecond: RATE }
    await using server = await start({ transport, hooks: { onQuery, selectBackend }, rateLimit })
    await using client = await UdpClient.open(server.addresses[0]!)
    const answers = await Promise.all(Array.from({ length: ASKED }, () => client.ask('www.example')))
    expect(answers.map(dataOf)).toEqual(Array.from({ length: ASKED }, () => [BACKENDS[0]]))
    await eventually(() => expect(server.stats().counters.responses).toBe(ASKED))
    expect(server.stats().counters).toMatchObject({ queriesLimited: 0, responsesLimited: 0, responsesSlipped: 0 })
  })

  it('gets a response that counts for the rate of its network', async () => {
    const rateLimit = { responsesPerSecond: 1, slip: 1 }
    await using server = await start({ transport, hooks: { onQuery }, rateLimit })
    await using client = await UdpClient.open(server.addresses[0]!)
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.ask('www.example')))
    const whole = answers.filter((answer) => dataOf(answer).length > 0).length
    expect(whole).toBeGreaterThan(0)
    await eventually(() => expect(server.stats().counters.responsesSlipped).toBe(20 - whole))
    expect(whole).toBeLessThan(20)
  })
})

describe('onQuery', () => {
  it('is not asked about what access lists and limits keep from an answer', async () => {
    let calls = 0
    const onQuery = () => {
      calls++
      return 'continue' as const
    }
    const acl = [{ clients: ['127.0.0.1'], action: 'refuse' as const }]
    await using server = await start({ hooks: { onQuery }, acl })
    await using client = await UdpClient.open(server.addresses[0]!)
    expect((await client.ask('www.example')).rcode).toBe('REFUSED')
    expect(calls).toBe(0)
    expect(server.stats().counters).toMatchObject({ hookTimeouts: 0, hookOverflows: 0 })
  })
})

describe('an answer that is too large for a client that has shown nothing', () => {
  it.each(TRANSPORTS)('is truncated over %s, and costs one call of each hook', async (transport) => {
    const calls: string[] = []
    const hooks = {
      onQuery: ({ name }: HookQuery) => {
        calls.push(`onQuery ${name}`)
        return name === 'own.example' ? { answer: MANY } : 'continue'
      },
      selectBackend: ({ name }: HookQuery, backends: readonly Backend[]) => {
        calls.push(`selectBackend ${name}`)
        return backends.map((_, i) => i)
      },
    } as const
    await using server = await start({ transport, hooks, amplification: { trusted: [] } })
    await server.records.put({ name: 'many.example', type: 'A', data: MANY })
    await using udp = await UdpClient.open(server.addresses[0]!)
    await using tcp = await TcpClient.open(server.addresses[1]!)
    for (const name of ['many.example', 'own.example']) {
      expect(await udp.ask(name)).toMatchObject({ rcode: 'NOERROR', flag_tc: true, answers: [] })
    }
    expect(calls).toEqual(['onQuery many.example', 'selectBackend many.example', 'onQuery own.example'])
    expect(dataOf(decode(await tcp.ask('own.example')) as Decoded)).toEqual(MANY)
    await eventually(() => expect(server.stats().counters.amplificationAvoided).toBe(2))
  })

  it('costs a module one call', async () => {
    const code = `let calls = 0
      export const selectBackend = ({ name }, backends) => {
        calls++
        return name === 'many.example' ? backends.map((_, i) => i) : [calls]
      }`
    await using server = await start({ hooks: { selectBackend: moduleOf(code) }, amplification: { trusted: [] } })
    await server.records.put({ name: 'many.example', type: 'A', data: MANY })
    await using udp = await UdpClient.open(server.addresses[0]!)
    expect(await udp.ask('many.example')).toMatchObject({ flag_tc: true })
    // Of the module's calls, this is the second, and no more.
    expect(dataOf(await udp.ask('www.example'))).toEqual([BACKENDS[2]])
  })
})
