import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { type ContainerDns, createContainerDns, etcdStore } from 'containerdns'
import { type RunningApi, startApi } from 'containerdns/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { Etcd } from '../support/start-etcd.js'
import { dataOf, UdpClient } from '../support/udp-client.js'
import { ApiClient } from './running-api.js'

const run = promisify(execFile)
const hashed = (secret: string) => `sha256:${createHash('sha256').update(secret).digest('hex')}`

/** The calls of the origin's README, as they stand there, for the port that the API has. */
const A = `curl -H "Content-Type:application/json;charset=UTF-8" -X POST -d '{"type":"A","ips":["192.168.10.1","192.168.10.2","192.168.10.3"]}' http://127.0.0.1:9001/containerdns/api/cctv2?token="123456789"`
const CNAME = `curl -H "Content-Type:application/json;charset=UTF-8" -X POST -d '{"type":"cname","alias":"tv1"}' http://127.0.0.1:9001/containerdns/api/cctv2.containerdns.local?token="123456789"`

let etcd: Etcd
let dns: ContainerDns
let udp: UdpClient
let api: RunningApi
let client: ApiClient
beforeAll(async () => {
  etcd = await Etcd.start()
  dns = await createContainerDns({
    listen: { port: 0 },
    workers: 1,
    store: etcdStore({ hosts: etcd.host }),
    views: [{ name: 'office', clients: ['10.0.0.0/8', '2001:db8:1::/48'] }],
  })
  udp = await UdpClient.open(dns.addresses[0]!)
  api = await startApi({
    server: dns,
    queryToken: true,
    listen: { port: 0 },
    tokens: [
      { principal: 'tv', hash: hashed('123456789'), verbs: ['read', 'write', 'stats'] },
      { principal: 'radio', hash: hashed('radio-secret'), verbs: ['read', 'write'] },
      { principal: 'root', hash: hashed('root-secret'), admin: true },
    ],
  })
  client = await ApiClient.open(api.url)
})
afterAll(async () => {
  await api.close()
  await dns.close()
  await etcd[Symbol.asyncDispose]()
})

/** What a shell prints for a line of the README. */
async function shell(line: string): Promise<string> {
  const { stdout } = await run('sh', ['-c', line.replace('curl ', 'curl -s ').replace(':9001', `:${api.port}`)])
  return stdout
}

const call = (method: string, path: string, body?: object, as = 'tv') =>
  client.ask(
    method,
    `/containerdns/api${path}`,
    body,
    as === 'tv' ? { as: '', headers: { authorization: 'Bearer 123456789' } } : { as },
  )

describe('the session of the origin’s README', () => {
  it('has its curl lines answered OK, and their records in DNS and in etcd as the origin writes them', async () => {
    expect(await shell(A)).toBe('OK\n')
    expect(await shell(CNAME)).toBe('OK\n')
    await eventually(async () => {
      expect(dataOf(await udp.ask('cctv2.containerdns.local')).sort()).toEqual([
        '192.168.10.1',
        '192.168.10.2',
        '192.168.10.3',
      ])
    })
    const alias = await udp.ask('tv1.containerdns.local')
    expect(dataOf(alias)).toEqual(expect.arrayContaining(['cctv2.containerdns.local', '192.168.10.3']))
    const folder = '/containerdns/local/containerdns'
    const keys = Object.entries(await etcd.dump(`${folder}/cctv2/`))
    expect(keys).toHaveLength(3)
    for (const [key, value] of keys) {
      expect(key).toMatch(/^\/containerdns\/local\/containerdns\/cctv2\/[0-9a-f]{1,8}\/$/)
      expect(value).toMatchObject({ type: 'A', ttl: 30, user: 'tv' })
    }
    expect(await etcd.dump(`${folder}/tv1/`)).toMatchObject({
      [`${folder}/tv1/`]: { type: 'CNAME', host: 'cctv2.containerdns.local.', user: 'tv' },
    })
  })

  it('leaves out what the scanner marks as down', async () => {
    await etcd.ctl('put', '/containerdns/monitor/status/192.168.10.3', '{"status":"DOWN"}')
    await eventually(async () => {
      expect(dataOf(await udp.ask('cctv2.containerdns.local')).sort()).toEqual(['192.168.10.1', '192.168.10.2'])
    })
    await etcd.ctl('del', '/containerdns/monitor/status/192.168.10.3')
  })

  it('shows names as the origin does', async () => {
    const ips = expect.arrayContaining(['192.168.10.1', '192.168.10.2', '192.168.10.3'])
    expect((await call('GET', '/cctv2.containerdns.local')).body).toEqual({
      'cctv2.containerdns.local.': { type: 'A', ips, user: 'tv' },
    })
    expect((await call('GET', '')).body).toEqual({
      'cctv2.containerdns.local.': { type: 'A', ips, user: 'tv' },
      'tv1.containerdns.local.': { type: 'CNAME', 'alias-domain': 'cctv2.containerdns.local.', user: 'tv' },
    })
    expect((await call('GET', '/', undefined, 'radio')).body).toEqual({})
    expect(Object.keys((await call('GET', '?user=k8sSvc', undefined, 'root')).body)).toHaveLength(2)
    expect(await call('GET', '/none')).toMatchObject({ status: 404, text: 'ERR, no find  domain name \n' })
  })

  it('adds, changes and removes addresses, and lets nobody else', async () => {
    const path = '/cctv2.containerdns.local'
    expect(await call('POST', path, { type: 'A', ips: ['192.168.10.4'] }, 'radio')).toMatchObject({
      status: 403,
      text: 'ERR, user name not match  \n',
    })
    expect(await call('PUT', path, { type: 'A', update: { '192.168.10.1': '192.168.10.9' } })).toMatchObject({
      status: 200,
      text: 'OK\n',
    })
    expect(await call('PUT', path, { type: 'A', update: { '192.168.10.1': '192.168.10.8' } })).toMatchObject({
      status: 404,
    })
    expect(await call('DELETE', path, { type: 'A', ips: ['192.168.10.2'] })).toMatchObject({ status: 200 })
    expect((await call('GET', path)).body['cctv2.containerdns.local.'].ips.sort()).toEqual([
      '192.168.10.3',
      '192.168.10.9',
    ])
    // As an admin's token may speak for anybody.
    expect(await call('POST', `${path}?user=tv`, { type: 'A', ips: ['2001:db8::1'] }, 'root')).toMatchObject({
      status: 200,
    })
    expect(await call('POST', `${path}?user=radio`, { type: 'A', ips: ['192.168.10.4'] }, 'root')).toMatchObject({
      status: 403,
    })
    expect(await call('DELETE', path, { type: '' })).toMatchObject({ status: 200, text: 'OK\n' })
    expect(await call('DELETE', path, { type: 'A' })).toMatchObject({ status: 404 })
  })
})

describe('the faults of the origin', () => {
  it('has the scanner look after what is added, for the names that have it', async () => {
    const status = async (ip: string) =>
      JSON.parse((await etcd.ctl('get', `/containerdns/monitor/status/${ip}`, '--print-value-only')) || 'null')
    await etcd.ctl('put', '/containerdns/monitor/status/10.4.0.1', '{"status":"UP","ports":["80"]}')
    await call('POST', '/watched', { type: 'A', ips: ['10.4.0.1', '2001:DB8::1'] })
    await call('POST', '/watched2', { type: 'A', ips: ['10.4.0.1'] })
    await call('POST', '/watched', { type: 'A', ips: ['10.4.0.1'] })
    const [one, two] = ['watched.containerdns.local.', 'watched2.containerdns.local.']
    expect(await status('10.4.0.1')).toEqual({ status: 'UP', ports: ['80'], domains: [one, two] })
    expect(await status('2001:db8::1')).toEqual({ status: 'UNKNOWN', domains: [one] })
    // One that nobody has looked at is answered with.
    expect(dns.health.status('2001:db8::1')).toBe('unknown')
    await call('PUT', '/watched', { type: 'A', update: { '10.4.0.1': '10.4.0.2' } })
    expect(await status('10.4.0.1')).toMatchObject({ domains: [two] })
    expect(await status('10.4.0.2')).toMatchObject({ domains: [one] })
    await call('DELETE', '/watched', { type: 'A', ips: [] })
    expect(await status('10.4.0.2')).toMatchObject({ domains: [] })
    expect(await status('2001:db8::1')).toMatchObject({ domains: [] })
  })

  it('25: removing a CNAME leaves what is below it', async () => {
    await call('POST', '/a', { type: 'A', ips: ['10.0.0.1'] })
    await call('POST', '/a', { type: 'CNAME', alias: 'alias' })
    await call('POST', '/x.alias.containerdns.local', { type: 'A', ips: ['10.0.0.2'] })
    expect(await call('DELETE', '/alias', { type: 'CNAME' })).toMatchObject({ status: 200 })
    expect(await call('GET', '/alias')).toMatchObject({ status: 404 })
    expect(await call('GET', '/x.alias.containerdns.local')).toMatchObject({ status: 200 })
    expect(await call('DELETE', '/alias', { type: 'CNAME' })).toMatchObject({ status: 404 })
  })

  it('26: NS, MX and TXT at the apex are refused, and below it are those of the zone', async () => {
    for (const body of [
      { type: 'NS', nsHost: '10.0.0.53' },
      { type: 'MX', mailHost: 'mx.example.org' },
      { type: 'TXT', text: 't' },
    ]) {
      for (const method of ['POST', 'DELETE'])
        expect(await call(method, '/containerdns.local', body)).toMatchObject({ status: 400 })
    }
    expect(await call('POST', '/ns1.containerdns.local', { type: 'NS', nsHost: '10.0.0.53' })).toMatchObject({
      text: 'OK\n',
    })
    expect(
      await call('POST', '/m1.containerdns.local', { type: 'MX', mailHost: 'mx.example.org', mailPriority: 5 }),
    ).toMatchObject({ text: 'OK\n' })
    expect(await call('POST', '/t1.containerdns.local', { type: 'TXT', text: 'v=spf1 -all' })).toMatchObject({
      text: 'OK\n',
    })
    expect(await call('POST', '/t1.containerdns.local', { type: 'TXT', text: 'v=spf1 -all' })).toMatchObject({
      status: 409,
    })
    expect((await dns.query('containerdns.local', 'NS')).answer).toMatchObject([{ data: 'ns1.containerdns.local' }])
    expect((await dns.query('ns1.containerdns.local', 'A')).answer).toMatchObject([{ data: '10.0.0.53' }])
    expect((await dns.query('containerdns.local', 'MX')).answer).toMatchObject([
      { data: { preference: 5, exchange: 'mx.example.org' } },
    ])
    const shown = await call('GET', '/containerdns.local?type=MX')
    expect(Object.values(shown.body)).toEqual([{ type: 'MX', mailHost: 'mx.example.org', mailPriority: 5, user: 'tv' }])
    expect(Object.keys(shown.body)).toEqual(['m1.mail.containerdns.local.'])
    expect((await call('GET', '/containerdns.local?type=NS')).body).toEqual({
      'ns1.ns.dns.containerdns.local.': { type: 'NS', nsHost: '10.0.0.53', user: 'tv' },
    })
    // Where the origin reads them.
    const keys = Object.keys(await etcd.dump('/containerdns/local/containerdns/'))
    expect(keys).toEqual(
      expect.arrayContaining(['/containerdns/local/containerdns/mail/m1/', '/containerdns/local/containerdns/txt/t1/']),
    )
    expect(await call('POST', '/m1', { type: 'MX', mailHost: 'other.example.org' })).toMatchObject({
      status: 409,
      text: 'ERR, set domain name error  domain exists m1.containerdns.local.\n',
    })
    expect(await call('DELETE', '/m1.containerdns.local', { type: 'MX' }, 'radio')).toMatchObject({ status: 403 })
    for (const [type, label] of [
      ['NS', 'ns1'],
      ['MX', 'm1'],
      ['TXT', 't1'],
    ]) {
      if (type !== 'NS') {
        const another = await call('DELETE', '/any.containerdns.local', { type })
        expect(another, type).toMatchObject({ status: 404, text: 'ERR, no find  domain name \n' })
      }
      expect(await call('DELETE', `/${label}.containerdns.local`, { type }), type).toMatchObject({ status: 200 })
    }
    expect(await dns.records.get('containerdns.local')).toEqual([])
    // The address that it was posted as: nobody has told of it.
    expect(await dns.records.get('ns1.containerdns.local')).toHaveLength(1)
    expect(await call('DELETE', '/ns1.containerdns.local', { type: 'A' })).toMatchObject({ status: 200 })
  })

  it('an address that an NS or MX was posted as goes with the last of them if it is told of, and no other does', async () => {
    const addresses = async (name: string) =>
      (await dns.records.get(`${name}.containerdns.local`)).flatMap(({ data }) => data as string[]).sort()
    const post = async (name: string, body: object, user?: string) =>
      expect(await call('POST', `/${name}`, body, user)).toMatchObject({ text: 'OK\n' })
    const remove = async (name: string, body: object) =>
      expect(await call('DELETE', `/${name}`, body)).toMatchObject({ text: 'OK\n' })
    await post('both', { type: 'NS', nsHost: '10.0.0.54' })
    await post('both', { type: 'MX', mailHost: '10.0.0.54' })
    await remove('both', { type: 'NS' })
    expect(await addresses('both')).toEqual(['10.0.0.54'])
    await remove('both', { type: 'MX', mailHost: '10.0.0.54' })
    expect(await addresses('both')).toEqual([])
    await post('own', { type: 'A', ips: ['10.0.0.53'] })
    await post('own', { type: 'NS', nsHost: 'own.containerdns.local' })
    await remove('own', { type: 'NS' })
    expect(await addresses('own')).toEqual(['10.0.0.53'])
    await remove('own', { type: 'A' })
    await post('more', { type: 'A', ips: ['10.0.0.55', '10.0.0.56'] })
    await post('more', { type: 'NS', nsHost: '10.0.0.57' })
    await remove('more', { type: 'NS', nsHost: '10.0.0.57' })
    expect(await addresses('more')).toEqual(['10.0.0.55', '10.0.0.56'])
    await post('more', { type: 'NS', nsHost: '10.0.0.57' })
    await remove('more', { type: 'NS' })
    expect(await addresses('more')).toEqual(['10.0.0.55', '10.0.0.56', '10.0.0.57'])
    await remove('more', { type: 'A' })
    // Elsewhere: it is no address of ours.
    await post('host', { type: 'A', ips: ['10.0.0.58'] })
    await post('named', { type: 'NS', nsHost: 'host.containerdns.local' })
    await remove('named', { type: 'NS', nsHost: 'host.containerdns.local' })
    expect(await addresses('host')).toEqual(['10.0.0.58'])
    await remove('host', { type: 'A' })
  })

  it('26: labels are those of the origin, whoever has chosen them, and told apart', async () => {
    const folder = '/containerdns/local/containerdns/txt'
    await etcd.ctl('put', `${folder}/theirs/`, '{"type":"TXT","ttl":30,"text":"by the origin","user":"tv"}')
    await eventually(async () => {
      expect((await call('GET', '/containerdns.local?type=TXT')).body).toEqual({
        'theirs.txt.containerdns.local.': { type: 'TXT', text: 'by the origin', user: 'tv' },
      })
    })
    for (const text of ['one', 'two']) await call('POST', `/${text}`, { type: 'TXT', text: `the ${text}` })
    expect(await etcd.dump(`${folder}/`)).toMatchObject({
      [`${folder}/one/`]: { type: 'TXT', text: 'the one', user: 'tv', ttl: 30 },
      [`${folder}/two/`]: { type: 'TXT', text: 'the two', user: 'tv', ttl: 30 },
    })
    expect(await call('POST', '/theirs', { type: 'TXT', text: 'by us' })).toMatchObject({ status: 409 })
    expect(await call('DELETE', '/one', { type: 'TXT', text: 'the two' })).toMatchObject({ status: 200 })
    expect(Object.keys(await etcd.dump(`${folder}/`))).toEqual([`${folder}/theirs/`, `${folder}/two/`])
    for (const label of ['theirs', 'two']) await call('DELETE', `/${label}`, { type: 'TXT' })
    // What no key can hold is told by what it says.
    const two = '/a.b.containerdns.local'
    expect(await call('POST', two, { type: 'TXT', text: 'below two labels' })).toMatchObject({ text: 'OK\n' })
    expect(Object.keys(await etcd.dump(`${folder}/`))[0]).toMatch(/\/txt\/[0-9a-f]{1,8}\/$/)
    expect((await dns.query('containerdns.local', 'TXT')).answer).toHaveLength(1)
    expect(await call('DELETE', two, { type: 'TXT', text: 'below two labels' })).toMatchObject({ status: 200 })
    expect(await dns.records.get('containerdns.local', 'TXT')).toEqual([])
  })

  it('27: a name that only ends like a zone is in none', async () => {
    const refused = await call('POST', '/evilcontainerdns.local', { type: 'A', ips: ['10.0.0.1'] })
    expect(refused).toMatchObject({ status: 422, text: 'ERR, the api not support this domain  \n' })
  })

  it('28: what an address has in common with another is no matter', async () => {
    await call('POST', '/many', { type: 'A', ips: ['10.0.0.1', '10.0.0.10', '10.0.0.100'] })
    await call('DELETE', '/many', { type: 'A', ips: ['10.0.0.1'] })
    expect((await call('GET', '/many')).body['many.containerdns.local.'].ips.sort()).toEqual([
      '10.0.0.10',
      '10.0.0.100',
    ])
  })

  it('29: more addresses than a transaction of etcd takes are all there', async () => {
    const ips = Array.from({ length: 300 }, (_, i) => `10.2.${i >> 8}.${i & 255}`)
    expect(await call('POST', '/crowd', { type: 'A', ips })).toMatchObject({ status: 200, text: 'OK\n' })
    expect((await call('GET', '/crowd')).body['crowd.containerdns.local.'].ips).toHaveLength(300)
    expect(await call('DELETE', '/crowd', {})).toMatchObject({ status: 200 })
  })

  it('30: both sides of an alias are checked, whatever their case', async () => {
    await call('POST', '/b', { type: 'A', ips: ['10.0.0.1'] })
    const kubernetes = { status: 403, text: 'ERR, can not ops k8s svc \n' }
    expect(await call('POST', '/b', { type: 'CNAME', alias: 'X.SVC.containerdns.local' })).toMatchObject(kubernetes)
    expect(await call('POST', '/x.svc.containerdns.local', { type: 'CNAME', alias: 'c' })).toMatchObject(kubernetes)
    expect(await call('POST', '/b', { type: 'CNAME', alias: 'c.elsewhere.org' })).toMatchObject({
      text: 'alias ERR, the api not support this domain  \n',
    })
    expect(await call('POST', '/b', { type: 'CNAME', alias: 'TV9' })).toMatchObject({ status: 200 })
    expect(await call('POST', '/b', { type: 'CNAME', alias: 'tv9' })).toMatchObject({
      status: 409,
      text: 'ERR, set domain name error  domain exists b.containerdns.local.\n',
    })
    expect(await call('PUT', '/b', { type: 'CNAME', update: { tv9: 'tv10' } })).toMatchObject({ status: 200 })
    expect(await call('GET', '/tv9')).toMatchObject({ status: 404 })
    expect((await call('GET', '/tv10')).body['tv10.containerdns.local.']).toMatchObject({
      'alias-domain': 'b.containerdns.local.',
    })
  })
})

describe('the other calls', () => {
  it('post services whose targets have the addresses', async () => {
    const path = '/_sip._tcp.containerdns.local'
    expect(await call('POST', path, { type: 'SRV', ips: ['10.0.0.1', '10.0.0.2'], ports: [5060] })).toMatchObject({
      text: 'ERR, ips and ports not match \n',
    })
    expect(await call('POST', path, { type: 'SRV', ips: ['10.0.0.1', '10.0.0.2'], ports: [5060, 5061] })).toMatchObject(
      { text: 'OK\n' },
    )
    expect((await call('GET', path)).body).toMatchObject({
      '_sip._tcp.containerdns.local.': {
        type: 'SRV',
        ips: expect.arrayContaining(['10.0.0.1', '10.0.0.2']),
        ports: expect.arrayContaining([5060, 5061]),
      },
    })
    const answer = await dns.query('_sip._tcp.containerdns.local', 'SRV')
    expect(answer.answer).toHaveLength(2)
    expect(answer.additional.filter(({ type }) => type === 'A')).toHaveLength(2)
    expect(await call('DELETE', path, { type: 'SRV', ips: ['10.0.0.1'] })).toMatchObject({ text: 'OK\n' })
    expect((await call('GET', path)).body['_sip._tcp.containerdns.local.'].ips).toEqual(['10.0.0.2'])
  })

  it('give figures, with counters that are 0 in them', async () => {
    const headers = { authorization: 'Bearer 123456789' }
    const { body } = await client.ask('GET', '/containerdns/stats', undefined, { as: '', headers })
    expect(body).toMatchObject({ reqCount: expect.any(Number), overFlowCount: 0, domainSize: dns.stats().index.names })
    const { text } = await client.ask('GET', '/containerdns/stats?token=wrong', undefined, { as: '' })
    expect(text).toBe('No authorized\n')
    await udp.ask('asked.containerdns.local')
    await eventually(async () => {
      const { body } = await client.ask('GET', '/containerdns/stats/asked.containerdns.local', undefined, {
        as: '',
        headers,
      })
      expect(body).toMatchObject({ reqCount: 1, firstQueryTime: expect.stringMatching(/^\d{4}-.*Z$/) })
    })
    const top = await client.ask('GET', '/containerdns/stats/top/1000', undefined, { as: '', headers })
    expect(top.body).toContainEqual({ reqCount: 1, domain: 'asked.containerdns.local.' })
  })

  it('that mean nothing here say so', async () => {
    const calls = [
      ['GET', '/containerdns/domain/www.containerdns.local'],
      ['DELETE', '/containerdns/domainL1/www.containerdns.local'],
      ['POST', '/containerdns/domainL1/www.containerdns.local'],
      ['GET', '/containerdns/master'],
      ['POST', '/containerdns/master'],
      ...['/kdns/view', '/kdns/allview'].flatMap((path) => [
        ['POST', path],
        ['DELETE', path],
      ]),
      ['POST', '/kdns/statistics/reset'],
      ['GET', '/kdns/statistics/port/get'],
      ['POST', '/kdns/statistics/port/reset'],
      ['POST', '/kdns/metrics/resetlocal'],
      ['GET', '/kdns/metrics/clientIp'],
      ['GET', '/kdns/forward/caches'],
    ] as [string, string][]
    for (const [method, path] of calls) {
      expect(await client.ask(method, path), `${method} ${path}`).toMatchObject({
        status: 501,
        text: expect.stringMatching(/^ERR, .+\n$/),
      })
    }
  })

  it('of KDNS add, show and remove records, with how to choose among them', async () => {
    const kdns = (method: string, path: string, body?: object) => client.ask(method, `/kdns${path}`, body)
    const record = {
      zoneName: 'containerdns.local',
      domainName: 'k.containerdns.local',
      type: 'A',
      host: '10.3.0.1',
      lbMode: 2,
      lbWeight: 3,
      maxAnswer: 1,
    }
    expect(await kdns('POST', '/domain', record)).toMatchObject({ status: 200, text: 'OK\n' })
    expect(
      await kdns('POST', '/alldomains', [
        { ...record, host: '10.3.0.2', lbWeight: 5 },
        { ...record, type: 'SRV', host: 't.example', port: 80 },
      ]),
    ).toMatchObject({ status: 200 })
    const [rrset] = await dns.records.get('k.containerdns.local', 'A')
    expect(rrset).toMatchObject({
      data: [
        { address: '10.3.0.1', weight: 3 },
        { address: '10.3.0.2', weight: 5 },
      ],
      selection: { policy: 'weighted', maxAnswers: 1 },
      ttl: 30,
    })
    const shown = await kdns('GET', '/perdomain/k.containerdns.local')
    expect(shown.body).toContainEqual({ ...record, viewName: 'no_info', ttl: 30 })
    expect((await kdns('GET', '/domain')).body).toEqual(expect.arrayContaining(shown.body))
    expect(await kdns('POST', '/domain', { ...record, host: 'nonsense' })).toMatchObject({
      status: 422,
      text: 'parse data err\n',
    })
    const wrong = [
      { ...record, host: '10.3.0.9' },
      { ...record, host: 'nonsense' },
    ]
    expect(await kdns('POST', '/alldomains', wrong)).toMatchObject({ status: 422 })
    expect((await dns.records.get('k.containerdns.local', 'A'))[0]!.data).toHaveLength(2)
    expect(await kdns('DELETE', '/domain', record)).toMatchObject({ status: 200 })
    expect((await dns.records.get('k.containerdns.local', 'A'))[0]!.data).toEqual([{ address: '10.3.0.2', weight: 5 }])
    expect(await kdns('GET', '/status')).toMatchObject({ text: 'running' })
    const perCore = dns.stats().threads.map(({ role, queries, responses, dropped }, thread) => ({
      ...{ slave_lcore: thread, role, pkts_rcv: queries, dns_pkts_rcv: queries, dns_pkts_snd: responses },
      pkt_dropped: dropped,
    }))
    expect(perCore.map(({ role }) => role)).toContain('dns')
    expect((await kdns('GET', '/statistics/percore/get')).body).toEqual(perCore)
    expect(await kdns('DELETE', '/forward/caches')).toMatchObject({ status: 200, text: 'OK\n' })
    const beforeMs = Date.now()
    await udp.ask('counted.containerdns.local')
    await eventually(async () => {
      const names = (await kdns('GET', '/metrics/domains')).body
      const found = names.find(({ Domain }: { Domain: string }) => Domain === 'counted.containerdns.local')
      expect(found).toMatchObject({ QueryNum: 1, LastQueryTime: found.FirstQueryTime })
      // In whole seconds.
      expect(Math.abs(found.FirstQueryTime / 1000 - beforeMs)).toBeLessThan(60_000)
    })
    expect((await kdns('GET', '/view')).body).toEqual([
      { viewName: 'office', cidrs: '10.0.0.0/8' },
      { viewName: 'office', cidrs: '2001:db8:1::/48' },
    ])
  })
})
