import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { memoryStore } from 'containerdns'
import { startApi } from 'containerdns/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { ApiUnderTest } from './running-api.js'

let under: ApiUnderTest
beforeAll(async () => {
  under = await ApiUnderTest.start()
})
afterAll(() => under[Symbol.asyncDispose]())

const PATH = '/v1/zones/example/rrsets/a.example/A'
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const nestedObjects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`

/** What comes back for octets as they are, until the server ends the connection. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(under.api.port, '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.on('data', (bytes) => {
      answer += bytes
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

const head = (line: string, ...headers: string[]) =>
  [line, 'Host: 127.0.0.1', 'Authorization: Bearer root-secret', ...headers, '', ''].join('\r\n')

describe('a body that means harm', () => {
  it.each([
    ['arrays without end', nested(400_000)],
    ['data without end', `{"data":${nested(400_000)}}`],
    ['objects without end', nestedObjects(150_000)],
    ['a selection without end', `{"data":["192.0.2.1"],"selection":${nestedObjects(150_000)}}`],
    ['a fallback without end', `{"data":["192.0.2.1"],"fallback":[${nestedObjects(150_000)}]}`],
    ['a prototype', '{"data":["192.0.2.1"],"__proto__":{"polluted":1}}'],
    ['a constructor’s prototype', '{"data":["192.0.2.1"],"constructor":{"prototype":{"polluted":1}}}'],
    ['a prototype further down', '{"data":["192.0.2.1"],"selection":{"__proto__":{"polluted":1}}}'],
    ['numbers beyond all bounds', '{"data":[{"address":"192.0.2.1","weight":1e400}]}'],
    ['half a character as owner', '{"data":["192.0.2.1"],"owner":"\\ud800"}'],
    ['more than the limit', `{"data":["${'x'.repeat(2_000_000)}"]}`],
  ])('is refused, and nothing is changed by it: %s', async (_, body) => {
    for (const [method, path] of [
      ['PUT', PATH],
      ['PATCH', PATH],
      ['POST', '/v1/bulk'],
      ['POST', '/containerdns/api/a.example'],
      ['POST', '/kdns/domain'],
    ] as const) {
      const { status, text } = await under.client.ask(method, path, body)
      expect([400, 413, 422], `${method} ${path}: ${text.slice(0, 200)}`).toContain(status)
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(under.dns.stats().index.names).toBe(0)
  })

  it('ends a request that goes on for ever', async () => {
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`
    const answer = await raw(
      head(`PUT ${PATH} HTTP/1.1`, 'Content-Type: application/json', 'Transfer-Encoding: chunked') + chunk.repeat(40),
    )
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  })
})

describe('a path that leads elsewhere', () => {
  it.each([
    ['/v1/zones/example/rrsets/%ff.example/A', 400],
    ['/v1/zones/example/rrsets/%E0%A4%A.example/A', 400],
    ['/v1/zones/example/rrsets/%00.example/A', 422],
    ['/v1/zones/example/rrsets/a%0d%0aX:y.example/A', 422],
    ['/v1/zones/example/rrsets/%252e.example/A', 404],
    ['//v1/zones', 404],
    ['/v1//zones', 404],
    ['/V1/zones', 404],
    ['/v1/zones;x=1', 404],
    ['/ui/..%2f..%2fetc%2fpasswd', 404],
    ['/v1/rrsets?constructor=1', 400],
    ['/v1/rrsets?limit=1&limit=2', 400],
    [`/v1/rrsets?cursor=${'A'.repeat(5000)}`, 400],
    [`/v1/rrsets?cursor=${Buffer.from('a A').toString('base64url')}`, 400],
  ])('is a problem like others: %s', async (path, status) => {
    const answer = await raw(head(`GET ${path} HTTP/1.1`, 'Connection: close'))
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).toContain('application/problem+json')
    expect(answer).not.toMatch(/^X:y/m)
  })

  it('finds a name with a slash under that name, and no other', async () => {
    const path = '/v1/zones/example/rrsets/a%2fb.example/A'
    expect(await under.client.ask('PUT', path, { data: ['192.0.2.1'] })).toMatchObject({
      status: 201,
      body: { name: 'a/b.example' },
    })
    expect(await under.client.ask('DELETE', path)).toMatchObject({ status: 204 })
  })
})

describe('a request that is two, or none', () => {
  it.each([
    ['a length and chunks', head('POST /v1/bulk HTTP/1.1', 'Content-Length: 5', 'Transfer-Encoding: chunked'), 400],
    ['two lengths', head('POST /v1/bulk HTTP/1.1', 'Content-Length: 5', 'Content-Length: 6'), 400],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['a method of nobody', head('QUERY /v1/zones HTTP/1.1', 'Connection: close'), 400],
    ['TRACE', head('TRACE /v1/zones HTTP/1.1', 'Connection: close'), 404],
    ['two tokens', head('GET /v1/zones HTTP/1.1', 'Authorization: Bearer no', 'Connection: close'), 200],
  ])('is answered once: %s', async (_, text, status) => {
    const answer = await raw(text)
    expect(answer.match(/^HTTP\/1\.1 \d+/gm)).toEqual([`HTTP/1.1 ${status}`])
    if (status >= 400) expect(answer.toLowerCase()).toContain('application/problem+json')
  })
})

describe('a page of another web site', () => {
  it('can send nothing where there are no tokens, though it runs on this host', async () => {
    await using api = await startApi({
      ...{ store: memoryStore(), zones: ['example'], listen: { port: 0 } },
      reload: async () => ({ changed: [] }),
    })
    const status = (origin: string | undefined, host = `127.0.0.1:${api.port}`) =>
      new Promise((resolve, reject) => {
        const headers = { host, ...(origin === undefined ? {} : { origin }) }
        request({ port: api.port, method: 'POST', path: '/v1/reload', headers }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
          .on('error', reject)
          .end()
      })
    for (const origin of ['http://evil.example', 'null', `http://127.0.0.1:${api.port + 1}`, 'http://localhost']) {
      expect(await status(origin), origin).toBe(403)
    }
    expect(await status(`http://127.0.0.1:${api.port}`)).toBe(200)
    expect(await status(`http://localhost:${api.port}`, `localhost:${api.port}`)).toBe(200)
    expect(await status(undefined)).toBe(200)
  })
})

describe('more connections than the API takes', () => {
  it('are closed, and the others are answered', async () => {
    const told: string[] = []
    const noted = (_: object, message: string) => told.push(message)
    await using api = await startApi({
      ...{ store: memoryStore(), zones: ['example'], listen: { port: 0 } },
      logger: { debug() {}, info() {}, warn: noted, error() {} },
    })
    const sockets: Socket[] = []
    let closed = 0
    try {
      for (let i = 0; i < 1050; i++) {
        const socket = connect(api.port, '127.0.0.1')
        socket.on('error', () => {})
        socket.on('close', () => closed++)
        sockets.push(socket)
      }
      await eventually(() => expect(closed).toBeGreaterThan(0), 20_000)
      expect(told).toContain('the API turns connections away: it has as many as it takes')
    } finally {
      for (const socket of sockets) socket.destroy()
    }
    await eventually(async () => expect((await fetch(`${api.url}/health`)).status).toBe(200))
  })
})

describe('a client that keeps the API waiting', () => {
  it('is turned away after a while, and keeps nobody else waiting', { timeout: 60_000 }, async () => {
    const kinds = {
      silence: { first: '', more: '' },
      headers: { first: 'GET /v1/zones HTTP/1.1\r\n', more: 'X-More: 1\r\n' },
      body: {
        first: head('POST /v1/bulk HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 1000'),
        more: ' ',
      },
    }
    const answers = Promise.all(Object.values(kinds).map(({ first, more }) => trickle(under.api.port, first, more)))
    const others = { asked: 0, isOver: false }
    const asking = (async () => {
      while (!others.isOver) {
        expect((await under.client.ask('GET', '/v1/zones')).status).toBe(200)
        others.asked++
      }
    })()
    for (const answer of await answers) expect(answer).toMatch(/^HTTP\/1\.1 408 [\s\S]*application\/problem\+json/)
    others.isOver = true
    await asking
    expect(others.asked).toBeGreaterThan(100)
  })

  it('is one of a thousand connections without a request, and others find room', async () => {
    await using api = await startApi({ ...{ store: memoryStore(), zones: ['example'], listen: { port: 0 } } })
    const held: Socket[] = []
    try {
      let answered = 0
      for (let i = 0; i < 1000; i++) {
        const socket = connect(api.port, '127.0.0.1', () =>
          socket.write('GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
        )
        socket.on('error', () => {})
        socket.once('data', () => answered++)
        held.push(socket)
      }
      await eventually(() => expect(answered).toBeGreaterThan(900), 20_000)
      await eventually(async () => expect((await fetch(`${api.url}/health`)).status).toBe(200))
    } finally {
      for (const socket of held) socket.destroy()
    }
  })
})

/** Sends a little at a time, for as long as it may; what came back when the connection is over. */
function trickle(port: number, first: string, more: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(first))
    const timer = setInterval(() => more !== '' && socket.write(more), 500)
    let answer = ''
    socket.on('data', (bytes) => {
      answer += bytes
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearInterval(timer)
      resolve(answer)
    })
  })
}
