import { readdirSync } from 'node:fs'
import { startTestUpstream } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { buildQuery } from '../support/build-query.js'
import { eventually } from '../support/eventually.js'
import { readMessage } from '../support/read-message.js'
import { framed, TcpClient } from '../support/tcp-client.js'
import { UdpAsker } from '../support/udp-asker.js'
import { always, askedOf, Forwarding } from './forwarding.js'

const SERVFAIL = 2
const HELD = 200
/** Longer than a test may take: what ends before has been ended. */
const LONG = { tryTimeoutMs: 5_000, timeoutMs: 30_000 }

describe.each(['batch', 'dgram'] as const)(
  'a server that is closed over %s, with queries at a silent upstream,',
  (transport) => {
    it('tells each of those who wait that there is no answer, over UDP, TCP and in its own process', async () => {
      await using upstream = await startTestUpstream()
      upstream.fault('drop')
      await using server = await Forwarding.start([upstream], LONG, { transport })
      await using client = await UdpAsker.open(server.place)
      await using overTcp = await TcpClient.open(server.place)
      const waiting = Array.from({ length: HELD }, (_, i) => client.ask(buildQuery(`n${i}.example.org`)))
      const own = server.dns.query('own.example.org', 'A')
      overTcp.socket.write(framed(buildQuery('tcp.example.org')))
      await eventually(() => {
        const { counters, forward } = server.dns.stats()
        expect(counters.tcpQueries).toBe(1)
        // The test for a loop may be among them.
        expect(forward!.inFlight.queries).toBeGreaterThanOrEqual(HELD + 2)
      })
      await server.dns.close()
      const responses = await Promise.all(waiting)
      expect(responses.map((bytes) => readMessage(bytes).rcode)).toEqual(Array(HELD).fill(SERVFAIL))
      expect((await own).rcode).toBe('SERVFAIL')
      expect(readMessage(await overTcp.next()).rcode).toBe(SERVFAIL)
    })

    it('answers all that came before the end while it drains, and closes in time whatever is still asked', async () => {
      await using upstream = await startTestUpstream({ answer: always('192.0.2.1') })
      upstream.fault('delay', { ms: 300 })
      await using server = await Forwarding.start([upstream], LONG, { transport })
      await using client = await UdpAsker.open(server.place)
      const waiting = Array.from({ length: HELD }, (_, i) => client.ask(buildQuery(`n${i}.example.org`)))
      await eventually(() => expect(askedOf(upstream).length).toBeGreaterThanOrEqual(HELD))
      await server.dns.close({ drainMs: 2_000 })
      const responses = await Promise.all(waiting)
      expect(responses.map((bytes) => readMessage(bytes).rcode)).toEqual(Array(HELD).fill(0))
    })

    it('leaves no descriptor behind, however often', async () => {
      await using upstream = await startTestUpstream()
      upstream.fault('drop')
      const descriptors = () => readdirSync('/proc/self/fd').length
      const before = descriptors()
      for (let round = 0; round < 3; round++) {
        await using server = await Forwarding.start([upstream], LONG, { transport })
        await using client = await UdpAsker.open(server.place)
        const waiting = Array.from({ length: HELD }, (_, i) => client.ask(buildQuery(`r${round}-${i}.example.org`)))
        await eventually(() => expect(server.dns.stats().forward!.inFlight.queries).toBeGreaterThanOrEqual(HELD))
        await server.dns.close()
        await Promise.all(waiting)
      }
      // Each round opened a port for most of its queries.
      await eventually(() => expect(descriptors()).toBeLessThan(before + HELD / 2))
    })
  },
)
