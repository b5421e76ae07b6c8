import type { ContainerDns } from 'containerdns'
import { createTestServer } from 'containerdns/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildQuery } from '../support/build-query.js'
import { makeCertificate } from '../support/certificates.js'
import { DohClient, getPath } from '../support/doh-client.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

const MANY = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
const ANSWER = { rcode: 'NOERROR', flags: 'QR AA RD', answer: ['a.example. 77 A 192.0.2.1'] }
const QUERY = buildQuery('a.example', 'A', { id: 0 })

let server: ContainerDns & { host: string; port: number }
let client: DohClient

beforeAll(async () => {
  const { cert, key } = makeCertificate()
  server = await createTestServer({
    listen: { port: 0, protocols: ['doh'], tls: { cert, key } },
    negativeTtl: 12,
    rrsets: [
      { name: 'a.example', type: 'A', ttl: 77, data: ['192.0.2.1'] },
      { name: 'alias.example', type: 'CNAME', ttl: 5, data: ['a.example'] },
      { name: 'zero.example', type: 'A', ttl: 0, data: ['192.0.2.2'] },
      { name: 'many.example', type: 'A', data: MANY },
    ],
  })
  client = await DohClient.open(server)
})

afterAll(async () => {
  await client[Symbol.asyncDispose]()
  await server.close()
})

describe('RFC 8484', () => {
  it('§4.1 GET and POST are answered alike, and HEAD without the body', async () => {
    const get = await client.request({ ':path': getPath(QUERY) })
    const post = await client.post(QUERY)
    const head = await client.request({ ':method': 'HEAD', ':path': getPath(QUERY) })
    for (const { body } of [get, post]) expectResponse(body, { ...ANSWER, id: 0 })
    expect(head.body).toHaveLength(0)
    for (const { status, headers, body } of [get, post, { ...head, body: get.body }]) {
      expect(status).toBe(200)
      expect(headers).toMatchObject({
        'content-type': 'application/dns-message',
        'content-length': String(body.length),
        'cache-control': 'max-age=77',
      })
    }
  })

  it('§4.1 the variable is found among others', async () => {
    const [path, variable] = getPath(QUERY).split('?')
    expect(await client.request({ ':path': `${path}?ct=x&${variable}&y` })).toMatchObject({ status: 200 })
  })

  it.each([
    ['no variable', '/dns-query', 400],
    ['another variable', '/dns-query?name=a.example', 400],
    ['nothing in it', '/dns-query?dns=', 400],
    ['padding', '/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB==', 400],
    ['base64 of the other kind', '/dns-query?dns=AAAB+AAA/AAAA', 400],
    ['a length that no bytes have', '/dns-query?dns=AAABA', 400],
    ['less than a header', '/dns-query?dns=AAAB', 400],
    ['more than any query', `/dns-query?dns=${'A'.repeat(10_000)}`, 414],
    ['another path', '/', 404],
    ['a longer path', '/dns-query/?dns=AAAB', 404],
  ])('§4.2.1 a GET with %s is refused', async (_, path, status) => {
    expect(await client.request({ ':path': path })).toMatchObject({ status })
  })

  it.each([
    ['another content type', { 'content-type': 'application/dns-json' }, QUERY, 415],
    ['no content type', { 'content-type': '' }, QUERY, 415],
    ['another path', { ':path': '/' }, QUERY, 404],
    ['nothing in it', {}, new Uint8Array(0), 400],
    ['less than a header', {}, QUERY.subarray(0, 11), 400],
    ['a response in it', {}, buildQuery('a.example', 'A', { flags: 0x8000 }), 400],
    ['64 KiB', {}, new Uint8Array(65_536), 413],
    ['another method', { ':method': 'PUT' }, QUERY, 405],
  ])('§4.2.1 a POST with %s is refused', async (_, headers, body, status) => {
    expect(await client.post(body, headers)).toMatchObject({ status })
  })

  it('§4.2.1 a method that is not known is refused with those that are', async () => {
    const { status, headers } = await client.request({ ':method': 'DELETE', ':path': getPath(QUERY) })
    expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: 'GET, HEAD, POST' })
  })

  it('§4.2.1 what DNS refuses is a success of HTTP', async () => {
    const nxdomain = await client.get('no.example')
    expect(nxdomain.status).toBe(200)
    expect(describeResponse(nxdomain.body).rcode).toBe('NXDOMAIN')
    const refused = await client.get('www.elsewhere.invalid')
    expect(refused.status).toBe(200)
    expect(describeResponse(refused.body).rcode).toBe('REFUSED')
  })

  it.each([
    ['the smallest TTL of the answers', 'alias.example', 'A', 5],
    ['a TTL of 0', 'zero.example', 'A', 0],
    ['what the SOA allows for no such data', 'a.example', 'AAAA', 12],
    ['what the SOA allows for no such name', 'no.example', 'A', 12],
    ['nothing for what was refused', 'www.elsewhere.invalid', 'A', 0],
  ])('§5.1 a response may be kept for %s', async (_, name, type, seconds) => {
    const { headers } = await client.get(name, type)
    expect(headers['cache-control']).toBe(`max-age=${seconds}`)
  })

  it('§5.2 requests go side by side in one session', async () => {
    const responses = await Promise.all(Array.from({ length: 300 }, () => client.get('a.example')))
    expect(responses.every(({ status }) => status === 200)).toBe(true)
  })

  it('§6 a response is never truncated for its size', async () => {
    const { body } = await client.get('many.example')
    const { answer, flags } = describeResponse(body)
    expect(answer).toHaveLength(1000)
    expect(flags).not.toContain('TC')
  })
})
