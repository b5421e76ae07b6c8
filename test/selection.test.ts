import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createContainerDns, etcdStore } from 'containerdns'
import { createTestServer } from 'containerdns/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ContainerDnsOptions, HealthChange, RRset } from '../lib/index.js'

import { codeOf } from './contract/record-store.contract.js'
import { buildQuery } from './support/build-query.js'
import { eventually } from './support/eventually.js'
import { describeResponse } from './support/expect-response.js'
import { Etcd } from './support/start-etcd.js'
import { dataOf, UdpClient } from './support/udp-client.js'

const FOUR = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']
const TEN = Array.from({ length: 10 }, (_, i) => `192.0.2.${i + 1}`)

/** How often each address comes first in so many answers over UDP, a hundred asked for at a time. */
async function sharesOfFirst(client: UdpClient, name: string, rounds: number): Promise<Record<string, number>> {
  const first: Record<string, number> = {}
  for (let i = 0; i < rounds; i += 100) {
    for (const answer of await Promise.all(Array.from({ length: 100 }, () => client.ask(name, 'A', 10_000)))) {
      const address = String(dataOf(answer)[0])
      first[address] = (first[address] ?? 0) + 1 / rounds
    }
  }
  return first
}

describe('selection over UDP', () => {
  it('is even for shuffle, follows weights, and both within 2 %', async () => {
    const weights = [1, 2, 3, 4]
    await using server = await createTestServer({
      rrsets: [
        { name: 'even.test', type: 'A', data: FOUR },
        {
          ...{ name: 'weighted.test', type: 'A', selection: { policy: 'weighted', maxAnswers: 1 } },
          data: weights.map((weight, i) => ({ address: FOUR[i]!, weight })),
        },
      ],
    })
    await using client = await UdpClient.open(server)
    for (const share of Object.values(await sharesOfFirst(client, 'even.test', 12_000))) {
      expect(Math.abs(share - 0.25)).toBeLessThan(0.02)
    }
    const shares = await sharesOfFirst(client, 'weighted.test', 12_000)
    weights.forEach((weight, i) => {
      expect(Math.abs(shares[FOUR[i]!]! - weight / 10)).toBeLessThan(0.02)
    })
  })

  it('holds for a server, a zone and an RRset, which is given back as it was put', async () => {
    const own: RRset = {
      ...{
        name: 'own.test',
        type: 'A',
        ttl: 30,
        data: [
          { address: '192.0.2.1', weight: 2 },
          { address: '192.0.2.2', weight: 1 },
        ],
      },
      ...{ selection: { policy: 'ordered' }, fallback: ['192.0.2.9'] },
    }
    await using server = await createTestServer({
      selection: { policy: 'ordered' },
      zones: ['example', { name: 'test', selection: { maxAnswers: 1, policy: 'rotate' } }],
      rrsets: [{ name: 'www.example', type: 'A', data: FOUR }, { name: 'www.test', type: 'A', data: FOUR }, own],
    })
    await using client = await UdpClient.open(server)
    expect(dataOf(await client.ask('www.example'))).toEqual(FOUR)
    const turns = [1, 2, 3, 4].map(async () => dataOf(await client.ask('www.test'))[0])
    expect((await Promise.all(turns)).sort()).toEqual(FOUR)
    expect(dataOf(await client.ask('own.test'))).toEqual(['192.0.2.1'])
    expect(await server.records.get('own.test')).toEqual([own])
    await server.records.put({ name: 'own.test', type: 'A', data: FOUR })
    expect(dataOf(await client.ask('own.test'))).toHaveLength(1)
  })

  it('moves those clients of a trusted resolver only whose backend has left, at most 1/n and 1 %', async () => {
    await using server = await createTestServer({
      selection: { policy: 'clientHash', maxAnswers: 1, affinity: 'ecs' },
      edns: { clientSubnet: { trusted: ['127.0.0.0/8'] } },
      rrsets: [{ name: 'www.test', type: 'A', data: TEN }],
    })
    const socket = createSocket('udp4')
    const seen = new Map<number, string>()
    socket.on('message', (bytes) => {
      seen.set(bytes.readUInt16BE(0), describeResponse(new Uint8Array(bytes)).answer[0]!.split(' ').at(-1)!)
    })
    const askForAll = async (): Promise<Map<number, string>> => {
      seen.clear()
      for (let id = 0; id < 3000; id++) {
        const options = [[8, Uint8Array.of(0, 1, 24, 0, 10, id >> 8, id & 255)]] as const
        socket.send(buildQuery('www.test', 'A', { id, edns: { options } }), server.port, server.host)
        if (id % 50 === 49) await eventually(() => expect(seen.size).toBe(id + 1))
      }
      return new Map(seen)
    }
    const before = await askForAll()
    expect(new Set(before.values()).size).toBe(10)
    server.health.set('192.0.2.7', 'unhealthy')
    const after = await askForAll()
    const moved = [...before].filter(([id, backend]) => after.get(id) !== backend)
    expect(moved.length / before.size).toBeLessThan(1 / 10 + 0.01)
    expect(new Set(moved.map(([, backend]) => backend))).toEqual(new Set(['192.0.2.7']))
    socket.close()
    await once(socket, 'close')
  })

  it.each<[object, string]>([
    [{ type: 'A', data: FOUR, selection: { policy: 'best' } }, 'CDNS_RRSET_INVALID'],
    [{ type: 'A', data: FOUR, selection: { policies: 1 } }, 'CDNS_RRSET_INVALID'],
    [{ type: 'A', data: FOUR, selection: null }, 'CDNS_RRSET_INVALID'],
    [{ type: 'A', data: FOUR, fallback: [] }, 'CDNS_RRSET_INVALID'],
    [{ type: 'A', data: FOUR, fallback: [{ address: '192.0.2.1', weight: 2 }] }, 'CDNS_RRSET_INVALID'],
    [{ type: 'A', data: FOUR, fallback: ['2001:db8::1'] }, 'CDNS_ADDRESS_INVALID'],
    [{ type: 'TXT', data: ['a'], selection: { policy: 'rotate' } }, 'CDNS_RRSET_INVALID'],
  ])('is refused where an RRset says it wrongly: %j', async (rrset, code) => {
    await using server = await createTestServer()
    expect(await codeOf(server.records.put({ name: 'www.test', ...rrset } as RRset))).toBe(code)
  })
})

describe('health over UDP', () => {
  it('counts from the next query on, for every thread, and is told of', async () => {
    await using server = await createTestServer({ workers: 2, rrsets: [{ name: 'www.test', type: 'A', data: FOUR }] })
    const changes: HealthChange[] = []
    server.on('health', (change) => void changes.push(change))
    const clients = await Promise.all(Array.from({ length: 8 }, () => UdpClient.open(server)))
    const { serial } = server.stats().index
    for (const state of ['unhealthy', 'healthy', 'unhealthy', 'unknown'] as const) {
      server.health.set('192.0.2.2', state)
      const expected = state === 'unhealthy' ? FOUR.filter((address) => address !== '192.0.2.2') : FOUR
      for (const client of clients) expect(dataOf(await client.ask('www.test')).sort()).toEqual(expected)
      const own = await server.query('www.test', 'A')
      expect(own.answer).toHaveLength(expected.length)
      expect(server.health.status('192.0.2.2')).toBe(state)
    }
    expect(changes.map(({ state, source }) => `${state} ${source}`)).toEqual([
      'unhealthy program',
      'healthy program',
      'unhealthy program',
      'unknown program',
    ])
    expect(server.stats()).toMatchObject({ health: { unhealthy: 0, addresses: 0 }, index: { serial } })
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
  })

  it('of nobody is answered as the option says', async () => {
    const rrsets: RRset[] = [{ name: 'www.test', type: 'A', data: ['192.0.2.1'], fallback: ['192.0.2.9'] }]
    const expected = { all: ['192.0.2.1'], none: [], fallback: ['192.0.2.9'] }
    for (const allUnhealthy of ['all', 'none', 'fallback'] as const) {
      await using server = await createTestServer({ health: { allUnhealthy }, rrsets })
      await using client = await UdpClient.open(server)
      server.health.set('192.0.2.1', 'unhealthy')
      const answer = await client.ask('www.test')
      expect([answer.rcode, dataOf(answer)]).toEqual(['NOERROR', expected[allUnhealthy]])
    }
  })
})

describe('selection and health from etcd', () => {
  let etcd: Etcd
  beforeAll(async () => {
    etcd = await Etcd.start()
  })
  afterAll(() => etcd[Symbol.asyncDispose]())

  const serverOn = (prefix: string, options: ContainerDnsOptions = {}) =>
    createContainerDns({
      ...{ zones: ['test'], listen: { port: 0 }, workers: 1, ...options },
      store: etcdStore({ hosts: etcd.host, prefix }),
    })

  it('a monitor key takes an address out and in again, and rewrites no entry; the last word counts', async () => {
    await using server = await serverOn('/monitored/')
    await server.records.put({ name: 'www.test', type: 'A', data: ['192.0.2.1', '192.0.2.2'] })
    await using client = await UdpClient.open(server.addresses[0]!)
    const { serial } = server.stats().index
    const answered = async (expected: readonly string[]) =>
      eventually(async () => expect(dataOf(await client.ask('www.test')).sort()).toEqual(expected))
    await etcd.ctl('put', '/monitored/monitor/status/192.0.2.1', '{"status":"DOWN"}')
    await answered(['192.0.2.2'])
    expect(server.stats()).toMatchObject({ health: { unhealthy: 1 }, index: { serial } })
    server.health.set('192.0.2.1', 'healthy')
    await answered(['192.0.2.1', '192.0.2.2'])
    await etcd.ctl('put', '/monitored/monitor/status/192.0.2.1', '{"status":"UP"}')
    await etcd.ctl('put', '/monitored/monitor/status/192.0.2.2', '{"status":"DOWN"}')
    await answered(['192.0.2.1'])
    expect(server.stats().index.serial).toBe(serial)
  })

  it('weights, selection and fallback stand in one key an RRset, and come back after a restart', async () => {
    const rrset: RRset = {
      ...{ name: 'www.test', type: 'A', ttl: 60, data: FOUR.map((address, i) => ({ address, weight: i + 1 })) },
      ...{ selection: { policy: 'weighted', maxAnswers: 2 }, fallback: ['192.0.2.9'] },
    }
    for (const isFirst of [true, false]) {
      await using server = await serverOn('/selected/', { health: { allUnhealthy: 'fallback' } })
      if (isFirst) await server.records.put(rrset)
      expect(await server.records.get('www.test')).toEqual([rrset])
      await using client = await UdpClient.open(server.addresses[0]!)
      expect(dataOf(await client.ask('www.test'))).toHaveLength(2)
      for (const address of FOUR) server.health.set(address, 'unhealthy')
      expect(dataOf(await client.ask('www.test'))).toEqual(['192.0.2.9'])
    }
    expect(Object.keys(await etcd.dump('/selected'))).toEqual(['/selected.v1/default/test/www/A'])
  })
})
