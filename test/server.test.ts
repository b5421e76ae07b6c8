import { createServer } from 'node:net'
import {
  type ContainerDns,
  type ContainerDnsOptions,
  createContainerDns,
  etcdStore,
  memoryStore,
  type RecordStore,
  type RRset,
} from 'containerdns'
import { describe, expect, it } from 'vitest'
import { activeResources, expectNothingLeft } from './support/active-resources.js'
import { dataOf, UdpClient } from './support/udp-client.js'

const WWW = { name: 'www.example', type: 'A', data: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] } as const

function start(options: ContainerDnsOptions = {}): Promise<ContainerDns> {
  return createContainerDns({ zones: ['example'], listen: { port: 0 }, workers: 2, ...options })
}

/** A store whose first load comes when the test says so. */
function slowStore(): { store: RecordStore; load: () => void } {
  const inner = memoryStore()
  let load = () => {}
  const permission = new Promise<void>((resolve) => {
    load = resolve
  })
  const store: RecordStore = {
    kind: 'slow',
    open: (sink) => permission.then(() => inner.open(sink)),
    put: (rrsets) => inner.put(rrsets),
    delete: (name, type) => inner.delete(name, type),
    edit: (name, revise, view) => inner.edit(name, revise, view),
    status: () => inner.status(),
    close: () => inner.close(),
  }
  return { store, load }
}

describe('records', () => {
  it('are answered once put has resolved, and not once delete has', async () => {
    await using server = await start()
    await using client = await UdpClient.open(server.addresses[0]!)
    await server.records.put({ ...WWW, data: [...WWW.data] })
    expect(dataOf(await client.ask('www.example')).sort()).toEqual(WWW.data)
    expect(await server.records.delete('www.example', 'A')).toBe(true)
    expect(await client.ask('www.example')).toMatchObject({ rcode: 'NXDOMAIN' })
    expect(await server.records.delete('www.example', 'A')).toBe(false)
  })

  it('come back as they were put, in lower case and without the last dot', async () => {
    await using server = await start()
    await server.records.put([
      { name: 'Mixed.Example.', type: 'MX', ttl: 60, data: [{ preference: 10, exchange: 'mail.example' }] },
      { name: 'mixed.example', type: 'TXT', data: ['one', ['two', 'three']] },
    ])
    expect(await server.records.get('MIXED.example')).toEqual([
      { name: 'mixed.example', type: 'MX', ttl: 60, data: [{ preference: 10, exchange: 'mail.example' }] },
      { name: 'mixed.example', type: 'TXT', ttl: 30, data: ['one', ['two', 'three']] },
    ])
    expect(await server.records.get('mixed.example', 'A')).toEqual([])
  })

  it('are listed below a name, by type, and on label boundaries only', async () => {
    await using server = await start()
    const names = ['a.one.example', 'b.one.example', 'one.example', 'evilone.example']
    await server.records.put(names.map((name) => ({ name, type: 'A', data: ['192.0.2.1'] })))
    await server.records.put({ name: 'b.one.example', type: 'TXT', data: ['text'] })
    const listed = async (filter: Parameters<typeof server.records.list>[0]) => {
      const found: string[] = []
      for await (const { name, type } of server.records.list(filter)) found.push(`${name} ${type}`)
      return found.sort()
    }
    expect(await listed({ under: 'one.example' })).toEqual([
      'a.one.example A',
      'b.one.example A',
      'b.one.example TXT',
      'one.example A',
    ])
    expect(await listed({ under: 'one.example', type: 'TXT' })).toEqual(['b.one.example TXT'])
    expect(await listed({})).toHaveLength(5)
  })

  it.each([
    [{ name: 'www.elsewhere', type: 'A', data: ['192.0.2.1'] }, 'CDNS_NAME_OUT_OF_ZONE'],
    [{ name: 'evilexample', type: 'A', data: ['192.0.2.1'] }, 'CDNS_NAME_OUT_OF_ZONE'],
    [{ name: 'example', type: 'CNAME', data: ['www.example'] }, 'CDNS_CNAME_CONFLICT'],
    [{ name: 'a..example', type: 'A', data: ['192.0.2.1'] }, 'CDNS_NAME_INVALID'],
    [{ name: 'a.example', type: 'A', data: ['192.0.2.256'] }, 'CDNS_ADDRESS_INVALID'],
    [{ name: 'a.example', type: 'A', data: [] }, 'CDNS_DATA_EMPTY'],
    [{ name: 'a.example', type: 'A', data: ['192.0.2.1'], tll: 3 }, 'CDNS_RRSET_INVALID'],
    [{ name: 'a.example', type: 'A', data: ['192.0.2.1'], ttl: -1 }, 'CDNS_TTL_INVALID'],
    [{ name: 'a.example', type: 'WKS', data: ['x'] }, 'CDNS_TYPE_UNSUPPORTED'],
  ])('are refused as a whole when one is bad: %j', async (bad, code) => {
    await using server = await start()
    const good = { name: 'good.example', type: 'A', data: ['192.0.2.1'] }
    await expect(server.records.put([good, bad] as never)).rejects.toMatchObject({ code })
    expect(await server.records.get('good.example')).toEqual([])
  })

  it('are what they were when put was called, whatever becomes of the objects', async () => {
    await using server = await start()
    const rrset: RRset = { name: 'a.example', type: 'A', data: ['192.0.2.1'] }
    const puts = [server.records.put(rrset)]
    rrset.name = 'b.elsewhere'
    rrset.data[0] = '192.0.2.2'
    await Promise.all(puts)
    expect(await server.records.get('a.example')).toMatchObject([{ data: ['192.0.2.1'] }])
    expect(await server.records.get('b.elsewhere')).toEqual([])
  })

  it('are in the order of the calls when many are put at once', async () => {
    await using server = await start()
    const puts = Array.from({ length: 50 }, (_, i) =>
      server.records.put({ name: 'n.example', type: 'A', data: [`192.0.2.${i}`] }),
    )
    await Promise.all(puts)
    expect(await server.records.get('n.example')).toMatchObject([{ data: ['192.0.2.49'] }])
  })

  it('give the synthesized SOA a serial that grows with every change', async () => {
    await using server = await start()
    const serial = async () => ((await server.query('example', 'SOA')).answer[0]!.data as { serial: number }).serial
    const before = await serial()
    await server.records.put({ ...WWW, data: [...WWW.data] })
    expect(await serial()).toBeGreaterThan(before)
  })
})

describe('query', () => {
  it('asks the same answering code as the socket', async () => {
    await using server = await start({ store: memoryStore({ rrsets: [{ ...WWW, data: ['192.0.2.1'] }] }) })
    expect(await server.query('www.example', 'A')).toEqual({
      rcode: 'NOERROR',
      authoritative: true,
      truncated: false,
      answer: [{ name: 'www.example', type: 'A', ttl: 30, data: '192.0.2.1' }],
      authority: [],
      additional: [],
    })
    expect(server.stats().counters.queries).toBe(0)
  })

  it('has room for what a datagram has not', async () => {
    const data = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
    await using server = await start({ store: memoryStore({ rrsets: [{ name: 'many.example', type: 'A', data }] }) })
    expect((await server.query('many.example', 'A')).answer).toHaveLength(1000)
    await using client = await UdpClient.open(server.addresses[0]!)
    expect(await client.ask('many.example')).toMatchObject({ flag_tc: true, answers: [] })
  })
})

describe('a start', () => {
  it('answers SERVFAIL until the first load, then resolves and emits ready', async () => {
    const { store, load } = slowStore()
    const port = await freePort()
    const starting = start({ store, listen: { port } })
    await using client = await UdpClient.open({ host: '127.0.0.1', port })
    await expect
      .poll(() => client.ask('www.example', 'A', 200).catch(() => undefined))
      .toMatchObject({ rcode: 'SERVFAIL' })
    load()
    await using server = await starting
    expect(server.ready).toBe(true)
    expect(await client.ask('www.example')).toMatchObject({ rcode: 'NXDOMAIN' })
  })

  it('rejects when the store does not load in time, and leaves the port free', async () => {
    const port = await freePort()
    const starting = start({ store: slowStore().store, listen: { port }, startTimeoutMs: 50 })
    await expect(starting).rejects.toMatchObject({ code: 'CDNS_START_TIMEOUT' })
    await using server = await start({ listen: { port } })
    expect(server.addresses).toEqual([
      { protocol: 'udp', host: '127.0.0.1', port },
      { protocol: 'tcp', host: '127.0.0.1', port },
    ])
  })

  it('says why it gave up on etcd', async () => {
    const store = etcdStore({ hosts: 'http://127.0.0.1:1' })
    const error = await start({ store, startTimeoutMs: 3_000 }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'CDNS_START_TIMEOUT', cause: { code: 'CDNS_STORE_UNAVAILABLE' } })
  })

  it('rejects records that nobody could ask for', async () => {
    const store = memoryStore({ rrsets: [{ name: 'www.elsewhere', type: 'A', data: ['192.0.2.1'] }] })
    await expect(start({ store })).rejects.toThrow(/www\.elsewhere/)
  })

  it('can be aborted', async () => {
    const abort = new AbortController()
    const starting = start({ store: slowStore().store, signal: abort.signal })
    setImmediate(() => abort.abort())
    await expect(starting).rejects.toMatchObject({ code: 'CDNS_ABORTED' })
    await expect(start({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CDNS_ABORTED' })
  })

  it.each(['batch', 'dgram'] as const)('can be aborted right after the call (%s)', async (transport) => {
    const abort = new AbortController()
    const starting = start({ transport, signal: abort.signal })
    abort.abort()
    await expect(starting).rejects.toMatchObject({ code: 'CDNS_ABORTED' })
  })

  it('rejects when the port is in use, by a server of ours too', async () => {
    await using first = await start()
    const { port } = first.addresses[0]!
    await expect(start({ listen: { port } })).rejects.toMatchObject({ code: 'CDNS_PORT_IN_USE' })
    await expect(start({ listen: { port }, transport: 'dgram' })).rejects.toMatchObject({ code: 'CDNS_PORT_IN_USE' })
  })

  it('rejects a store that another server has', async () => {
    const store = memoryStore()
    await using first = await start({ store })
    await expect(start({ store })).rejects.toMatchObject({ code: 'CDNS_STORE_IN_USE' })
    await first.records.put({ ...WWW, data: [...WWW.data] })
    expect(await first.records.get('www.example')).toMatchObject([WWW])
  })

  it('serves several addresses, of both families', async () => {
    await using server = await start({ listen: [{ port: 0 }, { host: '::1', port: 0 }] })
    expect(server.addresses.map(({ protocol }) => protocol)).toEqual(['udp', 'tcp', 'udp', 'tcp'])
    for (const address of server.addresses.filter(({ protocol }) => protocol === 'udp')) {
      await using client = await UdpClient.open(address)
      expect(await client.ask('example', 'SOA')).toMatchObject({ rcode: 'NOERROR' })
    }
  })
})

describe('close', () => {
  it.each(['batch', 'dgram'] as const)('leaves no handle behind (%s)', async (transport) => {
    const before = activeResources()
    const server = await start({ transport })
    await server.records.put({ ...WWW, data: [...WWW.data] })
    await server.close()
    await expectNothingLeft(before)
  })

  it('may be called twice, and at the same time', async () => {
    const server = await start()
    await Promise.all([server.close(), server.close()])
    await server.close()
    expect(server.ready).toBe(false)
    await expect(server.query('www.example', 'A')).rejects.toMatchObject({ code: 'CDNS_CLOSED' })
    await expect(server.records.put({ ...WWW, data: [...WWW.data] })).rejects.toMatchObject({ code: 'CDNS_CLOSED' })
    await expect(server.records.get('www.example')).rejects.toMatchObject({ code: 'CDNS_CLOSED' })
    await expect(server.close({ drain: 5 } as never)).rejects.toMatchObject({ code: 'CDNS_OPTION_UNKNOWN' })
  })

  it('goes on answering while it drains', async () => {
    const server = await start()
    await using client = await UdpClient.open(server.addresses[0]!)
    const closing = server.close({ drainMs: 300 })
    expect(server.ready).toBe(false)
    expect(await client.ask('example', 'SOA')).toMatchObject({ rcode: 'NOERROR' })
    await closing
    await expect(client.ask('example', 'SOA', 200)).rejects.toThrow()
  })

  it('is what aborting the signal does', async () => {
    const abort = new AbortController()
    const server = await start({ signal: abort.signal })
    const { port } = server.addresses[0]!
    abort.abort()
    await expect
      .poll(() => start({ listen: { port } }).catch(() => undefined))
      .toSatisfy((next: ContainerDns | undefined) => {
        void next?.close()
        return next !== undefined
      })
  })

  it('ends a start that is under way elsewhere no more than its own server', async () => {
    await using other = await start()
    const server = await start()
    await server.close()
    expect(await other.query('example', 'NS')).toMatchObject({ rcode: 'NOERROR' })
  })
})

describe('events and stats', () => {
  it('tell who has just awaited the start that the server is ready', async () => {
    await using server = await start()
    await new Promise<void>((resolve) => server.once('ready', resolve))
  })

  it('tell of changes and of bad records', async () => {
    await using server = await start()
    const changes: string[] = []
    server.on('change', ({ name }) => changes.push(name))
    await server.records.put({ ...WWW, data: [...WWW.data] })
    await server.records.put({ ...WWW, data: [...WWW.data] })
    expect(changes).toEqual(['www.example'])
  })

  it('count what was asked and what was answered', async () => {
    await using server = await start({ store: memoryStore({ rrsets: [{ ...WWW, data: [...WWW.data] }] }) })
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('www.example')
    await client.ask('www.example', 'TXT')
    await client.ask('no.example')
    await client.ask('www.elsewhere')
    await expect
      .poll(() => server.stats().counters)
      .toMatchObject({
        queries: 4,
        responses: 4,
        NOERROR: 2,
        nodata: 1,
        NXDOMAIN: 1,
        REFUSED: 1,
        dropped: 0,
      })
    expect(server.stats()).toMatchObject({
      ready: true,
      transport: { kind: expect.stringMatching(/^(batch|xdp)$/) },
      index: { names: 1 },
      store: { kind: 'memory', connected: true },
      tcp: { open: 0 },
      threads: [
        { role: 'dns', restarts: 0 },
        { role: 'dns', restarts: 0 },
        { role: 'stream', restarts: 0 },
      ],
    })
  })
})

/** A port that nobody had a moment ago, over TCP; other tests' clients hold some. */
function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
