import { quantile } from '../bench/statistics.js'
import { describeResponse } from '../support/expect-response.js'
import { TcpClient } from '../support/tcp-client.js'
import { startEncrypted } from '../transport/encrypted-server.js'
import type { Soak } from './soak.js'

const CLIENTS = 5_000
/** Handshakes of one loop at a time; with more, they time out waiting for each other. */
const AT_ONCE = 50
/** How long a slow client takes for each octet of its query. */
const OCTET_MS = 10_000
const PAUSE_MS = 100
const MOST_MS = 200

/** 5 000 clients say their queries over DoT an octet each ten seconds: a new one is answered in under 200 ms, handshake included. */
export const soak: Soak = {
  name: 'slow-dot',
  minutes: 2,
  async run(report, minutes) {
    const tcp = { maxConnections: 2 * CLIENTS, maxConnectionsPerClient: 2 * CLIENTS, idleTimeoutMs: 600_000 }
    await using server = await startEncrypted('dot', { tcp })
    const slow: TcpClient[] = []
    while (slow.length < CLIENTS) {
      slow.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => TcpClient.openTls(server)))))
    }
    report(`${slow.length} slow clients are there, the server has ${server.stats().tcp.open} connections`)
    let turn = 0
    const trickle = setInterval(() => {
      // A hundredth of them in each hundredth of the time; the octets are the length of a message that never comes.
      for (let i = turn++ % 100; i < slow.length; i += 100) slow[i]!.socket.write(Uint8Array.of(1))
    }, OCTET_MS / 100)
    try {
      const durations: number[] = []
      const end = performance.now() + 60_000 * minutes
      while (performance.now() < end) {
        const startedAt = performance.now()
        await using client = await TcpClient.openTls(server)
        const { rcode } = describeResponse(await client.ask('a.example'))
        if (rcode !== 'NOERROR') throw new Error(`a new client was answered with ${rcode}`)
        durations.push(performance.now() - startedAt)
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
      }
      const lost = slow.filter(({ ended, closed }) => ended || closed).length
      const [p50, p99, most] = [0.5, 0.99, 1].map((share) => quantile(durations, share)) as [number, number, number]
      const figures = [p50, p99, most].map((ms) => ms.toFixed(1)).join(', ')
      report(
        `${durations.length} new clients were answered in ${figures} ms (p50, p99, most); ${lost} slow ones were closed`,
      )
      if (lost > 0) throw new Error(`${lost} slow clients were closed`)
      if (most >= MOST_MS) throw new Error(`a new client waited for ${Math.round(most)} ms`)
    } finally {
      clearInterval(trickle)
      await Promise.all(slow.map((client) => client[Symbol.asyncDispose]()))
    }
  },
}
