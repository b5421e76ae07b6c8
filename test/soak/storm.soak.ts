import { eventStorm } from '../support/event-storm.js'
import type { Soak } from './soak.js'

/** Ten thousand changes a second for a minute: the server is never far behind, and ends with what etcd has. */
export const soak: Soak = {
  name: 'storm',
  minutes: 1,
  async run(report, minutes) {
    const { eventsPerSecond, worstLagMs, worstPutMs, catchUpMs, grownBytes } = await eventStorm(60 * minutes, 10_000)
    report(
      `${eventsPerSecond} events/s, lag up to ${worstLagMs} ms (a put: ${worstPutMs} ms), caught up ${catchUpMs} ms after the last`,
    )
    report(`memory grown by ${(grownBytes / 2 ** 20).toFixed(1)} MB`)
    if (eventsPerSecond < 9000) throw new Error('etcd did not take that many')
    if (worstLagMs > worstPutMs + 5000 || catchUpMs > 2000) throw new Error('the server did not keep up')
    if (grownBytes > 16 * 2 ** 20) throw new Error('memory is not given back')
  },
}
