import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AuditEntry } from '../../lib/api/audit.js'
import { type ApiClient, ApiUnderTest } from './running-api.js'

const audit: AuditEntry[] = []
let under: ApiUnderTest
let client: ApiClient
beforeAll(async () => {
  under = await ApiUnderTest.start({}, { onAudit: (entry) => audit.push(entry), bulkLimit: 50 })
  client = under.client
})
afterAll(() => under[Symbol.asyncDispose]())
beforeEach(async () => {
  for await (const { name, view } of under.dns.records.list()) {
    await under.dns.records.delete(name, undefined, view === undefined ? {} : { view })
  }
  audit.length = 0
})

const at = (name: string, type = 'A', zone = 'example') => `/v1/zones/${zone}/rrsets/${name}/${type}`

describe('an RRset', () => {
  it('is created, read, replaced and removed at its URL, and each is answered in DNS at once', async () => {
    const created = await client.ask('PUT', at('www.example'), { data: ['192.0.2.1'] }, { as: 'alice' })
    expect(created).toMatchObject({ status: 201 })
    const state = { name: 'www.example', type: 'A', ttl: 30, data: ['192.0.2.1'], owner: 'alice' }
    expect(created.body).toEqual(state)
    expect((await under.dns.query('www.example', 'A')).answer).toMatchObject([{ data: '192.0.2.1' }])
    const read = await client.ask('GET', at('WWW.Example.', 'a'), undefined, { as: 'reader' })
    expect(read).toMatchObject({ status: 200, etag: created.etag, body: state })
    const known = { headers: { 'if-none-match': read.etag! } }
    expect(await client.ask('GET', at('www.example'), undefined, known)).toMatchObject({ status: 304, text: '' })
    const replaced = await client.ask('PUT', at('www.example'), { ttl: 5, data: ['192.0.2.2'] }, { as: 'alice' })
    expect(replaced).toMatchObject({ status: 200, body: { ...state, ttl: 5, data: ['192.0.2.2'] } })
    expect(await client.ask('DELETE', at('www.example'), undefined, { as: 'alice' })).toMatchObject({ status: 204 })
    expect((await under.dns.query('www.example', 'A')).rcode).toBe('NXDOMAIN')
    expect(await client.ask('GET', at('www.example'))).toMatchObject({ status: 404, body: { code: 'CDNS_NOT_FOUND' } })
    expect(await client.ask('DELETE', at('www.example'))).toMatchObject({ status: 404 })
  })

  it('is changed only in the state that If-Match names, and created only where If-None-Match finds none', async () => {
    const first = await client.ask(
      'PUT',
      at('www.example'),
      { data: ['192.0.2.1'] },
      { headers: { 'if-none-match': '*' } },
    )
    expect(first.status).toBe(201)
    const change = { ttl: 7, data: ['192.0.2.9'] }
    for (const headers of [{ 'if-none-match': '*' }, { 'if-match': '"other"' }, { 'if-none-match': first.etag! }]) {
      const refused = await client.ask('PUT', at('www.example'), change, { headers })
      expect(refused).toMatchObject({ status: 412, body: { code: 'CDNS_PRECONDITION_FAILED' } })
    }
    const headers = { 'if-match': `"other", ${first.etag}` }
    expect(await client.ask('PUT', at('www.example'), change, { headers })).toMatchObject({ status: 200 })
    expect(await client.ask('DELETE', at('www.example'), undefined, { headers })).toMatchObject({ status: 412 })
    const missing = { headers: { 'if-match': '*' } }
    expect(await client.ask('PUT', at('none.example'), change, missing)).toMatchObject({ status: 412 })
  })

  it('has one ETag for one state, whatever order and spelling it was put in', async () => {
    const put = (name: string, data: unknown[]) => client.ask('PUT', at('a.example', 'AAAA'), { name, data })
    const first = await put('a.example', ['2001:db8::1', '2001:db8::2'])
    const second = await put('A.example', ['2001:DB8:0::2', '2001:db8::1', '2001:db8::1'])
    expect(second.etag).toBe(first.etag)
    expect((await put('a.example', ['2001:db8::1'])).etag).not.toBe(first.etag)
  })

  it('takes data piece by piece, and goes with the last of them', async () => {
    const patch = (body: object) => client.ask('PATCH', at('www.example'), body, { as: 'alice' })
    expect(await patch({ remove: ['192.0.2.1'] })).toMatchObject({ status: 404 })
    expect(await patch({ add: ['192.0.2.1'] })).toMatchObject({ status: 201 })
    expect(await patch({ add: ['192.0.2.2', { address: '192.0.2.1', weight: 3 }], ttl: 9 })).toMatchObject({
      status: 200,
      body: {
        ttl: 9,
        data: [
          { address: '192.0.2.1', weight: 3 },
          { address: '192.0.2.2', weight: 1 },
        ],
      },
    })
    expect((await patch({ selection: { policy: 'weighted' } })).body).toMatchObject({
      selection: { policy: 'weighted' },
    })
    expect((await patch({ selection: null })).body).not.toHaveProperty('selection')
    expect((await patch({ remove: ['192.0.2.1'] })).body).toMatchObject({ data: ['192.0.2.2'], ttl: 9 })
    expect(await patch({ remove: ['192.0.2.2'] })).toMatchObject({ status: 204 })
  })

  it('of a view stands beside that of the others', async () => {
    await client.ask('PUT', at('www.example'), { data: ['192.0.2.1'] })
    await client.ask('PUT', `${at('www.example')}?view=office`, { data: ['192.0.2.2'] })
    const read = (query: string) => client.ask('GET', `/v1/zones/example/rrsets/www.example${query}`)
    expect((await read('')).body.rrsets).toMatchObject([{ data: ['192.0.2.1'] }])
    expect((await read('?view=office')).body.rrsets).toMatchObject([{ data: ['192.0.2.2'], view: 'office' }])
    expect(await read('?view=other')).toMatchObject({ status: 404, body: { code: 'CDNS_VIEW_UNKNOWN' } })
    const removed = await client.ask('DELETE', '/v1/zones/example/rrsets/www.example?view=office')
    expect(removed.status).toBe(204)
    expect((await read('')).body.rrsets).toHaveLength(1)
  })

  it.each([
    ['an address that is none', at('a.example'), { data: ['192.0.2.300'] }, 422, 'CDNS_ADDRESS_INVALID'],
    ['a type that is none', at('a.example', 'BOGUS'), { data: ['x'] }, 422, 'CDNS_TYPE_UNSUPPORTED'],
    ['a name that is none', at('a..example'), { data: ['192.0.2.1'] }, 422, 'CDNS_NAME_INVALID'],
    ['a name of another zone', at('a.team.example'), { data: ['192.0.2.1'] }, 404, 'CDNS_NOT_FOUND'],
    ['a zone that is not here', at('a.other', 'A', 'other'), { data: ['192.0.2.1'] }, 404, 'CDNS_NOT_FOUND'],
    [
      'a body of another name',
      at('a.example'),
      { name: 'b.example', data: ['192.0.2.1'] },
      400,
      'CDNS_REQUEST_INVALID',
    ],
    ['a field that nobody knows', at('a.example'), { data: ['192.0.2.1'], tll: 3 }, 400, 'CDNS_REQUEST_INVALID'],
    ['a TTL as text', at('a.example'), { data: ['192.0.2.1'], ttl: '3' }, 400, 'CDNS_REQUEST_INVALID'],
    ['no data', at('a.example'), {}, 400, 'CDNS_REQUEST_INVALID'],
    ['JSON that is none', at('a.example'), '{"data":', 400, 'CDNS_REQUEST_INVALID'],
    ['a CNAME at the apex', at('example', 'CNAME'), { data: ['b.example'] }, 409, 'CDNS_CNAME_CONFLICT'],
    [
      'an owner that only Kubernetes can be',
      at('a.example'),
      { data: ['192.0.2.1'], owner: 'kubernetes' },
      403,
      'CDNS_FORBIDDEN',
    ],
  ])('is refused with %s', async (_, path, body, status, code) => {
    const answer = await client.ask('PUT', path, body)
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(answer).toMatchObject({ status, body: { status, code, type: `urn:containerdns:${code}` } })
    expect(under.dns.stats().index.names).toBe(0)
  })

  it('is no place for other media, nor for more than the limit', async () => {
    const headers = { 'content-type': 'text/plain' }
    expect(await client.ask('PUT', at('a.example'), '{"data":["192.0.2.1"]}', { headers })).toMatchObject({
      status: 415,
    })
    const huge = { data: ['192.0.2.1'], owner: 'x'.repeat(2_000_000) }
    expect(await client.ask('PUT', at('a.example'), huge)).toMatchObject({ status: 413 })
  })
})

describe('owners', () => {
  it('keep their records from all but admins, who may give them away', async () => {
    await client.ask('PUT', at('a.team.example', 'A', 'team.example'), { data: ['192.0.2.1'] }, { as: 'alice' })
    const url = at('a.team.example', 'A', 'team.example')
    const changes: [string, object?][] = [
      ['PUT', { data: ['192.0.2.2'] }],
      ['PATCH', { add: ['192.0.2.2'] }],
      ['DELETE'],
    ]
    for (const [method, body] of changes) {
      expect(await client.ask(method, url, body, { as: 'bob' })).toMatchObject({
        status: 403,
        body: { code: 'CDNS_FORBIDDEN' },
      })
    }
    expect(await client.ask('PATCH', url, { owner: 'bob' }, { as: 'alice' })).toMatchObject({ status: 403 })
    expect(await client.ask('PUT', url, { ttl: 3, data: ['192.0.2.1'] })).toMatchObject({ body: { owner: 'alice' } })
    expect(await client.ask('PATCH', url, { owner: 'bob' })).toMatchObject({ status: 200, body: { owner: 'bob' } })
    expect(await client.ask('DELETE', url, undefined, { as: 'alice' })).toMatchObject({ status: 403 })
    expect(await client.ask('DELETE', url, undefined, { as: 'bob' })).toMatchObject({ status: 204 })
  })

  it('are none of those that a program has put: admins alone change them, and nobody those of Kubernetes', async () => {
    await under.dns.records.put([
      { name: 'a.example', type: 'A', data: ['192.0.2.1'] },
      { name: 'b.example', type: 'A', data: ['192.0.2.1'], owner: 'kubernetes' },
    ])
    const change = { data: ['192.0.2.2'] }
    expect(await client.ask('PUT', at('a.example'), change, { as: 'alice' })).toMatchObject({ status: 403 })
    expect(await client.ask('PUT', at('a.example'), change)).toMatchObject({ status: 200 })
    for (const as of ['alice', 'root']) {
      const refused = await client.ask('DELETE', '/v1/zones/example/rrsets/b.example', undefined, { as })
      expect(refused).toMatchObject({ status: 403, body: { code: 'CDNS_RECORD_READ_ONLY' } })
    }
  })

  it('see and change only what is in the zones of their token', async () => {
    const url = at('www.example')
    expect(await client.ask('PUT', url, { data: ['192.0.2.1'] }, { as: 'bob' })).toMatchObject({ status: 403 })
    await client.ask('PUT', url, { data: ['192.0.2.1'] })
    await client.ask('PUT', at('a.team.example', 'A', 'team.example'), { data: ['192.0.2.1'] }, { as: 'bob' })
    expect(await client.ask('GET', url, undefined, { as: 'bob' })).toMatchObject({ status: 403 })
    const listed = await client.ask('GET', '/v1/rrsets', undefined, { as: 'bob' })
    expect(listed.body.rrsets.map(({ name }: { name: string }) => name)).toEqual(['a.team.example'])
    expect((await client.ask('GET', '/v1/zones', undefined, { as: 'bob' })).body).toEqual({
      zones: [{ name: 'team.example' }],
    })
    expect((await client.ask('GET', '/v1/zones')).body.zones).toHaveLength(2)
    const bulk = { changes: [{ action: 'put', rrset: { name: 'b.example', type: 'A', data: ['192.0.2.1'] } }] }
    expect(await client.ask('POST', '/v1/bulk', bulk, { as: 'bob' })).toMatchObject({ status: 422 })
  })
})

describe('lists', () => {
  it('come in pages in the order of names, each once though others change meanwhile', async () => {
    const names = Array.from({ length: 57 }, (_, i) => `n${String(i).padStart(2, '0')}.example`)
    await under.dns.records.put(names.map((name) => ({ name, type: 'A', data: ['192.0.2.1'] })))
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const query = cursor === undefined ? '' : `&cursor=${cursor}`
      const { body } = await client.ask('GET', `/v1/zones/example/rrsets?limit=10&type=A${query}`)
      expect(body.rrsets.length).toBeLessThanOrEqual(10)
      seen.push(...body.rrsets.map(({ name }: { name: string }) => name))
      cursor = body.cursor
      await under.dns.records.put({ name: `z${seen.length}.example`, type: 'TXT', data: ['new'] })
      await under.dns.records.delete(seen[0]!)
    } while (cursor !== undefined)
    expect(seen).toEqual(names)
    expect(await client.ask('GET', '/v1/rrsets?cursor=nonsense')).toMatchObject({ status: 400 })
    expect(await client.ask('GET', '/v1/rrsets?limit=0')).toMatchObject({ status: 400 })
    expect((await client.ask('GET', '/v1/rrsets?under=n07.example')).body.rrsets).toHaveLength(1)
  })
})

describe('bulk', () => {
  const put = (name: string, ...data: string[]) => ({ action: 'put', rrset: { name, type: 'A', data } })

  it('makes all changes, those of a name in one step and in their order, and says which', async () => {
    await client.ask('PUT', at('gone.example'), { data: ['192.0.2.1'] }, { as: 'alice' })
    const changes = [
      put('a.example', '192.0.2.1'),
      { action: 'delete', name: 'gone.example' },
      put('b.example', '192.0.2.2'),
      put('A.example.', '192.0.2.3'),
      { action: 'put', rrset: { name: 'a.example', type: 'TXT', data: ['t'], view: 'office' } },
    ]
    const answer = await client.ask('POST', '/v1/bulk', { changes }, { as: 'alice' })
    expect(answer).toMatchObject({ status: 200 })
    expect(answer.body.results).toEqual([
      { name: 'a.example', changes: [0, 3], status: 'done' },
      { name: 'gone.example', changes: [1], status: 'done' },
      { name: 'b.example', changes: [2], status: 'done' },
      { name: 'a.example', view: 'office', changes: [4], status: 'done' },
    ])
    expect(await under.dns.records.get('a.example')).toMatchObject([{ data: ['192.0.2.3'], owner: 'alice' }])
    expect(await under.dns.records.get('gone.example')).toEqual([])
  })

  it('makes none when one is wrong, and says what is wrong with each', async () => {
    await client.ask('PUT', at('mine.example'), { data: ['192.0.2.1'] }, { as: 'root' })
    const changes = [
      put('good.example', '192.0.2.1'),
      put('bad.example', '192.0.2.300'),
      put('mine.example', '192.0.2.2'),
      { ...put('good.example', '192.0.2.4'), ifMatch: '"stale"' },
      { action: 'put', rrset: { name: 'out.side', type: 'A', data: ['192.0.2.1'] } },
    ]
    const answer = await client.ask('POST', '/v1/bulk', { changes }, { as: 'alice' })
    expect(answer).toMatchObject({ status: 422, body: { code: 'CDNS_BULK_REFUSED' } })
    expect(answer.body.errors.map(({ index, code }: { index: number; code: string }) => [index, code]).sort()).toEqual([
      [1, 'CDNS_ADDRESS_INVALID'],
      [2, 'CDNS_FORBIDDEN'],
      [3, 'CDNS_PRECONDITION_FAILED'],
      [4, 'CDNS_NAME_OUT_OF_ZONE'],
    ])
    expect(under.dns.stats().index.names).toBe(1)
    const tooMany = { changes: Array.from({ length: 51 }, (_, i) => put(`n${i}.example`, '192.0.2.1')) }
    expect(await client.ask('POST', '/v1/bulk', tooMany)).toMatchObject({ status: 400 })
  })
})

describe('the audit', () => {
  it('has a line for each change, with what was there, and none for what was refused or changed nothing', async () => {
    await client.ask('PUT', at('a.example'), { data: ['192.0.2.1'] }, { as: 'alice' })
    await client.ask('PUT', at('a.example'), { data: ['192.0.2.1'] }, { as: 'bob' })
    await client.ask('PATCH', at('a.example'), { add: ['192.0.2.2'] }, { as: 'alice' })
    await client.ask('DELETE', '/v1/zones/example/rrsets/a.example', undefined, { as: 'root' })
    await client.ask('PUT', '/v1/health/192.0.2.1', { state: 'unhealthy' })
    const told = audit.map(({ principal, action, name, type }) => ({ principal, action, name, type }))
    const what = { name: 'a.example', type: 'A' }
    expect(told).toEqual([
      { principal: 'alice', action: 'put', ...what },
      { principal: 'alice', action: 'put', ...what },
      { principal: 'root', action: 'delete', ...what },
      { principal: 'root', action: 'health', name: '192.0.2.1', type: undefined },
    ])
    expect(audit[1]).toMatchObject({
      client: '127.0.0.1',
      before: { data: ['192.0.2.1'] },
      after: { data: ['192.0.2.1', '192.0.2.2'] },
    })
    expect(audit[1]!.at).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
  })
})

describe('health', () => {
  it('of an address is read and set', async () => {
    const url = '/v1/health/2001:DB8::1'
    expect((await client.ask('GET', url)).body).toEqual({ address: '2001:db8::1', state: 'unknown' })
    expect((await client.ask('PUT', url, { state: 'unhealthy' })).body).toEqual({
      address: '2001:db8::1',
      state: 'unhealthy',
    })
    expect((await client.ask('GET', '/v1/health')).body.addresses).toContainEqual({
      ...{ address: '2001:db8::1', state: 'unhealthy', source: 'program' },
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    })
    expect(under.dns.health.status('2001:db8::1')).toBe('unhealthy')
    expect(await client.ask('PUT', '/v1/health/nonsense', { state: 'healthy' })).toMatchObject({ status: 422 })
    expect(await client.ask('PUT', url, { state: 'fine' })).toMatchObject({ status: 400 })
    expect(await client.ask('PUT', url, { state: 'healthy' }, { as: 'alice' })).toMatchObject({ status: 403 })
  })

  it('of an address has a history, the last change at the end', async () => {
    const url = '/v1/health/192.0.2.99/history'
    expect((await client.ask('GET', url)).body).toEqual({ address: '192.0.2.99', changes: [] })
    for (let i = 0; i < 12; i++) {
      under.dns.health.set('192.0.2.99', 'unhealthy')
      under.dns.health.set('192.0.2.99', 'healthy')
    }
    const { body } = await client.ask('GET', '/v1/health/::ffff:192.0.2.99/history')
    expect(body.changes).toEqual([])
    const { changes } = (await client.ask('GET', url)).body
    expect(changes).toHaveLength(20)
    expect(changes.at(-1)).toEqual({
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      state: 'healthy',
      previous: 'unhealthy',
      source: 'program',
    })
    under.dns.health.set('192.0.2.99', 'unknown')
    expect((await client.ask('GET', url, undefined, { as: 'reader' })).status).toBe(200)
    expect((await client.ask('GET', url, undefined, { as: 'nobody' })).status).toBe(403)
    expect((await client.ask('GET', '/v1/health/nonsense/history')).status).toBe(422)
  })
})
