import type { ContainerDns } from 'containerdns'
import { createTestServer } from 'containerdns/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildQuery } from '../support/build-query.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'
import { framed, TcpClient } from '../support/tcp-client.js'
import { UdpClient } from '../support/udp-client.js'

const MANY = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
const ANSWER = { rcode: 'NOERROR', flags: 'QR AA RD', answer: ['a.example. 30 A 192.0.2.1'] }

let server: ContainerDns & { host: string; port: number }

beforeAll(async () => {
  server = await createTestServer({
    tcp: { idleTimeoutMs: 500 },
    rrsets: [
      { name: 'a.example', type: 'A', data: ['192.0.2.1'] },
      { name: 'many.example', type: 'A', data: MANY },
    ],
  })
})

afterAll(() => server.close())

describe('RFC 7766', () => {
  it('§5 TCP is answered as UDP is, and without being asked over UDP first', async () => {
    await using client = await TcpClient.open(server)
    expectResponse(await client.ask('a.example'), ANSWER)
    const { answer: authority } = describeResponse(await client.ask('example', 'SOA'))
    expectResponse(await client.ask('no.example'), { rcode: 'NXDOMAIN', flags: 'QR AA RD', authority })
  })

  it('§5 a response that UDP cuts comes whole over TCP', async () => {
    await using udp = await UdpClient.open(server)
    expect(await udp.ask('many.example')).toMatchObject({ flag_tc: true, answers: [] })
    await using client = await TcpClient.open(server)
    expectResponse(await client.ask('many.example'), {
      ...ANSWER,
      answer: MANY.map((address) => `many.example. 30 A ${address}`),
    })
  })

  it('§6.2.1 a connection serves many queries, one after the other', async () => {
    await using client = await TcpClient.open(server)
    for (let i = 0; i < 10; i++) expectResponse(await client.ask('a.example'), ANSWER)
  })

  it('§6.2.1.1 queries may be pipelined; the id tells their responses apart', async () => {
    await using client = await TcpClient.open(server)
    const ids = Array.from({ length: 200 }, (_, i) => i)
    client.socket.write(Buffer.concat(ids.map((id) => framed(buildQuery('a.example', 'A', { id })))))
    for (const id of ids) expectResponse(await client.next(), { ...ANSWER, id })
  })

  it('§6.2.3 a connection that is idle is closed, and one that asks now and then is not', async () => {
    await using idle = await TcpClient.open(server)
    await using busy = await TcpClient.open(server)
    const startedAt = performance.now()
    while (!idle.ended) expectResponse(await busy.ask('a.example'), ANSWER)
    expect(performance.now() - startedAt).toBeGreaterThan(400)
    expectResponse(await busy.ask('a.example'), ANSWER)
  })

  it('§6.2.4 a client that has ended its side still gets its responses', async () => {
    await using client = await TcpClient.open(server)
    client.socket.end(framed(buildQuery('many.example')))
    expect(describeResponse(await client.next()).answer).toHaveLength(1000)
    await client.untilEnded()
    expect(client.error).toBeUndefined()
  })

  it('§8 length and message may come in one segment or in any number of them', async () => {
    await using client = await TcpClient.open(server)
    const query = framed(buildQuery('a.example'))
    for (const at of [1, 2, 3, query.length - 1]) {
      client.socket.write(query.subarray(0, at))
      await new Promise((resolve) => setImmediate(resolve))
      client.socket.write(query.subarray(at))
      expectResponse(await client.next(), ANSWER)
    }
  })

  it('§8 a message has up to 65535 octets', async () => {
    const txt = Array.from({ length: 3800 }, (_, i) => String(i).padStart(4, '0'))
    await server.records.put({ name: 'large.example', type: 'TXT', data: txt })
    await using client = await TcpClient.open(server)
    const response = await client.ask('large.example', 'TXT')
    expect(response.length).toBeGreaterThan(64_000)
    expect(describeResponse(response).answer).toHaveLength(3800)
  })
})
