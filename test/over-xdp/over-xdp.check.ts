import { createContainerDns, memoryStore } from 'containerdns'
import { expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { dataOf, UdpClient } from '../support/udp-client.js'

it.each(['127.0.0.1', '::1'])('queries to %s go over AF_XDP here, without a word about it', async (host) => {
  const store = memoryStore({ rrsets: [{ name: 'www.example.org', type: 'A', data: ['192.0.2.7'] }] })
  await using server = await createContainerDns({ zones: ['example.org'], listen: { host, port: 0 }, store })
  await using client = await UdpClient.open(server.addresses[0]!)
  expect(dataOf(await client.ask('www.example.org'))).toEqual(['192.0.2.7'])
  await eventually(() => expect(server.stats().transport.xdp!.queues[0]).toMatchObject({ received: 1, sent: 1 }))
})
