import { createTestServer } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { dataOf, UdpClient } from '../support/udp-client.js'

describe('createTestServer', () => {
  it('answers the records given, on a port of its own', async () => {
    await using server = await createTestServer({ rrsets: [{ name: 'db.test', type: 'A', data: ['192.0.2.7'] }] })
    await using client = await UdpClient.open(server)
    expect(dataOf(await client.ask('db.test'))).toEqual(['192.0.2.7'])
    expect(await client.ask('other.test')).toMatchObject({ rcode: 'NXDOMAIN' })
  })

  it('can be there many times at once', async () => {
    const servers = await Promise.all(Array.from({ length: 5 }, () => createTestServer()))
    expect(new Set(servers.map(({ port }) => port)).size).toBe(5)
    await Promise.all(servers.map((server) => server.close()))
  })

  it('takes records while it runs', async () => {
    await using server = await createTestServer()
    await using client = await UdpClient.open(server)
    await server.records.put({ name: 'later.example', type: 'AAAA', data: ['2001:db8::1'] })
    expect(dataOf(await client.ask('later.example', 'AAAA'))).toEqual(['2001:db8::1'])
  })
})
