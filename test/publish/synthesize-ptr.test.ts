import { createTestServer } from 'containerdns/testing'
import { expect, it } from 'vitest'

const ZONES = ['example', '2.0.192.in-addr.arpa']

it('PTR records come with the addresses of the store, where the server is told so, and are none of its records', async () => {
  const rrsets = [{ name: 'a.example', type: 'A' as const, data: ['192.0.2.1'] }]
  await using server = await createTestServer({ zones: ZONES, synthesizePtr: true, rrsets })
  const pointers = async () =>
    (await server.query('1.2.0.192.in-addr.arpa', 'PTR')).answer.map(({ data }) => data).sort()
  expect(await pointers()).toEqual(['a.example'])
  await server.records.put({ name: 'b.example', type: 'A', data: ['192.0.2.1'] })
  expect(await pointers()).toEqual(['a.example', 'b.example'])
  expect(await server.records.get('1.2.0.192.in-addr.arpa')).toEqual([])
  const listed = []
  for await (const { name } of server.records.list()) listed.push(name)
  expect(listed.sort()).toEqual(['a.example', 'b.example'])
  await server.records.put({ name: '1.2.0.192.in-addr.arpa', type: 'PTR', data: ['mine.example'] })
  expect(await pointers()).toEqual(['mine.example'])
  expect(await server.records.delete('1.2.0.192.in-addr.arpa')).toBe(true)
  expect(await server.records.delete('a.example')).toBe(true)
  expect(await pointers()).toEqual(['b.example'])
})

it('there are no such records unless asked for', async () => {
  const rrsets = [{ name: 'a.example', type: 'A' as const, data: ['192.0.2.1'] }]
  await using server = await createTestServer({ zones: ZONES, rrsets })
  expect((await server.query('1.2.0.192.in-addr.arpa', 'PTR')).rcode).toBe('NXDOMAIN')
})
