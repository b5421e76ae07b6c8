import { type ContainerDns, createContainerDns, etcdStore } from 'containerdns'
import { type RunningApi, startApi } from 'containerdns/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { Etcd } from '../support/start-etcd.js'
import { ApiClient, TOKENS } from './running-api.js'

let etcd: Etcd
let dns: ContainerDns
const apis: RunningApi[] = []
const clients: ApiClient[] = []
beforeAll(async () => {
  etcd = await Etcd.start()
  dns = await createContainerDns({
    zones: ['example'],
    listen: { port: 0 },
    workers: 1,
    store: etcdStore({ hosts: etcd.host }),
  })
  // Beside the server: each has a store of its own, as processes on other machines have.
  for (let i = 0; i < 2; i++) {
    const store = etcdStore({ hosts: etcd.host })
    const api = await startApi({ store, zones: ['example'], tokens: TOKENS, listen: { port: 0 } })
    apis.push(api)
    clients.push(await ApiClient.open(api.url))
  }
})
afterAll(async () => {
  await Promise.all(apis.map((api) => api.close()))
  await dns.close()
  await etcd[Symbol.asyncDispose]()
})

const at = (name: string, type = 'A') => `/v1/zones/example/rrsets/${name}/${type}`

describe('two API processes on one etcd', () => {
  it('lose none of what fifty clients add to the same names, and every server answers with all of it', async () => {
    const names = ['one.example', 'two.example', 'three.example']
    const statuses = await Promise.all(
      Array.from({ length: 150 }, async (_, i) => {
        const body = { add: [`10.0.${i % 3}.${Math.floor(i / 3)}`] }
        return (await clients[i % 2]!.ask('PATCH', at(names[i % 3]!), body)).status
      }),
    )
    expect(statuses.filter((status) => status !== 200 && status !== 201)).toEqual([])
    for (const [i, name] of names.entries()) {
      const wanted = Array.from({ length: 50 }, (_, j) => `10.0.${i}.${j}`).sort()
      await eventually(async () => {
        const [rrset] = await dns.records.get(name, 'A')
        expect([...((rrset?.data ?? []) as string[])].sort()).toEqual(wanted)
      })
    }
  })

  it('let each of fifty clients that read, count and write with If-Match count once', async () => {
    const url = at('counter.example', 'TXT')
    await clients[0]!.ask('PUT', url, { data: ['0'] })
    let refused = 0
    const count = async (client: ApiClient) => {
      for (;;) {
        const { body, etag } = await client.ask('GET', url)
        // The second one may not have heard of it yet.
        if (etag === null) continue
        const data = [String(Number(body.data[0]) + 1)]
        const { status } = await client.ask('PUT', url, { ...body, data }, { headers: { 'if-match': etag } })
        if (status === 200) return
        expect(status).toBe(412)
        refused++
      }
    }
    await Promise.all(Array.from({ length: 50 }, (_, i) => count(clients[i % 2]!)))
    await eventually(async () => expect((await dns.records.get('counter.example', 'TXT'))[0]!.data).toEqual(['50']))
    expect(refused).toBeGreaterThan(0)
  }, 90_000)

  it('tell all servers of the health of an address', async () => {
    await clients[1]!.ask('PUT', '/v1/health/192.0.2.1', { state: 'unhealthy' })
    await eventually(() => expect(dns.health.status('192.0.2.1')).toBe('unhealthy'))
    await clients[0]!.ask('PUT', '/v1/health/192.0.2.1', { state: 'unknown' })
    await eventually(() => expect(dns.health.status('192.0.2.1')).toBe('unknown'))
  })

  it('make bulk changes of many names, each of them once', async () => {
    const changes = Array.from({ length: 300 }, (_, i) => ({
      action: 'put',
      rrset: { name: `b${i}.example`, type: 'A', data: [`10.1.${i >> 8}.${i & 255}`] },
    }))
    const answer = await clients[0]!.ask('POST', '/v1/bulk', { changes })
    expect(answer).toMatchObject({ status: 200 })
    expect(answer.body.results).toHaveLength(300)
    await eventually(async () =>
      expect((await dns.query('b299.example', 'A')).answer).toMatchObject([{ data: '10.1.1.43' }]),
    )
  })
})
