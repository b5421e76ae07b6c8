import type { CounterName } from '../metrics/counters.js'

/** What a counter is called. Counters of one name differ in their labels. */
export interface CounterMetric {
  readonly name: string
  readonly help: string
  readonly labels?: Readonly<Record<string, string>>
}

const responseOf = (rcode: string): CounterMetric => ({
  name: 'coredns_dns_responses_total',
  help: 'Responses by their codes.',
  labels: { rcode },
})
const connectionClosed = (reason: string): CounterMetric => ({
  name: 'containerdns_connections_closed_early_total',
  help: 'Connections over TCP, DoT and DoH that were closed for a reason of ours.',
  labels: { reason },
})
const overStream = (transport: string): CounterMetric => ({
  name: 'containerdns_stream_queries_total',
  help: 'Queries over connections, by what those are.',
  labels: { transport },
})
const hook = (fault: string): CounterMetric => ({
  name: 'containerdns_hook_faults_total',
  help: 'Calls of hooks that came to nothing.',
  labels: { fault },
})
const limited = (limit: string): CounterMetric => ({
  name: 'containerdns_limited_total',
  help: 'Queries and responses that access lists and limits held back or made smaller.',
  labels: { limit },
})

const unanswered = (reason: string): CounterMetric => ({
  name: 'containerdns_forward_failed_total',
  help: 'Questions to upstreams, and queries for their names, that came to nothing.',
  labels: { reason },
})

/** Each counter of `stats().counters`. */
export const COUNTER_METRICS: Readonly<Record<CounterName, CounterMetric>> = {
  queries: { name: 'containerdns_queries_total', help: 'Queries taken, whatever was in them.' },
  responses: { name: 'containerdns_responses_total', help: 'Queries answered.' },
  dropped: { name: 'containerdns_dropped_total', help: 'Queries that got no answer.' },
  truncated: { name: 'containerdns_truncated_total', help: 'Responses with TC.' },
  nodata: { name: 'containerdns_nodata_total', help: 'Responses that there is no such data.' },
  sendFailures: { name: 'containerdns_send_failures_total', help: 'Responses that the kernel did not take.' },
  batches: { name: 'containerdns_batches_total', help: 'Receive calls for datagrams that brought something.' },
  NOERROR: responseOf('NOERROR'),
  FORMERR: responseOf('FORMERR'),
  SERVFAIL: responseOf('SERVFAIL'),
  NXDOMAIN: responseOf('NXDOMAIN'),
  NOTIMP: responseOf('NOTIMP'),
  REFUSED: responseOf('REFUSED'),
  BADVERS: responseOf('BADVERS'),
  BADCOOKIE: responseOf('BADCOOKIE'),
  tcpQueries: overStream('tcp'),
  tcpAccepted: { name: 'containerdns_connections_accepted_total', help: 'Connections taken, of TCP, DoT and DoH.' },
  tcpRefused: { name: 'containerdns_connections_refused_total', help: 'Connections that were not taken.' },
  tcpIdleClosed: connectionClosed('idle'),
  tcpEvicted: connectionClosed('evicted'),
  tcpClosed: { name: 'containerdns_connections_closed_total', help: 'Connections that have ended, for any reason.' },
  dotQueries: overStream('dot'),
  dohQueries: overStream('doh'),
  tlsHandshakesFailed: connectionClosed('handshake'),
  hookFaults: hook('failed'),
  hookTimeouts: hook('late'),
  hookOverflows: hook('overflow'),
  hookResponsesLost: hook('response_lost'),
  aclRefused: limited('acl_refused'),
  aclDropped: limited('acl_dropped'),
  queriesLimited: limited('queries'),
  responsesLimited: limited('responses'),
  responsesSlipped: limited('responses_slipped'),
  amplificationAvoided: limited('amplification'),
  cacheHits: { name: 'coredns_cache_hits_total', help: 'Queries answered out of the answer cache at once.' },
  cacheMisses: { name: 'coredns_cache_misses_total', help: 'Queries handed to the forward thread.' },
  cacheStale: { name: 'coredns_cache_served_stale_total', help: 'Queries given an answer whose time was over.' },
  forwarded: { name: 'containerdns_forward_questions_total', help: 'Questions that upstreams were asked.' },
  forwardCoalesced: {
    name: 'containerdns_forward_coalesced_total',
    help: 'Queries that waited for a question that had been asked already.',
  },
  forwardFailed: unanswered('upstreams'),
  forwardFull: unanswered('full'),
  forwardLimited: limited('forwarded'),
  forwardOverdue: unanswered('thread'),
  forwardRenewed: { name: 'coredns_cache_prefetch_total', help: 'Answers renewed before their time was over.' },
}
