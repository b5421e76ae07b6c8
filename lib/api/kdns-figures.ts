import { jsonReply } from './origin-texts.js'
import type { Reply } from './route.js'
import type { Source } from './source.js'
import { notHere, statsOf } from './v1-server.js'

/** KDNS tells all that it has. */
const MAX_NAMES = 1000

/** KDNS's times are microseconds since 1970. How long names take is known for all of them together only. */
export function topNames(source: Source): Reply {
  if (source.topNames === undefined) throw notHere('count of names')
  const microseconds = (at: Date) => 1000 * at.getTime()
  return jsonReply(
    source.topNames(MAX_NAMES).map(({ name, queries, firstSeen, lastSeen }) => ({
      ...{ Domain: name, QueryNum: queries },
      ...{ FirstQueryTime: microseconds(firstSeen), LastQueryTime: microseconds(lastSeen) },
    })),
  )
}

/** Those of KDNS's figures that we have. */
export function statistics(source: Source): Reply {
  const { counters, index } = statsOf(source) as { counters?: Record<string, number>; index?: { names: number } }
  if (counters === undefined) throw notHere('DNS server')
  const { queries = 0, responses = 0, dropped = 0, tcpQueries = 0 } = counters
  return jsonReply({
    ...{ domain_num: index?.names ?? 0, pkts_rcv: queries, dns_pkts_rcv: queries, dns_pkts_snd: responses },
    ...{ pkt_dropped: dropped, tcp_pkts_rcv: tcpQueries },
  })
}

/** As `stats().threads` has them. */
interface ThreadFigures {
  readonly role: string
  readonly queries: number
  readonly responses: number
  readonly dropped: number
}

/** KDNS has a thread a core. Ours are not bound to any, and are told by their numbers, which they keep for life. */
export function threadStatistics(source: Source): Reply {
  const { threads } = statsOf(source) as { threads?: readonly ThreadFigures[] }
  if (threads === undefined) throw notHere('DNS server')
  return jsonReply(
    threads.map(({ role, queries, responses, dropped }, thread) => ({
      ...{ slave_lcore: thread, role, pkts_rcv: queries, dns_pkts_rcv: queries, dns_pkts_snd: responses },
      pkt_dropped: dropped,
    })),
  )
}
