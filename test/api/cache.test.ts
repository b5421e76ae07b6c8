import { startTestUpstream } from 'containerdns/testing'
import { expect, it } from 'vitest'
import { dataOf, UdpClient } from '../support/udp-client.js'
import { ApiUnderTest } from './running-api.js'

it('DELETE /v1/cache makes a server ask its upstream again, for one name or for all', async () => {
  await using upstream = await startTestUpstream({
    rrsets: [
      { name: 'one.example.net', type: 'A', ttl: 300, data: ['192.0.2.1'] },
      { name: 'two.example.net', type: 'A', ttl: 300, data: ['192.0.2.2'] },
    ],
  })
  await using under = await ApiUnderTest.start({ forward: { upstreams: [`${upstream.host}:${upstream.port}`] } })
  await using udp = await UdpClient.open(under.dns.addresses[0]!)
  udp.isRecursionDesired = true
  const ask = async (name: string) => dataOf(await udp.ask(name))
  const asked = (name: string) => upstream.count(name)
  for (let i = 0; i < 3; i++) {
    expect(await ask('one.example.net')).toEqual(['192.0.2.1'])
    expect(await ask('two.example.net')).toEqual(['192.0.2.2'])
  }
  expect([asked('one.example.net'), asked('two.example.net')]).toEqual([1, 1])
  const { client } = under
  expect(await client.ask('DELETE', '/v1/cache?name=one.example.net')).toMatchObject({
    status: 200,
    body: { flushed: 1 },
  })
  await ask('one.example.net')
  await ask('two.example.net')
  expect([asked('one.example.net'), asked('two.example.net')]).toEqual([2, 1])
  expect((await client.ask('DELETE', '/v1/cache')).body.flushed).toBeGreaterThanOrEqual(2)
  await ask('two.example.net')
  expect(asked('two.example.net')).toBe(2)
  expect(await client.ask('DELETE', '/v1/cache', undefined, { as: 'alice' })).toMatchObject({ status: 403 })
})
