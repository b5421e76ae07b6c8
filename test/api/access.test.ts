import { scryptSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createContainerDns, memoryStore } from 'containerdns'
import { containerDnsApi, startApi, type TokenOptions } from 'containerdns/api'
import Fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeOf } from '../contract/record-store.contract.js'
import { eventually } from '../support/eventually.js'
import { ApiClient, ApiUnderTest, TOKENS, token } from './running-api.js'

let under: ApiUnderTest
beforeAll(async () => {
  under = await ApiUnderTest.start({}, { queryToken: true })
})
afterAll(() => under[Symbol.asyncDispose]())

const METHODS = ['GET', 'PUT', 'PATCH', 'POST', 'DELETE']
const pathOf = (template: string) =>
  template
    .replace('{zone}', 'example')
    .replace('{address}', '192.0.2.1')
    .replace('{topN}', '3')
    .replace(/\{\w+\}/g, 'a.example')

describe('every method of every path', () => {
  it('is refused without a token, with one that nobody has, and with one that is not for it', async () => {
    const { client } = under
    const paths = Object.keys(client.document.paths)
    expect(paths.length).toBeGreaterThan(25)
    const wrong: string[] = []
    for (const path of paths) {
      for (const method of METHODS) {
        const operation = client.document.paths[path]![method.toLowerCase()]
        if (operation?.security.length === 0) continue
        const url = pathOf(path)
        const body = method === 'GET' ? undefined : {}
        for (const [as, status] of [
          ['', 401],
          ['stranger', 401],
          // A path that has no such method has nothing to be allowed for, and who it is, anybody may know who is known.
          ['nobody', operation === undefined ? 405 : path === '/v1/principal' ? 200 : 403],
        ] as const) {
          const answer = await client.ask(method, url, body, { as })
          if (answer.status !== status) wrong.push(`${method} ${path} as ${as || 'nobody known'}: ${answer.status}`)
          if (status === 401) expect(answer.headers.get('www-authenticate')).toBe('Bearer')
        }
        const byQuery = await client.ask(method, `${url}?token=stranger-secret`, body, { as: '' })
        if (byQuery.status !== 401) wrong.push(`${method} ${path}?token=: ${byQuery.status}`)
      }
    }
    expect(wrong).toEqual([])
    expect(under.dns.stats().index.names).toBe(0)
  })

  it('tells nobody without a token more by HEAD and OPTIONS than by GET', async () => {
    const { client } = under
    for (const [path, operations] of Object.entries(client.document.paths)) {
      const isOpen = operations['get']?.security.length === 0
      for (const method of ['HEAD', 'OPTIONS']) {
        for (const authorization of [undefined, 'Bearer stranger-secret', 'Basic cm9vdDpyb290']) {
          const headers = authorization === undefined ? {} : { authorization }
          const response = await fetch(client.url + pathOf(path), { method, headers })
          if (!isOpen) expect([401, 404, 405], `${method} ${path}`).toContain(response.status)
          expect(response.headers.get('access-control-allow-origin')).toBeNull()
        }
      }
    }
  })

  it('has a schema, a summary and its problems in the OpenAPI document', () => {
    const { client } = under
    expect(client.document).toMatchObject({ openapi: '3.1.0' })
    for (const { method, path, operation } of client.operations()) {
      expect(operation.summary, `${method} ${path}`).toEqual(expect.any(String))
      const statuses = Object.keys(operation.responses)
      expect(
        statuses.some((status) => /^(20\d|501)$/.test(status)),
        `${method} ${path}`,
      ).toBe(true)
      if (operation.security.length > 0) expect(statuses).toEqual(expect.arrayContaining(['4XX', '5XX']))
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const described = (operation.parameters ?? []).filter((each) => each.in === 'path').map(({ name }) => name)
      expect(described).toEqual(expect.arrayContaining(named))
    }
    const open = client.operations().filter(({ operation }) => operation.security.length === 0)
    expect(open.map(({ path }) => path)).toEqual(expect.arrayContaining(['/health', '/ready']))
    const files = ['/ui/', '/ui/app.css', '/ui/app.js', '/ui/icon.svg']
    expect(
      open
        .map(({ path }) => path)
        .filter((path) => !/^\/(health|ready)$/.test(path))
        .sort(),
    ).toEqual(files)
  })
})

describe('without tokens', () => {
  it('the API starts on loopback only, and there everybody may do everything', async () => {
    const store = memoryStore()
    for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
      expect(await codeOf(startApi({ store, listen: { host, port: 0 } }))).toBe('CDNS_API_UNPROTECTED')
    }
    await using api = await startApi({ store, zones: ['example'], listen: { port: 0 } })
    const client = await ApiClient.open(api.url)
    const put = await client.ask('PUT', '/v1/zones/example/rrsets/a.example/A', { data: ['192.0.2.1'] }, { as: '' })
    expect(put).toMatchObject({ status: 201 })
    expect(put.body).not.toHaveProperty('owner')
    const bulk = { changes: [{ action: 'put', rrset: { name: 'out.side', type: 'A', data: ['192.0.2.1'] } }] }
    const refused = await client.ask('POST', '/v1/bulk', bulk, { as: '' })
    expect(refused.body.errors).toMatchObject([{ index: 0, code: 'CDNS_NAME_OUT_OF_ZONE' }])
  })

  it('a web site whose name leads here is refused', async () => {
    await using api = await startApi({ store: memoryStore(), listen: { port: 0 } })
    const status = (host: string) =>
      new Promise((resolve, reject) => {
        request({ port: api.port, path: '/v1/zones', headers: { host } }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
          .on('error', reject)
          .end()
      })
    expect(await status('evil.example')).toBe(403)
    expect(await status(`localhost:${api.port}`)).toBe(200)
    expect(await status(`[::1]:${api.port}`)).toBe(200)
  })
})

describe('tokens', () => {
  it('are taken from the query only where that is switched on', async () => {
    expect(await under.client.ask('GET', '/v1/zones?token=reader-secret', undefined, { as: '' })).toMatchObject({
      status: 200,
    })
    await using other = await ApiUnderTest.start()
    expect(await other.client.ask('GET', '/v1/zones?token=reader-secret', undefined, { as: '' })).toMatchObject({
      status: 401,
    })
  })

  it('may be hashed with scrypt', async () => {
    const salt = Buffer.from('salt and pepper')
    const digest = scryptSync('tired-secret', salt, 32, { N: 1024, r: 8, p: 1 })
    const hash = `scrypt:1024:8:1:${salt.toString('base64')}:${digest.toString('base64')}`
    await using other = await ApiUnderTest.start(
      {},
      { tokens: [...TOKENS, { principal: 'tired', hash, verbs: ['read'] }] },
    )
    const ask = (as: string) => other.client.ask('GET', '/v1/zones', undefined, { as })
    expect(await ask('tired')).toMatchObject({ status: 200 })
    expect(await ask('tired')).toMatchObject({ status: 200 })
    expect(await ask('tyred')).toMatchObject({ status: 401 })
    expect(await ask('reader')).toMatchObject({ status: 200 })
  })

  it('are read again when their file changes, and stay when it is broken', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'containerdns-tokens-'))
    const file = join(folder, 'tokens.yaml')
    const yaml = (tokens: readonly TokenOptions[]) => `# who may\ntokens: ${JSON.stringify(tokens)}\n`
    try {
      await writeFile(file, yaml([token('one')]))
      await using api = await startApi({ store: memoryStore(), tokens: { file }, listen: { port: 0 } })
      const client = await ApiClient.open(api.url)
      const statusOf = async (as: string) => (await client.ask('GET', '/v1/zones', undefined, { as })).status
      expect([await statusOf('one'), await statusOf('another')]).toEqual([200, 401])
      await writeFile(file, yaml([token('another')]))
      await eventually(async () => expect([await statusOf('one'), await statusOf('another')]).toEqual([401, 200]))
      const told: string[] = []
      await using second = await startApi({
        ...{ store: memoryStore(), tokens: { file }, listen: { port: 0 } },
        logger: { debug() {}, info() {}, warn() {}, error: (_, message) => told.push(message) },
      })
      const other = await ApiClient.open(second.url)
      await writeFile(file, 'tokens: [nonsense')
      await eventually(() => expect(told).toEqual(['the file of tokens is broken, those before stay']))
      expect(await other.ask('GET', '/v1/zones', undefined, { as: 'another' })).toMatchObject({ status: 200 })
      await writeFile(file, yaml([token('fourth')]))
      await eventually(async () => expect(await statusOf('fourth')).toBe(200))
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it.each([
    ['a key twice', 'tokens: []\ntokens: []\n', 2],
    ['a key that nobody knows', '\ntoken: []\n', 2],
    ['a token that is none', `tokens:\n  - ${JSON.stringify(token('a'))}\n  - principal: b\n`, 3],
  ])('in a file are refused with the line of what is wrong: %s', async (_, text, line) => {
    const folder = await mkdtemp(join(tmpdir(), 'containerdns-tokens-'))
    try {
      const file = join(folder, 'tokens.yaml')
      await writeFile(file, text)
      const started = startApi({ store: memoryStore(), tokens: { file }, listen: { port: 0 } })
      await expect(started).rejects.toMatchObject({ code: 'CDNS_TOKENS_INVALID', details: { file, line } })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it.each([
    ['no array', {}],
    ['none', []],
    ['a key that nobody knows', [{ ...token('a'), zone: ['example'] }]],
    ['a hash that is none', [{ principal: 'a', hash: 'secret' }]],
    ['a verb that is none', [{ ...token('a'), verbs: ['reed'] }]],
    ['a zone that is no name', [{ ...token('a'), zones: ['a..b'] }]],
    ['the name of Kubernetes', [token('kubernetes')]],
    ['no principal', [{ ...token('a'), principal: '' }]],
    ['the hash of another', [token('a'), { ...token('b'), hash: token('a').hash.toUpperCase().replace('SHA', 'sha') }]],
  ])('are refused with %s, before anything listens', async (_, tokens) => {
    const started = startApi({ store: memoryStore(), tokens: tokens as TokenOptions[], listen: { port: 0 } })
    expect(['CDNS_TOKENS_INVALID', 'CDNS_OPTION_INVALID']).toContain(await codeOf(started))
  })
})

describe('the plugin', () => {
  it('is at home in an app of the host, below a prefix, and leaves the host’s own routes as they are', async () => {
    await using dns = await createContainerDns({ zones: ['example'], listen: { port: 0 }, workers: 1 })
    const app = Fastify()
    app.get('/mine', async () => ({ mine: true }))
    app.post('/text', async (request) => ({ got: request.body }))
    await app.register(containerDnsApi, { prefix: '/dns', server: dns, tokens: TOKENS })
    try {
      const asked = (url: string, headers = {}) => app.inject({ url, headers })
      expect((await asked('/mine')).json()).toEqual({ mine: true })
      const text = await app.inject({
        url: '/text',
        method: 'POST',
        payload: 'hello',
        headers: { 'content-type': 'text/plain' },
      })
      expect(text.json()).toEqual({ got: 'hello' })
      expect((await asked('/dns/v1/zones')).statusCode).toBe(401)
      const zones = await asked('/dns/v1/zones', { authorization: 'Bearer reader-secret' })
      expect(zones.json()).toEqual({ zones: [{ name: 'example' }] })
    } finally {
      await app.close()
    }
  })

  it('is not ready as soon as it is about to stop, and goes on answering while it drains', async () => {
    const other = await ApiUnderTest.start()
    expect(await other.client.ask('GET', '/ready', undefined, { as: '' })).toMatchObject({
      status: 200,
      body: { ready: true },
    })
    const closing = other.api.close({ drainMs: 4000 })
    expect(await other.client.ask('GET', '/ready', undefined, { as: '' })).toMatchObject({
      status: 503,
      body: { ready: false },
    })
    expect(await other.client.ask('GET', '/health', undefined, { as: '' })).toMatchObject({ status: 200 })
    expect(await other.client.ask('GET', '/v1/zones')).toMatchObject({ status: 200 })
    await closing
    await other.dns.close()
    await expect(fetch(`${other.api.url}/health`)).rejects.toThrow()
  })

  it('limits how often a client asks', async () => {
    await using other = await ApiUnderTest.start({}, { requestsPerSecond: 5 })
    const answers = await Promise.all(Array.from({ length: 30 }, () => other.client.ask('GET', '/v1/zones')))
    const limited = answers.filter(({ status }) => status === 429)
    expect(limited.length).toBeGreaterThan(0)
    expect(limited[0]!.body).toMatchObject({ code: 'CDNS_RATE_LIMITED', status: 429 })
    // Whoever tries tokens is no exception.
    const guesses = await Promise.all(
      Array.from({ length: 30 }, () => other.client.ask('GET', '/v1/zones', undefined, { as: 'stranger' })),
    )
    expect(guesses.map(({ status }) => status)).toContain(429)
  })

  it('tells what it has not: no server, no cache, no metrics', async () => {
    await using api = await startApi({ store: memoryStore(), zones: ['example'], tokens: TOKENS, listen: { port: 0 } })
    const client = await ApiClient.open(api.url)
    for (const path of ['/metrics', '/v1/top', '/containerdns/stats', '/kdns/statistics/get']) {
      expect(await client.ask('GET', path), path).toMatchObject({ status: 501 })
    }
    expect(await client.ask('DELETE', '/v1/cache')).toMatchObject({ status: 501 })
    expect(await client.ask('GET', '/v1/stats')).toMatchObject({ status: 200, body: { store: { kind: 'memory' } } })
    expect((await under.client.ask('GET', '/metrics')).text).toContain('# HELP')
    const { body } = await under.client.ask('GET', '/v1/top?limit=5')
    expect(body).toEqual({ names: expect.any(Array) })
    await using withMetrics = await ApiUnderTest.start({}, { metrics: () => 'up 1\n' })
    expect(await withMetrics.client.ask('GET', '/metrics')).toMatchObject({ status: 200, text: 'up 1\n' })
  })

  it('refuses options that cannot be', async () => {
    const store = memoryStore()
    const refusals: [object, string][] = [
      [{}, 'CDNS_OPTION_INVALID'],
      [{ store, server: under.dns }, 'CDNS_OPTION_INVALID'],
      [{ server: under.dns, zones: ['a'] }, 'CDNS_OPTION_INVALID'],
      [{ store, token: [] }, 'CDNS_OPTION_UNKNOWN'],
      [{ store, bulkLimit: 0 }, 'CDNS_OPTION_INVALID'],
      [{ store, listen: { host: 'localhost' } }, 'CDNS_OPTION_INVALID'],
      [{ store, listen: { port: under.api.port } }, 'CDNS_PORT_IN_USE'],
      [{ store, listen: { port: 0, tls: { cert: 'x' } } }, 'CDNS_CERTIFICATE_MISSING'],
    ]
    for (const [options, code] of refusals)
      expect(await codeOf(startApi(options)), JSON.stringify(Object.keys(options))).toBe(code)
  })
})
