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
    { length: 9 },
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
    '1.1.1.1.1.w.org',
  ],
  `${'1.'.repeat(120)}org`,
  `${'z'.repeat(63)}.${'z'.repeat(63)}.${'z'.repeat(63)}.${'z'.repeat(55)}.org`,
]

export const NSID = 'fuzzed'
export const IDENTITY = { version: 'v', hostname: 'h' }
export const UDP_PAYLOAD_SIZE = 900

/** The answering code alone, with nothing but `poison` in memory besides what it is given. */
export function answeringAlone(poison = 0xaa): Answering {
  return new Answering({
    zones: ZONES,
    udpPayloadSize: UDP_PAYLOAD_SIZE,
    poison,
    policy: { identity: IDENTITY, nsid: new Uint8Array(Buffer.from(NSID)) },
  }).put(...RRSETS)
}
