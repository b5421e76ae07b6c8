import { writeUnboundConfig } from '../../support/unbound-config.js'
import type { Peer } from './peer.js'

// Others as forwarders: one thread, one upstream on loopback, a cache that is large enough for what they are asked, no validation, no
// files of hosts, and as many queries under way as come.

const CACHED_ANSWERS = 100_000
const MOST_AT_ONCE = 4096

/** It opens a socket for each query that is under way. */
export function dnsmasqForwarder(upstreamPort: number): Peer {
  return {
    name: 'dnsmasq',
    program: 'dnsmasq',
    prepare: ({ port }) => [
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      `--port=${port}`,
      '--listen-address=127.0.0.1',
      '--bind-interfaces',
      '--no-resolv',
      '--no-hosts',
      `--server=127.0.0.1#${upstreamPort}`,
      `--cache-size=${CACHED_ANSWERS}`,
      `--dns-forward-max=${MOST_AT_ONCE}`,
      '--user=root',
      '--pid-file=',
    ],
  }
}

export function unboundForwarder(upstreamPort: number): Peer {
  return {
    name: 'Unbound',
    program: 'unbound',
    prepare({ folder, port }) {
      const server = [
        'verbosity: 0',
        'do-not-query-localhost: no',
        'msg-cache-size: 64m',
        'rrset-cache-size: 128m',
        `num-queries-per-thread: ${MOST_AT_ONCE}`,
        `outgoing-range: ${2 * MOST_AT_ONCE}`,
        'so-rcvbuf: 0',
      ]
      const upstream = `forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@${upstreamPort}\n  forward-first: no`
      return writeUnboundConfig({ folder, port }, { server, clauses: [upstream] })
    },
  }
}
