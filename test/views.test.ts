import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ContainerDns,
  type ContainerDnsOptions,
  createContainerDns,
  etcdStore,
  memoryStore,
  type RRset,
} from 'containerdns'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeOf } from './contract/record-store.contract.js'
import { eventually } from './support/eventually.js'
import { Etcd } from './support/start-etcd.js'
import { dataOf, UdpClient } from './support/udp-client.js'

const VIEWS = [
  { name: 'second', clients: ['127.0.0.0/8'] },
  { name: 'first', clients: ['127.0.0.1/32'] },
  { name: 'six', clients: ['::1/128'] },
]
const WWW: RRset[] = [
  { name: 'www.example', type: 'A', data: ['192.0.2.1'] },
  { name: 'www.example', type: 'A', data: ['192.0.2.2'], view: 'second' },
  { name: 'www.example', type: 'A', data: ['192.0.2.3'], view: 'first' },
]

function start(options: ContainerDnsOptions = {}): Promise<ContainerDns> {
  const listen = [{ port: 0 }, { host: '::1', port: 0 }]
  return createContainerDns({ zones: ['example'], listen, workers: 1, views: VIEWS, ...options })
}

/** Clients at 127.0.0.1, 127.0.0.2 and ::1. */
async function clientsOf(server: ContainerDns) {
  const [ipv4, ipv6] = ['127.0.0.1', '::1'].map((host) =>
    server.addresses.find((address) => address.host === host && address.protocol === 'udp'),
  )
  return Promise.all([UdpClient.open(ipv4!), UdpClient.open(ipv4!, '127.0.0.2'), UdpClient.open(ipv6!)])
}

async function answers(clients: readonly UdpClient[], name: string) {
  return Promise.all(clients.map(async (client) => dataOf(await client.ask(name))))
}

describe('views', () => {
  it('answer clients by their source address over UDP, and follow each change while they are asked', async () => {
    await using server = await start()
    const clients = await clientsOf(server)
    const changes: object[] = []
    server.on('change', (change) => changes.push(change))
    await server.records.put(WWW)
    expect(await answers(clients, 'www.example')).toEqual([['192.0.2.3'], ['192.0.2.2'], ['192.0.2.1']])
    expect(await server.records.delete('www.example', 'A', { view: 'first' })).toBe(true)
    expect(await server.records.delete('www.example', 'A', { view: 'first' })).toBe(false)
    expect(await answers(clients, 'www.example')).toEqual([['192.0.2.1'], ['192.0.2.2'], ['192.0.2.1']])
    await server.records.put({ name: 'www.example', type: 'A', data: ['192.0.2.6'], view: 'six' })
    await server.records.delete('www.example')
    expect(await answers(clients, 'www.example')).toEqual([[], ['192.0.2.2'], ['192.0.2.6']])
    expect(changes).toEqual([
      { name: 'www.example' },
      { name: 'www.example', view: 'second' },
      { name: 'www.example', view: 'first' },
      { name: 'www.example', view: 'first' },
      { name: 'www.example', view: 'six' },
      { name: 'www.example' },
    ])
    for (const client of clients) await client[Symbol.asyncDispose]()
  })

  it('are seen by whoever edits records, one view or all', async () => {
    await using server = await start({ store: memoryStore({ rrsets: WWW }) })
    const { records } = server
    const full = WWW.map((rrset) => ({ ...rrset, ttl: 30 }))
    expect(await records.get('www.example')).toEqual([full[0]])
    expect(await records.get('www.example', 'A', { view: 'first' })).toEqual([full[2]])
    expect(await records.get('www.example', 'A', { view: 'default' })).toEqual([full[0]])
    const listed = async (filter = {}) => {
      const found: RRset[] = []
      for await (const rrset of records.list(filter)) found.push(rrset)
      return found
    }
    expect(await listed()).toEqual([full[0], full[1], full[2]])
    expect(await listed({ view: 'second' })).toEqual([full[1]])
    const ask = async (client?: string) =>
      (await server.query('www.example', 'A', client === undefined ? {} : { client })).answer.map(({ data }) => data)
    expect([await ask(), await ask('127.0.0.9'), await ask('::1')]).toEqual([
      ['192.0.2.1'],
      ['192.0.2.2'],
      ['192.0.2.1'],
    ])
    const nowhere: RRset = { name: 'x.example', type: 'A', data: ['192.0.2.1'], view: 'nowhere' }
    expect(await codeOf(records.put(nowhere))).toBe('CDNS_VIEW_UNKNOWN')
    expect(await codeOf(records.get('x.example', 'A', { view: 'nowhere' }))).toBe('CDNS_VIEW_UNKNOWN')
    expect(await codeOf(records.delete('x.example', 'A', { view: 'nowhere' }))).toBe('CDNS_VIEW_UNKNOWN')
    expect(await codeOf(server.query('x.example', 'A', { client: 'me' }))).toBe('CDNS_ADDRESS_INVALID')
    const cname: RRset = { name: 'www.example', type: 'CNAME', data: ['y.example'] }
    expect(await codeOf(records.put({ ...cname, view: 'first' }))).toBe('CDNS_CNAME_CONFLICT')
    await records.put({ ...cname, view: 'six' })
    expect(await records.get('www.example', undefined, { view: 'six' })).toEqual([{ ...cname, ttl: 30, view: 'six' }])
  })

  it('come from files, and go with them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'views-'))
    const zoneFile = join(folder, 'zone')
    const recordsFile = join(folder, 'records.json')
    await writeFile(zoneFile, '$ORIGIN example.\n$TTL 60\nwww A 192.0.2.8\n')
    await writeFile(recordsFile, JSON.stringify(WWW.slice(0, 2)))
    const store = memoryStore({ recordsFile, zoneFile: { path: zoneFile, view: 'six' } })
    await using server = await start({ store })
    const clients = await clientsOf(server)
    expect(await answers(clients, 'www.example')).toEqual([['192.0.2.1'], ['192.0.2.2'], ['192.0.2.8']])
    await writeFile(zoneFile, '$ORIGIN example.\n$TTL 60\nother A 192.0.2.8\n')
    await store.reload()
    expect(await answers(clients, 'www.example')).toEqual([['192.0.2.1'], ['192.0.2.2'], ['192.0.2.1']])
    await writeFile(recordsFile, JSON.stringify([{ ...WWW[0], view: 'nowhere' }]))
    expect(await codeOf(store.reload())).toBe('CDNS_RECORDS_FILE_INVALID')
    for (const client of clients) await client[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  it('make no PTR records of their addresses', async () => {
    await using server = await start({ zones: ['example', '2.0.192.in-addr.arpa'], synthesizePtr: true })
    await server.records.put(WWW)
    const pointers = await Promise.all(
      [1, 2].map((last) => server.query(`${last}.2.0.192.in-addr.arpa`, 'PTR', { client: '127.0.0.2' })),
    )
    expect(pointers.map(({ rcode }) => rcode)).toEqual(['NOERROR', 'NXDOMAIN'])
  })

  it.each([
    [[{ name: 'default', clients: [] }], 'CDNS_OPTION_INVALID'],
    [[{ name: 'a b', clients: [] }], 'CDNS_OPTION_INVALID'],
    [[VIEWS[0], VIEWS[0]], 'CDNS_OPTION_INVALID'],
    [[VIEWS[0], { name: 'other', clients: VIEWS[0]!.clients }], 'CDNS_CIDR_INVALID'],
    [[{ name: 'a', clients: ['10.0.0.1/8'] }], 'CDNS_CIDR_INVALID'],
    [[{ name: 'a' }], 'CDNS_OPTION_INVALID'],
    [Array.from({ length: 256 }, (_, i) => ({ name: `v${i}`, clients: [] })), 'CDNS_OPTION_INVALID'],
  ])('are refused when they cannot be meant: %j', async (views, code) => {
    expect(await codeOf(start({ views: views as never }))).toBe(code)
  })
})

describe('access lists and limits', () => {
  it('hold for the source address over UDP', async () => {
    const acl = [{ clients: ['127.0.0.2'], action: 'refuse' as const }]
    await using server = await start({ acl, rateLimit: { queriesPerSecond: 5, allow: ['::1'] } })
    const [one, two, six] = await clientsOf(server)
    await server.records.put(WWW)
    expect(await two.ask('www.example')).toMatchObject({ rcode: 'REFUSED' })
    for (let i = 0; i < 50; i++) one.send('www.example')
    for (let i = 0; i < 50; i++) expect(await six.ask('www.example')).toMatchObject({ rcode: 'NOERROR' })
    await eventually(() => {
      const { aclRefused, queriesLimited, queries } = server.stats().counters
      expect({ aclRefused, queries }).toEqual({ aclRefused: 1, queries: 101 })
      // A second's worth at once, and what comes while they are sent.
      expect(queriesLimited).toBeGreaterThan(50 - 2 * 5)
      expect(queriesLimited).toBeLessThanOrEqual(50 - 5)
    })
    for (const client of [one, two, six]) await client[Symbol.asyncDispose]()
  })

  it.each([
    [{ acl: [{ clients: ['10.0.0.0/8'], action: 'deny' }] }, 'CDNS_OPTION_INVALID'],
    [{ acl: [{ clients: '10.0.0.0/8', action: 'drop' }] }, 'CDNS_OPTION_INVALID'],
    [{ acl: {} }, 'CDNS_OPTION_INVALID'],
    [{ acl: [{ clients: ['10.0.0.0/33'], action: 'drop' }] }, 'CDNS_CIDR_INVALID'],
    [{ amplification: { ratio: 1 } }, 'CDNS_OPTION_INVALID'],
    [{ amplification: { trusted: ['x'] } }, 'CDNS_CIDR_INVALID'],
    [{ rateLimit: { queriesPerSecond: -1 } }, 'CDNS_OPTION_INVALID'],
  ])('are refused when they cannot be meant: %j', async (options, code) => {
    expect(await codeOf(start(options as never))).toBe(code)
  })
})

describe('views in etcd', () => {
  let etcd: Etcd
  beforeAll(async () => {
    etcd = await Etcd.start()
  })
  afterAll(() => etcd[Symbol.asyncDispose]())

  it('are keys of their own, of which those are answered whose view the server has', async () => {
    await etcd.ctl('put', '/containerdns.v1/six/example/a/A', '{"data":["192.0.2.6"]}')
    await etcd.ctl('put', '/containerdns.v1/nowhere/example/a/A', '{"data":["192.0.2.7"]}')
    await using server = await start({ store: etcdStore({ hosts: etcd.host }) })
    const clients = await clientsOf(server)
    expect(await answers(clients, 'a.example')).toEqual([[], [], ['192.0.2.6']])
    expect(server.stats().store).toMatchObject({ ignoredRecords: 1, badRecords: 0 })
    await server.records.put(WWW)
    expect(await answers(clients, 'www.example')).toEqual([['192.0.2.3'], ['192.0.2.2'], ['192.0.2.1']])
    expect(await etcd.ctl('get', '/containerdns.v1/first/example/www/A')).toContain('{"data":["192.0.2.3"]}')
    await etcd.ctl('put', '/containerdns.v1/first/example/www/A', '{"data":["192.0.2.4"]}')
    await eventually(async () => expect(await answers(clients, 'www.example')).toContainEqual(['192.0.2.4']))
    await etcd.ctl('del', '/containerdns.v1/second/example/www/A')
    await eventually(async () =>
      expect(await answers(clients, 'www.example')).toEqual([['192.0.2.4'], ['192.0.2.1'], ['192.0.2.1']]),
    )
    const cname: RRset = { name: 'www.example', type: 'CNAME', data: ['a.example'], view: 'second' }
    await server.records.put(cname)
    expect(await server.records.get('www.example', 'CNAME', { view: 'second' })).toEqual([{ ...cname, ttl: 30 }])
    expect(await server.records.delete('www.example')).toBe(true)
    expect(await server.records.get('www.example', undefined, { view: 'first' })).toHaveLength(1)
    expect(await server.records.delete('www.example', 'A', { view: 'first' })).toBe(true)
    expect(await server.records.delete('www.example', undefined, { view: 'second' })).toBe(true)
    expect(await etcd.ctl('get', '--prefix', '--keys-only', '/containerdns')).not.toContain('www')
    expect(await codeOf(server.records.put({ ...cname, view: 'nowhere' }))).toBe('CDNS_VIEW_UNKNOWN')
    for (const client of clients) await client[Symbol.asyncDispose]()
  })

  it('keep RRsets with more records than a transaction takes keys, and those under a second prefix', async () => {
    const store = etcdStore({ hosts: etcd.host, prefix: ['/one/', '/two/'] })
    await etcd.ctl('put', '/two.v1/first/example/b/A', '{"data":["192.0.2.9"]}')
    await using server = await start({ store })
    const data = Array.from({ length: 300 }, (_, i) => `198.51.${i >> 8}.${i & 255}`)
    await server.records.put([
      { name: 'big.example', type: 'A', data, view: 'first' },
      { name: 'big.example', type: 'A', data: [...data, '192.0.2.1'] },
    ])
    expect((await server.query('big.example', 'A', { client: '127.0.0.1' })).answer).toHaveLength(300)
    expect((await server.query('big.example', 'A')).answer).toHaveLength(301)
    expect((await server.query('b.example', 'A', { client: '127.0.0.1' })).answer).toHaveLength(1)
    expect(await server.records.delete('b.example', 'A', { view: 'first' })).toBe(true)
    expect((await server.query('b.example', 'A', { client: '127.0.0.1' })).rcode).toBe('NXDOMAIN')
  })
})
