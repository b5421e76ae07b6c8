import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { EtcdClient } from '../../../lib/store/etcd/client.js'
import { EtcdStore, etcdStore } from '../../../lib/store/etcd/etcd-store.js'
import { type EtcdTuning, parseEtcdStoreOptions } from '../../../lib/store/etcd/options.js'
import { codeOf } from '../../contract/record-store.contract.js'
import { errorCode } from '../../support/error-code.js'
import { eventually } from '../../support/eventually.js'
import { Authority, type CertificateFiles } from '../../support/make-certificates.js'
import { Etcd } from '../../support/start-etcd.js'
import { MapSink } from '../map-sink.js'

const SOON: Partial<EtcdTuning> = { firstRetryMs: 20, longestRetryMs: 200, progressIntervalMs: 100 }

const opened: EtcdStore[] = []
const ending: AsyncDisposable[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
  for (const each of ending.splice(0).reverse()) await each[Symbol.asyncDispose]()
})

function make(options: object): EtcdStore {
  const store = new EtcdStore(parseEtcdStoreOptions({ requestTimeoutMs: 3000, ...options } as never, SOON))
  opened.push(store)
  return store
}

const folder = '/containerdns/org/example'
const a = (host: string) => JSON.stringify({ type: 'A', host, ttl: 30 })
const WWW = { name: 'www.example.org', type: 'A', data: ['192.0.2.1'] } as const
const put = (store: EtcdStore, address: string) => store.put([{ ...WWW, data: [address] }])

describe('etcd behind TLS', () => {
  let authority: Authority
  let server: CertificateFiles
  let etcd: Etcd
  const warnings: Error[] = []
  const remember = (warning: Error) => warnings.push(warning)
  beforeAll(async () => {
    process.on('warning', remember)
    authority = await Authority.create()
    server = await authority.issue('server', 'IP:127.0.0.1,DNS:etcd.test')
    etcd = await Etcd.start({ tls: server })
  })
  afterAll(async () => {
    process.off('warning', remember)
    await etcd[Symbol.asyncDispose]()
    await authority[Symbol.asyncDispose]()
  })

  it('is followed and written to by a store that shows a certificate, without a warning in the output of the host', async () => {
    const client = await authority.issue('client', 'DNS:client.test')
    const tls = { ca: { file: client.ca }, cert: { file: client.cert }, key: { file: client.key } }
    const sink = new MapSink()
    const store = make({ hosts: etcd.host, tls })
    await store.open(sink)
    await put(store, '192.0.2.1')
    await etcd.ctl('put', `${folder}/www/other/`, a('192.0.2.2'))
    await eventually(() => expect(sink.lines('www.example.org')).toEqual(['30 A 192.0.2.1', '30 A 192.0.2.2']))
    await store.delete('www.example.org')
    expect(sink.names()).toEqual([])
    expect(warnings).toEqual([])
  })

  it('may have its certificates given as text, and be known by another name', async () => {
    const tls = {
      ca: await readFile(server.ca, 'utf8'),
      cert: await readFile(server.cert),
      key: await readFile(server.key),
      serverName: 'etcd.test',
    }
    const store = make({ hosts: etcd.host.replace('https://', ''), tls })
    await store.open(new MapSink())
    expect(store.status().connected).toBe(true)
  })

  it.each<[name: string, tls: () => object]>([
    ['the authority is another', () => ({ ca: undefined })],
    ['the name is another', () => ({ serverName: 'other.test' })],
    ['no certificate is shown', () => ({ cert: undefined, key: undefined })],
  ])('is not believed or does not let in when %s', async (_, change) => {
    const all = { ca: { file: server.ca }, cert: { file: server.cert }, key: { file: server.key }, ...change() }
    const tls = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
    const sink = new MapSink()
    const store = make({ hosts: etcd.host, tls })
    const opening = codeOf(store.open(sink))
    await eventually(() => expect(sink.reports).toEqual(['down']))
    await store.close()
    expect(await opening).toBe('CDNS_CLOSED')
  })

  it('is believed whoever it is when told so', async () => {
    const tls = { cert: { file: server.cert }, key: { file: server.key }, rejectUnauthorized: false }
    const store = make({ hosts: etcd.host, tls })
    await store.open(new MapSink())
    expect(store.status().connected).toBe(true)
  })

  it('is shown the certificate that lies in the file now', async () => {
    const stranger = await Authority.create()
    ending.push(stranger)
    const known = await authority.issue('renewed', 'DNS:client.test')
    const unknown = await stranger.issue('unknown', 'DNS:client.test')
    const file = { cert: `${unknown.cert}.used`, key: `${unknown.key}.used` }
    const use = async (certificate: CertificateFiles) => {
      await writeFile(file.key, await readFile(certificate.key))
      await copyFile(certificate.cert, file.cert)
    }
    await use(unknown)
    const sink = new MapSink()
    const tls = { ca: { file: server.ca }, cert: { file: file.cert }, key: { file: file.key } }
    const opening = make({ hosts: etcd.host, tls }).open(sink)
    await eventually(() => expect(sink.reports).toEqual(['down']))
    await use(known)
    await opening
    expect(sink.reports).toEqual(['down', 'up'])
  })

  it('asks for options that can be meant', async () => {
    const code = (options: object) => errorCode(() => etcdStore({ hosts: 'https://a', ...options } as never))
    const pem = { ca: await readFile(server.ca, 'utf8'), key: await readFile(server.key, 'utf8') }
    expect(code({})).toBeUndefined()
    expect(code({ hosts: ['https://a', 'https://b'], tls: { ca: pem.ca } })).toBeUndefined()
    expect(code({ tls: { caa: pem.ca } })).toBe('CDNS_OPTION_UNKNOWN')
    expect(code({ tls: { ca: { path: 'x' } } })).toBe('CDNS_OPTION_UNKNOWN')
    for (const tls of [
      5,
      { ca: 'no PEM' },
      { ca: { file: '/nowhere' } },
      { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
      { cert: pem.ca },
      { cert: pem.ca, key: pem.key },
      { serverName: '' },
      { rejectUnauthorized: 1 },
    ])
      expect(code({ tls }), JSON.stringify(tls)).toBe('CDNS_OPTION_INVALID')
    for (const hosts of [['https://a', 'http://b'], ['https://a', 'b'], 'http://a'])
      expect(code({ hosts, ...(hosts === 'http://a' ? { tls: {} } : {}) }), `${hosts}`).toBe('CDNS_OPTION_INVALID')
    for (const auth of [{}, { username: '', password: 'x' }, { username: 'a' }, 'a:b'])
      expect(code({ auth }), JSON.stringify(auth)).toBe('CDNS_OPTION_INVALID')
    expect(code({ auth: { username: 'a', password: 'b', token: 'c' } })).toBe('CDNS_OPTION_UNKNOWN')
  })

  it('leaves plain data behind, for another thread', () => {
    const parsed = parseEtcdStoreOptions({
      hosts: etcd.host,
      tls: { ca: { file: server.ca } },
      auth: { username: 'a', password: 'b' },
    })
    expect(structuredClone(parsed)).toEqual(parsed)
  })
})

describe('etcd with users', () => {
  /** `dns` may read and write our keys and no others. */
  async function startWithUsers(flags: readonly string[] = []): Promise<Etcd> {
    const etcd = await Etcd.start({ flags })
    ending.push(etcd)
    await etcd.ctl('user', 'add', 'root:secret')
    await etcd.ctl('user', 'grant-role', 'root', 'root')
    await etcd.ctl('role', 'add', 'records')
    await etcd.ctl('role', 'grant-permission', 'records', 'readwrite', '/containerdns.v1/', '/containerdns0')
    await etcd.ctl('user', 'add', 'dns:pass')
    await etcd.ctl('user', 'grant-role', 'dns', 'records')
    await etcd.ctl('auth', 'enable')
    etcd.user = 'root:secret'
    return etcd
  }

  const auth = { username: 'dns', password: 'pass' }

  it('is followed and written to by a store that has one of them', async () => {
    const etcd = await startWithUsers()
    const sink = new MapSink()
    const store = make({ hosts: etcd.host, auth })
    await store.open(sink)
    await put(store, '192.0.2.1')
    expect(sink.dump()).toEqual({ 'www.example.org': ['30 A 192.0.2.1'] })
  })

  it('keeps out a store with a wrong password, and one without', async () => {
    const etcd = await startWithUsers()
    for (const options of [{}, { auth: { username: 'dns', password: 'wrong' } }]) {
      const sink = new MapSink()
      const store = make({ hosts: etcd.host, ...options })
      const opening = codeOf(store.open(sink))
      await eventually(() => expect(sink.reports).toEqual(['down']))
      await store.close()
      expect(await opening).toBe('CDNS_CLOSED')
    }
  })

  it.each(['simple tokens', 'JWT'])('is followed on when %s have expired', async (kind) => {
    const authority = await Authority.create()
    ending.push(authority)
    const { cert, key } = await authority.issue('signer', 'DNS:signer.test')
    const flags =
      kind === 'JWT'
        ? ['--auth-token', `jwt,pub-key=${cert},priv-key=${key},sign-method=ES256,ttl=1s`]
        : ['--auth-token-ttl', '1']
    const etcd = await startWithUsers(flags)
    const sink = new MapSink()
    const store = make({ hosts: etcd.host, auth })
    await store.open(sink)
    await put(store, '192.0.2.1')
    const options = parseEtcdStoreOptions({ hosts: etcd.host, auth })
    const client = await EtcdClient.connect(options.hosts[0]!, options)
    const ask = () => client.range({ key: Buffer.from('/containerdns/') }, 3000)
    await ask()
    // Nothing that can be waited for says that a token has expired.
    await new Promise((resolve) => setTimeout(resolve, 2500))
    await Promise.all([ask(), ask(), ask()])
    client.close()
    await put(store, '192.0.2.2')
    await etcd.ctl('put', `${folder}/other/1/`, a('192.0.2.3'))
    await eventually(() =>
      expect(sink.dump()).toEqual({ 'other.example.org': ['30 A 192.0.2.3'], 'www.example.org': ['30 A 192.0.2.2'] }),
    )
    expect(store.status()).toMatchObject({ connected: true, loads: 1, stale: false })
    expect(sink.reports).toEqual([])
  })

  it('is answered from what is known while rights are revoked, and followed when they are given back', async () => {
    const etcd = await startWithUsers()
    await etcd.ctl('put', `${folder}/www/1/`, a('192.0.2.1'))
    const sink = new MapSink()
    const store = make({ hosts: etcd.host, auth })
    await store.open(sink)
    for (const [take, give] of [
      [
        ['user', 'revoke-role', 'dns', 'records'],
        ['user', 'grant-role', 'dns', 'records'],
      ],
      [
        ['user', 'delete', 'dns'],
        ['user', 'add', 'dns:pass'],
      ],
    ] as const) {
      sink.reports.length = 0
      await etcd.ctl(...take)
      await eventually(() => expect(sink.reports).toEqual(['down']))
      expect(await codeOf(put(store, '192.0.2.9'))).toBe('CDNS_STORE_UNAVAILABLE')
      expect(sink.dump()).toEqual({ 'www.example.org': ['30 A 192.0.2.1'] })
      await etcd.ctl(...give)
      if (give[1] === 'add') await etcd.ctl('user', 'grant-role', 'dns', 'records')
      await eventually(() => expect(sink.reports).toEqual(['down', 'up']))
    }
    await put(store, '192.0.2.2')
    expect(sink.dump()).toEqual({ 'www.example.org': ['30 A 192.0.2.2'] })
  })

  it('is followed on when authentication is switched off and on', async () => {
    const etcd = await startWithUsers()
    const sink = new MapSink()
    const store = make({ hosts: etcd.host, auth })
    await store.open(sink)
    await etcd.ctl('auth', 'disable')
    await put(store, '192.0.2.1')
    const { loads } = store.status()
    etcd.user = undefined
    await etcd.ctl('auth', 'enable')
    await put(store, '192.0.2.2')
    expect(sink.dump()).toEqual({ 'www.example.org': ['30 A 192.0.2.2'] })
    expect(store.status().loads).toBeLessThanOrEqual(loads + 2)
  })
})
