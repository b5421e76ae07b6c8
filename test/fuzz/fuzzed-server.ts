import type { ContainerDnsOptions } from '../../lib/index.js'
import { type AclRule, parseAcl } from '../../lib/limits/acl.js'
import { parseAmplification } from '../../lib/limits/amplification.js'
import { CookieSecrets } from '../../lib/limits/cookie-secrets.js'
import { createRateLimits } from '../../lib/limits/create-rate-limits.js'
import { parseRateLimitOptions } from '../../lib/limits/rate-limit-options.js'
import { type EdnsOptions, parseEdns } from '../../lib/query/options.js'
import type { RRset } from '../../lib/records/rrset.js'
import { Answering } from '../support/answering.js'

/** What every server of these tests answers from: a bit of each kind, no RRset whose order could decide over what fits. */
export const ZONES = ['example', 'b.example', 'org']

const SOA = { mname: 'ns.example', rname: 'h.example', serial: 7, refresh: 1, retry: 1, expire: 1, minimum: 30 }

export const RRSETS: readonly RRset[] = [
  ...ZONES.flatMap((name): RRset[] => [
    { name, type: 'SOA', ttl: 30, data: [SOA] },
    { name, type: 'NS', ttl: 30, data: ['ns.example'] },
  ]),
  { name: 'ns.example', type: 'A', ttl: 30, data: ['192.0.2.53'] },
  { name: 'ns.example', type: 'AAAA', ttl: 30, data: ['2001:db8::53'] },
  { name: 'a.example', type: 'A', ttl: 30, data: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] },
  { name: 'a.example', type: 'TXT', ttl: 30, data: Array.from({ length: 8 }, (_, i) => `${i}${'x'.repeat(99)}`) },
  { name: 'a.example', type: 'MX', ttl: 30, data: [{ preference: 1, exchange: 'a.example' }] },
  { name: 'large.example', type: 'TXT', ttl: 30, data: Array.from({ length: 60 }, (_, i) => `${i}${'y'.repeat(99)}`) },
  { name: 'c.example', type: 'CNAME', ttl: 30, data: ['d.org'] },
  { name: 'd.org', type: 'CNAME', ttl: 30, data: ['a.example'] },
  { name: 'l.example', type: 'CNAME', ttl: 30, data: ['m.example'] },
  { name: 'm.example', type: 'CNAME', ttl: 30, data: ['l.example'] },
  { name: 'x.y.b.example', type: 'NS', ttl: 30, data: ['ns.b.example', 'ns.com', 'in.x.y.b.example'] },
  { name: 'ns.b.example', type: 'A', ttl: 30, data: ['192.0.2.1'] },
  { name: 'in.x.y.b.example', type: 'AAAA', ttl: 30, data: ['2001:db8::1'] },
  { name: '*.org', type: 'MX', ttl: 30, data: [{ preference: 1, exchange: 'a.example' }] },
  { name: '*.w.org', type: 'CNAME', ttl: 30, data: ['z.x.y.b.example'] },
  { name: '*.2.3.4.5.6.7.8.9.w.org', type: 'A', ttl: 30, data: ['192.0.2.9'] },
  {
    name: 's.example',
    type: 'SRV',
    ttl: 30,
    data: [1, 2, 3].map((port) => ({ priority: 1, weight: 1, port, target: 'a.example' })),
  },
  ...Array.from(
    { length: 40 },
    (_, i): RRset => ({ name: `c${i}.org`, type: 'CNAME', ttl: 30, data: [`c${i + 1}.org`] }),
  ),
]

/** The names above, and some that are not there. */
export const NAMES = [
  ...new Set(RRSETS.map(({ name }) => name)),
  ...[
    '.',
    'com',
    'no.example',
    'q.w.org',
    'z.x.y.b.example',
    'y.b.example',
    'version.bind',
    'id.server',
    'only.example',
    '1.1.1.1.1.w.org',
  ],
  `${'1.'.repeat(120)}org`,
  `${'z'.repeat(63)}.${'z'.repeat(63)}.${'z'.repeat(63)}.${'z'.repeat(55)}.org`,
]

export const NSID = 'fuzzed'
export const IDENTITY = { version: 'v', hostname: 'h' }
export const UDP_PAYLOAD_SIZE = 900

/** As it comes, or with everything switched on that goes by the client: cookies, its subnet, views, limits, access list, `clientHash`. */
export const FUZZED = ['as it comes', 'with everything on'] as const
export type Fuzzed = (typeof FUZZED)[number]

/** Where queries come from, here and through real sockets. */
const CLIENT = '127.0.0.1'
const VIEWS = [{ name: 'here', clients: ['127.0.0.0/8'] }]
const IN_VIEW: readonly RRset[] = [
  { name: 'a.example', type: 'A', ttl: 30, data: ['192.0.2.101', '192.0.2.102'], view: 'here' },
  { name: 'only.example', type: 'AAAA', ttl: 30, data: ['2001:db8::101'], view: 'here' },
]
const SELECTION = { policy: 'clientHash', maxAnswers: 2, affinity: 'ecs' } as const
const EDNS_ON: EdnsOptions = {
  udpPayloadSize: UDP_PAYLOAD_SIZE,
  nsid: NSID,
  cookies: 'on',
  clientSubnet: { trusted: ['0.0.0.0/0'] },
}
const ACL: AclRule[] = [
  { clients: ['0.0.0.0/0'], action: 'drop' },
  { clients: ['127.0.0.0/8'], action: 'allow' },
]
/** More than anybody sends, so that chance decides over nothing. */
const RATE_LIMIT = { responsesPerSecond: 1_000_000, queriesPerSecond: 1_000_000 }
const AMPLIFICATION = { trusted: [] }

/** For `createContainerDns`, but for the store. */
export function fuzzedOptions(fuzzed: Fuzzed): ContainerDnsOptions {
  const common = { zones: ZONES, listen: { port: 0 }, srvWeights: 'kept', identity: IDENTITY } as const
  if (fuzzed === 'as it comes') {
    return { ...common, edns: { udpPayloadSize: UDP_PAYLOAD_SIZE, nsid: NSID, cookies: 'off' } }
  }
  return {
    ...common,
    ...{
      edns: EDNS_ON,
      views: VIEWS,
      selection: SELECTION,
      acl: ACL,
      rateLimit: RATE_LIMIT,
      amplification: AMPLIFICATION,
    },
  }
}

export function fuzzedRecords(fuzzed: Fuzzed): RRset[] {
  return fuzzed === 'as it comes' ? [...RRSETS] : [...RRSETS, ...IN_VIEW]
}

/** The answering code alone, with nothing but `poison` in memory besides what it is given. Those of one run have the same cookies. */
export function answeringAlone(poison = 0xaa, fuzzed: Fuzzed = 'as it comes'): Answering {
  const identity = { identity: IDENTITY, nsid: new Uint8Array(Buffer.from(NSID)) }
  const { subnetSources } = parseEdns(EDNS_ON)
  const everything = {
    ...({ cookies: 'on', cookieSecrets: SECRETS.buffer, subnetSources } as const),
    acl: parseAcl(ACL),
    rateLimits: createRateLimits(parseRateLimitOptions(RATE_LIMIT), 7),
    amplification: parseAmplification(AMPLIFICATION),
  }
  const isPlain = fuzzed === 'as it comes'
  const server = new Answering({
    zones: ZONES,
    udpPayloadSize: UDP_PAYLOAD_SIZE,
    poison,
    ...(!isPlain && { views: VIEWS, selection: SELECTION }),
    policy: { ...identity, ...(!isPlain && everything) },
  }).put(...fuzzedRecords(fuzzed))
  server.client = Uint8Array.from(CLIENT.split('.').map(Number))
  return server
}

const SECRETS = new CookieSecrets()
