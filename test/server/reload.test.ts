import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import {
  type ContainerDns,
  type ContainerDnsOptions,
  createContainerDns,
  memoryStore,
  type ReloadableOptions,
} from 'containerdns'
import { afterAll, describe, expect, it } from 'vitest'
import { moduleOf } from '../hooks/hooked-server.js'
import { makeCertificate } from '../support/certificates.js'
import { eventually } from '../support/eventually.js'
import { SteadyLoad } from '../support/steady-load.js'
import { TcpClient } from '../support/tcp-client.js'
import { dataOf, UdpClient } from '../support/udp-client.js'

const WWW = { name: 'www.example', type: 'A', data: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] } as const
const folder = mkdtempSync(join(tmpdir(), 'containerdns-reload-'))
afterAll(() => rmSync(folder, { recursive: true }))

function start(options: ContainerDnsOptions = {}): Promise<ContainerDns> {
  const store = memoryStore({ rrsets: [{ ...WWW, data: [...WWW.data] }] })
  return createContainerDns({ zones: ['example'], listen: { port: 0 }, workers: 2, store, ...options })
}

function zoneFile(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe('reload', () => {
  it.each(['batch', 'dgram'] as const)(
    'changes the answers of every thread before it resolves: %s',
    async (transport) => {
      await using server = await start({ transport })
      const { addresses } = server
      await using overTcp = await TcpClient.open(addresses[1]!)
      await server.reload({ zones: ['example', 'other'], selection: { maxAnswers: 1 }, negativeTtl: 7 })
      // Each client socket meets one thread: 16 of them meet both.
      for (let i = 0; i < 16; i++) {
        await using client = await UdpClient.open(addresses[0]!)
        expect(dataOf(await client.ask('www.example'))).toHaveLength(1)
        expect(await client.ask('other', 'SOA')).toMatchObject({ rcode: 'NOERROR' })
      }
      expect((await overTcp.ask('www.example')).readUInt16BE(6)).toBe(1)
      const own = await server.query('no.example', 'A')
      expect(own.authority[0]).toMatchObject({ type: 'SOA', ttl: 7 })
    },
  )

  it('waits for no thread that does not answer, such as the one that exports queries', async () => {
    const upstream = '127.0.0.1:9'
    await using server = await start({
      forward: { upstreams: [upstream] },
      queryLog: { file: join(folder, 'queries.jsonl') },
    })
    await server.reload({ forward: { upstreams: [upstream, '127.0.0.2:9'] }, negativeTtl: 7 })
    expect((await server.query('no.example', 'A')).authority[0]).toMatchObject({ ttl: 7 })
  })

  it('keeps what is left out, and brings defaults back for what is undefined', async () => {
    await using server = await start({ selection: { maxAnswers: 2 }, negativeTtl: 9 })
    await server.reload({ negativeTtl: undefined })
    expect((await server.query('www.example', 'A')).answer).toHaveLength(2)
    expect((await server.query('no.example', 'A')).authority[0]).toMatchObject({ ttl: 30 })
  })

  it.each<[string, object]>([
    ['CDNS_OPTION_UNKNOWN', { zone: ['x'] }],
    ['CDNS_OPTION_INVALID', { negativeTtl: -1 }],
    ['CDNS_ZONE_INVALID', { zones: ['a..b'] }],
    ['CDNS_CIDR_INVALID', { acl: [{ clients: ['10.0.0.1/8'], action: 'drop' }] }],
    ['CDNS_RESTART_NEEDED', { workers: 3 }],
    ['CDNS_RESTART_NEEDED', { transport: 'dgram' }],
    ['CDNS_RESTART_NEEDED', { synthesizePtr: true }],
    ['CDNS_RESTART_NEEDED', { tcp: { maxConnections: 3 } }],
    ['CDNS_RESTART_NEEDED', { store: memoryStore() }],
    ['CDNS_RESTART_NEEDED', { listen: [{ port: 0 }, { port: 1 }] }],
    ['CDNS_RESTART_NEEDED', { views: [{ name: 'inside', clients: ['127.0.0.0/8'] }] }],
    ['CDNS_RESTART_NEEDED', { hooks: { onQuery: () => 'drop' } }],
  ])('changes nothing where one thing cannot be: %s for %j', async (code, bad) => {
    await using server = await start()
    const changes = { selection: { maxAnswers: 1 }, ...bad } as ReloadableOptions
    await expect(server.reload(changes)).rejects.toMatchObject({ code })
    expect((await server.query('www.example', 'A')).answer).toHaveLength(3)
    await using client = await UdpClient.open(server.addresses[0]!)
    expect(dataOf(await client.ask('www.example'))).toHaveLength(3)
  })

  it('names all that takes a restart at once', async () => {
    await using server = await start()
    const changes = { workers: 3, negativeTtl: 3, listen: { port: 1 }, synthesizePtr: true } as ReloadableOptions
    await expect(server.reload(changes)).rejects.toMatchObject({
      code: 'CDNS_RESTART_NEEDED',
      details: { needsRestart: ['workers', 'synthesizePtr', 'listen'] },
    })
  })

  it('takes options that need a restart as long as they say what is so', async () => {
    await using server = await start()
    await server.reload({ workers: 2, listen: { port: 0 }, tcp: {}, negativeTtl: 3 } as ReloadableOptions)
    expect((await server.query('no.example', 'A')).authority[0]).toMatchObject({ ttl: 3 })
  })

  it('changes who may ask, what a view has for clients, and what is limited', async () => {
    await using server = await start({ views: [{ name: 'inside', clients: ['192.0.2.0/24'] }] })
    await server.records.put({ name: 'www.example', type: 'A', data: ['192.0.2.9'], view: 'inside' })
    await using client = await UdpClient.open(server.addresses[0]!)
    expect(dataOf(await client.ask('www.example'))).toHaveLength(3)
    await server.reload({ views: [{ name: 'inside', clients: ['127.0.0.0/8'] }] })
    expect(dataOf(await client.ask('www.example'))).toEqual(['192.0.2.9'])
    await server.reload({ acl: [{ clients: ['127.0.0.0/8'], action: 'refuse' }] })
    expect(await client.ask('www.example')).toMatchObject({ rcode: 'REFUSED' })
    await server.reload({ acl: undefined })
    expect(dataOf(await client.ask('www.example'))).toEqual(['192.0.2.9'])
  })

  it('answers each query of 30 000 under load with the old or with the new, and loses none', async () => {
    await using server = await start()
    await using load = new SteadyLoad(server.addresses[0]!, 'www.example', 100)
    let reloads = 0
    while (load.answered < 30_000 || reloads < 4) {
      await server.reload({
        selection: { maxAnswers: 1 + (reloads % 3) },
        zones: ['example', `z${reloads}.example.org`],
      })
      reloads++
    }
    await load.end()
    expect({ lost: load.lost, wrong: load.wrong }).toEqual({ lost: 0, wrong: 0 })
    expect(reloads).toBeGreaterThan(3)
    expect(server.stats().threads.every(({ restarts }) => restarts === 0)).toBe(true)
  }, 120_000)

  it('keeps the order of its calls', async () => {
    await using server = await start()
    const calls = [1, 2, 3].map((maxAnswers) => server.reload({ selection: { maxAnswers: 4 - maxAnswers } }))
    await Promise.all(calls)
    expect((await server.query('www.example', 'A')).answer).toHaveLength(1)
  })

  it('does not wait for ever for what brings its records, and the next one has its turn', async () => {
    await using server = await start()
    const load = () => new Promise<void>(() => {})
    const stuck = server.reload({ selection: { maxAnswers: 1 }, zones: ['example', 'other'] }, { load, timeoutMs: 50 })
    const next = server.reload({ selection: { maxAnswers: 2 } })
    await expect(stuck).rejects.toMatchObject({ code: 'CDNS_RELOAD_TIMEOUT' })
    await next
    expect((await server.query('www.example', 'A')).answer).toHaveLength(2)
    expect((await server.query('www.other', 'A')).rcode).toBe('REFUSED')
    const refused = server.reload({}, { timeoutMs: 0 })
    await expect(refused).rejects.toMatchObject({ code: 'CDNS_OPTION_INVALID' })
  })

  it('reads the files of its store again for other zones, and keeps the old zones where a file is wrong', async () => {
    const file = zoneFile('new.zone', '$TTL 60\nwww A 192.0.2.7\n')
    const store = memoryStore()
    await using server = await start({ store })
    await using client = await UdpClient.open(server.addresses[0]!)
    const files = { zoneFile: { path: file, origin: 'new.example.org' } }
    const load = () => store.reload(files)
    await server.reload({ zones: ['example', 'new.example.org'] }, { load })
    expect(dataOf(await client.ask('www.new.example.org'))).toEqual(['192.0.2.7'])
    // The record of the file would be in none of the zones.
    await expect(server.reload({ zones: ['example'] })).rejects.toMatchObject({ code: 'CDNS_ZONE_FILE_INVALID' })
    expect(dataOf(await client.ask('www.new.example.org'))).toEqual(['192.0.2.7'])
    await server.reload({ zones: ['example'] }, { load: () => store.reload({}) })
    expect(await client.ask('www.new.example.org')).toMatchObject({ rcode: 'REFUSED' })
    await server.reload({ zones: ['example', 'new.example.org'] })
    expect(await client.ask('www.new.example.org')).toMatchObject({ rcode: 'NXDOMAIN' })
  })

  it('gives records of files another default TTL', async () => {
    const store = memoryStore({ hostsFile: zoneFile('hosts', '192.0.2.8 host.example\n') })
    await using server = await start({ store })
    expect((await server.query('host.example', 'A')).answer[0]).toMatchObject({ ttl: 30 })
    await server.reload({ defaultTtl: 77 })
    expect((await server.query('host.example', 'A')).answer[0]).toMatchObject({ ttl: 77 })
  })

  it('shows another certificate that was given as text', async () => {
    const [first, second] = [makeCertificate('one.example'), makeCertificate('two.example')]
    const listen = (tls: { cert: string; key: string }) => [
      { port: 0 },
      { port: 0, protocols: ['dot' as const], tls: { cert: tls.cert, key: tls.key } },
    ]
    await using server = await start({ listen: listen(first) })
    const { port } = server.addresses.find(({ protocol }) => protocol === 'dot')!
    expect(await shownName(port)).toBe('one.example')
    await server.reload({ listen: listen(second) })
    expect(await shownName(port)).toBe('two.example')
    await expect(server.reload({ listen: listen({ ...second, key: first.key }) })).rejects.toMatchObject({
      code: 'CDNS_CERTIFICATE_INVALID',
    })
    expect(await shownName(port)).toBe('two.example')
  })

  it('is known to a thread that takes the place of a dead one', async () => {
    const onQuery = moduleOf(
      "export const onQuery = ({ name }) => (name === 'die.example' ? process.exit(1) : 'continue')",
    )
    await using server = await start({ workers: 1, hooks: { onQuery } })
    await server.reload({ selection: { maxAnswers: 1 } })
    await using client = await UdpClient.open(server.addresses[0]!)
    const restarted = new Promise((resolve) => server.once('workerRestart', resolve))
    client.send('die.example')
    await restarted
    await using next = await UdpClient.open(server.addresses[0]!)
    await eventually(async () => expect(dataOf(await next.ask('www.example'))).toHaveLength(1))
  })

  it('keeps the counts of zones apart, of those that come and of those that go', async () => {
    await using server = await start({ workers: 1 })
    await using client = await UdpClient.open(server.addresses[0]!)
    const counted = (zone: string | undefined) =>
      server
        .stats()
        .queries.filter((each) => each.zone === zone)
        .reduce((sum, { queries }) => sum + queries, 0)
    await client.ask('www.example')
    await server.reload({ zones: ['new.example.org', 'other.example.org'] })
    await client.ask('www.new.example.org')
    await client.ask('www.example')
    await eventually(() =>
      expect([counted('example'), counted('new.example.org'), counted(undefined)]).toEqual([1, 1, 1]),
    )
  })

  it('ends with the server, before that is closed, whatever its parts are waiting for', async () => {
    const server = await start()
    const outcomes = Promise.allSettled([
      server.reload(
        { health: { probes: { check: { type: 'tcp', ports: [1] } } } },
        { load: () => new Promise(() => {}) },
      ),
      server.reload({ negativeTtl: 4 }),
    ])
    let isSettled = false
    void outcomes.then(() => {
      isSettled = true
    })
    await server.close()
    // Those who wait for it are told first.
    await new Promise((resolve) => setImmediate(resolve))
    expect(isSettled).toBe(true)
    const closed = { status: 'rejected', reason: expect.objectContaining({ code: 'CDNS_CLOSED' }) }
    expect(await outcomes).toEqual([closed, closed])
  })

  it('is refused once the server has been closed', async () => {
    const server = await start()
    await server.close()
    await expect(server.reload({ negativeTtl: 3 })).rejects.toMatchObject({ code: 'CDNS_CLOSED' })
  })
})

function shownName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
    socket.once('error', reject)
  })
}
