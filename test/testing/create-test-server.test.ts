import type { RRset } from 'containerdns'
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

  it('refuses a record outside of its zones, and says which zones these are', async () => {
    const outside: RRset = { name: 'www.example.com', type: 'A', data: ['192.0.2.7'] }
    const zones = 'example, example.org, test'
    await expect(createTestServer({ rrsets: [outside] })).rejects.toMatchObject({
      code: 'CDNS_NAME_OUT_OF_ZONE',
      message: `memoryStore.rrsets[0]: www.example.com is in none of the zones that this server answers for: ${zones}`,
    })
    const many = Array.from({ length: 12 }, (_, i) => `z${i}.test`)
    await using server = await createTestServer({ zones: many })
    await expect(server.records.put(outside)).rejects.toMatchObject({
      code: 'CDNS_NAME_OUT_OF_ZONE',
      message: expect.stringMatching(/: z0\.test, .*, z9\.test and 2 more$/),
    })
  })

  it('takes records while it runs', async () => {
    await using server = await createTestServer()
    await using client = await UdpClient.open(server)
    await server.records.put({ name: 'later.example', type: 'AAAA', data: ['2001:db8::1'] })
    expect(dataOf(await client.ask('later.example', 'AAAA'))).toEqual(['2001:db8::1'])
  })
})
