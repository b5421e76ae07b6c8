import type { ContainerDnsOptions, ForwardOptions } from 'containerdns'
import { createTestServer, type TestServer, type TestServerOptions, type TestUpstream } from 'containerdns/testing'
import { buildQuery, FLAGS, type QueryParts } from '../support/build-query.js'
import { overUdp } from '../support/exchange.js'
import { describeResponse } from '../support/expect-response.js'

export const ZONE = `
$ORIGIN forwarded.example.
@      60    SOA   ns admin 1 7200 1800 86400 30
www    60    A     192.0.2.1
alias  60    CNAME www
none   0     A     192.0.2.2
brief  1     A     192.0.2.3
long   60    TXT   "yes"
*.any  60    A     192.0.2.9
`

/** A server with the zones `ours.test` and `example.org` that asks an upstream for all else. */
export function startForwarding(
  upstream: TestUpstream,
  {
    forward,
    ...options
  }: TestServerOptions & { forward?: ForwardOptions } & Pick<ContainerDnsOptions, 'transport'> = {},
): Promise<TestServer> {
  return createTestServer({
    zones: ['ours.test', 'example.org'],
    rrsets: [{ name: 'a.ours.test', type: 'A', data: ['198.51.100.1'] }],
    ...options,
    forward: { upstreams: [placeOf(upstream)], ...forward },
  })
}

export function placeOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host}:${port}`
}

/** Asks over UDP, from a port of its own. */
export async function ask(
  server: { readonly host: string; readonly port: number },
  name: string,
  type: string | number = 'A',
  parts: QueryParts = {},
) {
  return describeResponse(await overUdp(server, buildQuery(name, type, parts)))
}

/** EDNS, so that Extended DNS Errors are told. */
export const EDNS = { edns: { size: 1232 } }
export const DO = { edns: { size: 1232, flags: 0x8000 } }
export const CD = { flags: FLAGS.RD | FLAGS.CD }
