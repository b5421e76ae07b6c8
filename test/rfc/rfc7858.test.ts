import type { TLSSocket } from 'node:tls'
import type { ContainerDns } from 'containerdns'
import { createTestServer } from 'containerdns/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildQuery } from '../support/build-query.js'
import { makeCertificate, type TestCertificate } from '../support/certificates.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'
import { framed, TcpClient } from '../support/tcp-client.js'

const MANY = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
const ANSWER = { rcode: 'NOERROR', flags: 'QR AA RD', answer: ['a.example. 30 A 192.0.2.1'] }

let server: ContainerDns & { host: string; port: number }
let certificate: TestCertificate

beforeAll(async () => {
  certificate = makeCertificate()
  const { certFile, keyFile } = certificate
  server = await createTestServer({
    listen: { port: 0, protocols: ['dot'], tls: { cert: certFile, key: keyFile } },
    tcp: { idleTimeoutMs: 500 },
    rrsets: [
      { name: 'a.example', type: 'A', data: ['192.0.2.1'] },
      { name: 'many.example', type: 'A', data: MANY },
    ],
  })
})

afterAll(() => server.close())

describe('RFC 7858', () => {
  it('§3.1 DNS in the clear is not answered on the port', async () => {
    await using client = await TcpClient.open(server)
    client.socket.write(framed(buildQuery('a.example')))
    await client.untilEnded()
    expect(client.messages).toEqual([])
  })

  it('§3.2 a client can authenticate the server', async () => {
    await using client = await TcpClient.openTls(server, { ca: certificate.cert, rejectUnauthorized: true })
    expect((client.socket as TLSSocket).authorized).toBe(true)
    expectResponse(await client.ask('a.example'), ANSWER)
  })

  it('§3.3 messages stand behind their lengths, may be pipelined, and come whole whatever their size', async () => {
    await using client = await TcpClient.openTls(server)
    const ids = Array.from({ length: 200 }, (_, i) => i)
    client.socket.write(Buffer.concat(ids.map((id) => framed(buildQuery('a.example', 'A', { id })))))
    for (const id of ids) expectResponse(await client.next(), { ...ANSWER, id })
    expect(describeResponse(await client.ask('many.example')).answer).toHaveLength(1000)
  })

  it('§3.4 a connection that is idle is closed in order, and one that asks now and then is not', async () => {
    await using idle = await TcpClient.openTls(server)
    await using busy = await TcpClient.openTls(server)
    while (!idle.ended && !idle.closed) expectResponse(await busy.ask('a.example'), ANSWER)
    expect(idle.error).toBeUndefined()
    expectResponse(await busy.ask('a.example'), ANSWER)
  })
})
