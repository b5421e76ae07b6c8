import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiClient, ApiUnderTest } from './running-api.js'

let under: ApiUnderTest
let client: ApiClient
beforeAll(async () => {
  under = await ApiUnderTest.start()
  client = under.client
})
afterAll(() => under[Symbol.asyncDispose]())

const get = (path: string, headers: Record<string, string> = {}) =>
  client.ask('GET', path, undefined, { as: '', headers })

describe('the files of the page', () => {
  it.each([
    ['/ui/', 'index.html', 'text/html; charset=utf-8'],
    ['/ui/app.js', 'app.js', 'text/javascript; charset=utf-8'],
    ['/ui/app.css', 'app.css', 'text/css; charset=utf-8'],
    ['/ui/icon.svg', 'icon.svg', 'image/svg+xml'],
  ])('are served without a token: %s', async (path, file, type) => {
    const { status, text, headers } = await get(path)
    const built = readFileSync(new URL(`../../dist/ui/${file}`, import.meta.url), 'utf8')
    expect([status, headers.get('content-type'), text === built]).toEqual([200, type, true])
    expect(headers.get('cache-control')).toBe('no-cache')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('are where whoever asks for the root is sent', async () => {
    const { status, headers } = await fetch(`${under.api.url}/`, { redirect: 'manual' })
    expect([status, headers.get('location')]).toEqual([302, 'ui/'])
  })

  it('forbid everything but their own scripts, styles and requests', async () => {
    const policy = (await get('/ui/')).headers.get('content-security-policy')!
    expect(policy).not.toMatch(/unsafe|https?:|\*|data:/)
    for (const rule of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]) {
      expect(policy).toContain(rule)
    }
    expect((await get('/ui/')).text).not.toMatch(
      /<style|<script(?! type="module" src="app.js">)| style=| on\w+=|https?:/,
    )
  })

  it('are sent again only when they have changed, packed or not', async () => {
    for (const encoding of ['gzip, br', 'identity', 'gzip;q=0']) {
      const first = await get('/ui/app.js', { 'accept-encoding': encoding })
      expect(first.headers.get('content-encoding')).toBe(encoding === 'gzip, br' ? 'gzip' : null)
      const again = await get('/ui/app.js', { 'accept-encoding': encoding, 'if-none-match': first.etag! })
      expect([again.status, again.text, again.etag]).toEqual([304, '', first.etag])
      const other = await get('/ui/app.js', { 'accept-encoding': encoding, 'if-none-match': '"other"' })
      expect(createHash('sha256').update(other.text).digest('hex')).toBe(
        createHash('sha256').update(first.text).digest('hex'),
      )
    }
  })

  it('are found without the last slash', async () => {
    const response = await fetch(`${client.url}/ui`)
    expect([response.url, response.status]).toEqual([`${client.url}/ui/`, 200])
  })

  it('are not there where nobody wants them', async () => {
    await using without = await ApiUnderTest.start({}, { ui: false })
    for (const path of ['/ui', '/ui/', '/ui/app.js']) {
      expect(await without.client.ask('GET', path, undefined, { as: '' })).toMatchObject({ status: 404 })
    }
  })
})

describe('GET /v1/principal', () => {
  it('says who a token belongs to, and what it is for', async () => {
    const who = async (as: string) => (await client.ask('GET', '/v1/principal', undefined, { as })).body
    expect(await who('bob')).toEqual({ name: 'bob', admin: false, verbs: ['read', 'write'], zones: ['team.example'] })
    expect(await who('reader')).toEqual({ name: 'reader', admin: false, verbs: ['read'] })
    expect(await who('root')).toEqual({
      ...{ name: 'root', admin: true, verbs: ['read', 'write', 'health', 'cache', 'stats'] },
    })
    expect(await who('nobody')).toEqual({ name: 'nobody', admin: false, verbs: [] })
    expect(await get('/v1/principal')).toMatchObject({ status: 401, body: { code: 'CDNS_UNAUTHENTICATED' } })
  })
})

describe('a search for a part of a name', () => {
  it('finds it in whatever case, page by page', async () => {
    const names = ['www-1.example', 'a.www-2.example', 'other.example', 'www-3.team.example']
    await under.dns.records.put(names.map((name) => ({ name, type: 'A', data: ['192.0.2.1'] })))
    const search = async (path: string) => {
      const { body } = await client.ask('GET', path)
      return [(body.rrsets as { name: string }[]).map(({ name }) => name), body.cursor]
    }
    expect(await search('/v1/rrsets?contains=WWW-')).toEqual([
      ['a.www-2.example', 'www-1.example', 'www-3.team.example'],
      undefined,
    ])
    const [first, cursor] = await search('/v1/rrsets?contains=www-&limit=2')
    expect(first).toEqual(['a.www-2.example', 'www-1.example'])
    expect(await search(`/v1/rrsets?contains=www-&limit=2&cursor=${cursor}`)).toEqual([
      ['www-3.team.example'],
      undefined,
    ])
    expect(await search('/v1/zones/team.example/rrsets?contains=www')).toEqual([['www-3.team.example'], undefined])
    expect(await search('/v1/rrsets?contains=%2A')).toEqual([[], undefined])
  })
})
