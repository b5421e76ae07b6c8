import type { Backend, HookOptions, HookQuery, HookResponse } from 'containerdns'
import { decode } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { TcpClient } from '../support/tcp-client.js'
import { type Decoded, dataOf, UdpClient } from '../support/udp-client.js'
import { BACKENDS, moduleOf, startHooked } from './hooked-server.js'

/** The same hooks, once as functions and once as modules. */
const onQuery = (query: HookQuery) => {
  if (query.name === 'drop.example') return 'drop' as const
  if (query.name === 'refuse.example') return 'refuse' as const
  if (query.name === 'own.example') return { answer: ['203.0.113.1', '203.0.113.2'], ttl: 7 }
  if (query.name === 'gone.example') return { rcode: 'NXDOMAIN' as const }
  if (query.name === 'throw.example') throw new Error('told to throw')
  if (query.name === 'promise.example') return Promise.reject(new Error('never')) as never
  if (query.name === 'nonsense.example') return { answer: ['no address'] }
  return 'continue' as const
}
const selectBackend = (query: HookQuery, backends: readonly Backend[]) => {
  if (query.name === 'alias.example') return [1]
  return backends.map((_, i) => backends.length - 1 - i)
}

const ways: [string, HookOptions][] = [
  ['functions', { onQuery, selectBackend }],
  [
    'modules',
    {
      onQuery: moduleOf(`export const onQuery = ${onQuery}`),
      selectBackend: moduleOf(`export default ${selectBackend}`),
    },
  ],
]
const transports = ['batch', 'dgram'] as const
const cases = ways.flatMap(([way, hooks]) => transports.map((transport) => [way, transport, hooks] as const))

async function askTcp(client: TcpClient, name: string, type?: string): Promise<Decoded> {
  return decode(await client.ask(name, type)) as Decoded
}

describe.each(cases)('hooks as %s, over %s and TCP', (_, transport, hooks) => {
  it('decide over queries and choose backends', async () => {
    await using server = await startHooked({ transport, hooks, hookTimeoutMs: 2_000 })
    await using udp = await UdpClient.open(server.addresses[0]!)
    await using tcp = await TcpClient.open(server.addresses[1]!)
    for (const ask of [udp.ask.bind(udp), askTcp.bind(undefined, tcp)]) {
      expect(dataOf(await ask('WWW.example', 'A'))).toEqual([...BACKENDS].reverse())
      expect(dataOf(await ask('alias.example', 'A'))).toEqual(['www.example', BACKENDS[1]])
      expect(dataOf(await ask('one.example', 'A'))).toEqual(['192.0.2.9'])
      const services = dataOf(await ask('_sip._tcp.example', 'SRV')) as { port: number }[]
      expect(services.map(({ port }) => port)).toEqual([5061, 5060])
      const own = await ask('own.example', 'A')
      expect(own.answers!.map((answer) => (answer as { ttl: number }).ttl)).toEqual([7, 7])
      expect(dataOf(own)).toEqual(['203.0.113.1', '203.0.113.2'])
      expect((await ask('gone.example', 'A')).rcode).toBe('NXDOMAIN')
      expect((await ask('refuse.example', 'A')).rcode).toBe('REFUSED')
    }
    await expect(udp.ask('drop.example', 'A', 300)).rejects.toThrow()
    expect(server.stats().counters).toMatchObject({ dropped: 1, hookFaults: 0, hookOverflows: 0 })
  })

  it('cost a query their say when they throw, return a promise or nonsense, and the next one nothing', async () => {
    const told: object[] = []
    const quiet = () => {}
    const logger = { debug: quiet, info: quiet, warn: (fields: object) => told.push(fields), error: quiet }
    await using server = await startHooked({ transport, hooks, logger, hookTimeoutMs: 2_000 })
    await using udp = await UdpClient.open(server.addresses[0]!)
    for (const name of ['throw', 'promise', 'nonsense', 'throw'])
      expect((await udp.ask(`${name}.example`)).rcode).toBe('NXDOMAIN')
    expect(dataOf(await udp.ask('www.example'))).toEqual([...BACKENDS].reverse())
    await eventually(() => expect(server.stats().counters.hookFaults).toBe(4))
    // The log is told once in ten seconds.
    await eventually(() => expect(told).toMatchObject([{ hook: 'onQuery' }]))
  })
})

describe('selectBackend', () => {
  const chosen: [string, unknown][] = [
    ['a number', 1],
    ['nothing', undefined],
    ['an empty array', []],
    ['NaN', [Number.NaN]],
    ['an index that is none', [3]],
    ['a negative one', [-1]],
    ['a part of one', [0.5]],
    ['one twice', [1, 1]],
    ['text', ['0']],
    ['a hole', new Array(1)],
  ]

  it.each(chosen)('that returns %s leaves the choice to us', async (_, indexes) => {
    await using server = await startHooked({
      hooks: { selectBackend: () => indexes as number[] },
      hookTimeoutMs: 2_000,
    })
    await using udp = await UdpClient.open(server.addresses[0]!)
    expect(dataOf(await udp.ask('www.example')).sort()).toEqual(BACKENDS)
    await eventually(() => expect(server.stats().counters.hookFaults).toBe(1))
  })

  it('sees each backend as it was put in', async () => {
    const seen: unknown[] = []
    const see = (query: HookQuery, backends: readonly Backend[]) => {
      seen.push({ query, backends })
      return [0]
    }
    await using server = await startHooked({ hooks: { selectBackend: see }, hookTimeoutMs: 2_000 })
    await server.records.put({
      name: 'w.example',
      type: 'AAAA',
      data: [{ address: '2001:db8::1', weight: 9 }, '2001:db8::2'],
    })
    await using udp = await UdpClient.open(server.addresses[0]!)
    await udp.ask('w.example', 'AAAA')
    await udp.ask('_sip._tcp.example', 'SRV')
    expect(seen).toEqual([
      {
        query: { name: 'w.example', type: 'AAAA', client: '127.0.0.1', view: 'default', protocol: 'udp' },
        backends: [
          { address: '2001:db8::1', weight: 9, health: 'unknown' },
          { address: '2001:db8::2', weight: 1, health: 'unknown' },
        ],
      },
      {
        query: { name: '_sip._tcp.example', type: 'SRV', client: '127.0.0.1', view: 'default', protocol: 'udp' },
        backends: [
          { target: 'a.example', port: 5060, priority: 1, weight: 5, health: 'unknown' },
          { target: 'b.example', port: 5061, priority: 2, weight: 7, health: 'unknown' },
        ],
      },
    ])
  })

  it('may ask the server itself, in the middle of a query', async () => {
    let inner: Promise<unknown> | undefined
    const asking = ({ name }: HookQuery) => {
      if (name === 'www.example') inner = server.query('no.example', 'A')
      return 'continue' as const
    }
    await using server = await startHooked({ hooks: { onQuery: asking } })
    expect((await server.query('www.example', 'A')).rcode).toBe('NOERROR')
    expect(await inner).toMatchObject({ rcode: 'NXDOMAIN' })
  })

  it('is called on the spot for a query of the host itself', async () => {
    await using server = await startHooked({ hooks: { onQuery, selectBackend } })
    const { answer } = await server.query('www.example', 'A')
    expect(answer.map(({ data }) => data)).toEqual([...BACKENDS].reverse())
    expect((await server.query('own.example', 'A')).answer).toHaveLength(2)
    await expect(server.query('drop.example', 'A')).rejects.toMatchObject({ code: 'CDNS_QUERY_DROPPED' })
  })
})

describe('onResponse', () => {
  it('as a function hears of each response', async () => {
    const seen: [HookQuery, HookResponse][] = []
    await using server = await startHooked({ hooks: { onResponse: (...told) => void seen.push(told) } })
    await using udp = await UdpClient.open(server.addresses[0]!)
    await using tcp = await TcpClient.open(server.addresses[1]!)
    await udp.ask('www.example')
    await tcp.ask('none.example')
    await eventually(() => expect(seen).toHaveLength(2))
    expect(seen).toMatchObject([
      [
        { name: 'www.example', protocol: 'udp' },
        { rcode: 'NOERROR', answers: 3, truncated: false },
      ],
      [
        { name: 'none.example', protocol: 'tcp', client: '127.0.0.1' },
        { rcode: 'NXDOMAIN', answers: 0 },
      ],
    ])
  })

  it('as a module harms nobody by throwing', async () => {
    const onResponse = moduleOf('export const onResponse = () => { throw 1 }')
    await using server = await startHooked({ hooks: { onResponse } })
    await using udp = await UdpClient.open(server.addresses[0]!)
    for (let i = 0; i < 3; i++) expect(dataOf(await udp.ask('one.example'))).toEqual(['192.0.2.9'])
    await eventually(() => expect(server.stats().counters.hookFaults).toBe(3))
  })
})
