/** What has happened since the start. Whoever has counters of another kind adds what these have grown by. */
export interface UpstreamCounts {
  /** Queries to upstreams, and responses to them that were right. */
  sent: number
  received: number
  /** Messages that belong to no query of ours, in one way or another: forged, late or broken. */
  ignored: number
  timeouts: number
  /** Responses with TC=1; RCODEs other than NOERROR and NXDOMAIN. */
  truncated: number
  errors: number
  /** Queries for which nobody had an answer. */
  failed: number
  /** TCP and TLS connections that were begun. */
  connects: number
}

export function noUpstreamCounts(): UpstreamCounts {
  return { sent: 0, received: 0, ignored: 0, timeouts: 0, truncated: 0, errors: 0, failed: 0, connects: 0 }
}
