import { buildCidrTable } from '../../../lib/clients/build-cidr-table.js'
import { parseCidr } from '../../../lib/clients/cidr.js'
import { parseAcl } from '../../../lib/limits/acl.js'
import { parseAmplification } from '../../../lib/limits/amplification.js'
import { createRateLimits } from '../../../lib/limits/create-rate-limits.js'
import { parseRateLimitOptions } from '../../../lib/limits/rate-limit-options.js'
import type { RRset } from '../../../lib/records/rrset.js'
import { Answering, type AnsweringOptions } from '../../support/answering.js'
import { buildQuery, type EdnsParts, type QueryParts } from '../../support/build-query.js'
import { number, table } from '../table.js'

/**
 * What a datagram costs by what it asks for, and how much comes back: the slowest ones that we know of.
 *
 * The answering code alone is measured, from octets to octets, one query at a time. `× normal` is for the whole server: receiving
 * and sending cost 3.7 µs more for each that comes alone, and 1.6 µs for each of a full batch, whatever is asked.
 */

const ALONE_NS = 3_700
const IN_BATCH_NS = 1_600
const CALLS = 200
const ROUNDS = 40
const WARM_UP_ROUNDS = 5
const HOSTS = 10_000

const a = (name: string, address = '192.0.2.1'): RRset => ({ name, type: 'A', data: [address] })
const addresses = (count: number) => Array.from({ length: count }, (_, i) => `192.0.${i >> 8}.${i & 255}`)
/** `n` labels of one octet. */
const labels = (n: number, octet = 'x') => `${octet}.`.repeat(n)
const longName = (end: string) => {
  const room = 253 - end.length
  return `${'z'.repeat(63)}.${'z'.repeat(63)}.${'z'.repeat(63)}.${'z'.repeat(room - 193)}.${end}`
}
const names = (count: number, at: string) => Array.from({ length: count }, (_, i) => `${longLabel(i)}.${at}`)
const longLabel = (i: number) => `${'n'.repeat(40)}${i}`

const POLICIES = ['shuffle', 'clientHash', 'weighted'] as const

const RRSETS: readonly RRset[] = [
  ...[1, 4, 28, 70].map((count): RRset => ({ name: `a${count}.example`, type: 'A', data: addresses(count) })),
  { name: 'many.example', type: 'A', data: addresses(1000) },
  ...POLICIES.map(
    (policy): RRset => ({
      name: `${policy.toLowerCase()}.example`,
      type: 'A',
      data: addresses(1000).map((address, i) => ({ address, weight: 1 + (i % 9) })),
      selection: { policy, maxAnswers: 1 },
    }),
  ),
  ...Array.from(
    { length: 9 },
    (_, i): RRset => ({ name: `c${i}.example`, type: 'CNAME', data: [`c${i + 1}.example`] }),
  ),
  a('c9.example'),
  ...Array.from({ length: 9 }, (_, i): RRset => {
    const owner = `${labels(100, String.fromCharCode(97 + i))}example`
    return { name: owner, type: 'CNAME', data: [`${labels(100, String.fromCharCode(98 + i))}example`] }
  }),
  // The same in the longest of labels, all but the first in common.
  ...Array.from(
    { length: 9 },
    (_, i): RRset => ({
      name: longName('example').replace('z', String(i)),
      type: 'CNAME',
      data: [longName('example').replace('z', String(i + 1))],
    }),
  ),
  // The same by wildcards, each two labels above the name that it answers for.
  ...Array.from({ length: 9 }, (_, i): RRset => {
    const [from, to] = [65 + i, 66 + i].map((code) => labels(50, String.fromCharCode(code, code)))
    return { name: `*.${from}example`, type: 'CNAME', data: [`y.y.${to}example`] }
  }),
  // A wildcard at each other number of labels, and a cut at as many others, so that all have to be looked for.
  ...Array.from({ length: 60 }, (_, i) => a(`*.${labels(2 * i, 'w')}example`)),
  ...Array.from(
    { length: 60 },
    (_, i): RRset => ({ name: `cut.${labels(2 * i, 'v')}example`, type: 'NS', data: ['ns.com'] }),
  ),
  {
    name: 'srv.example',
    type: 'SRV',
    data: names(16, 'h.example').map((target, i) => ({ priority: 1, weight: i, port: 1, target })),
  },
  { name: 'mx.example', type: 'MX', data: names(16, 'h.example').map((exchange, i) => ({ preference: i, exchange })) },
  ...names(16, 'h.example').flatMap((name): RRset[] => [
    { name, type: 'A', data: addresses(2) },
    { name, type: 'AAAA', data: ['2001:db8::1', '2001:db8::2'] },
  ]),
  {
    name: 'mx-large.example',
    type: 'MX',
    data: Array.from({ length: 60 }, (_, i) => ({ preference: i, exchange: `${labels(100, 'm')}m${i}.example` })),
  },
  ...[4, 5].map(
    (count): RRset => ({
      name: `mx-deep${count}.example`,
      type: 'MX',
      data: Array.from({ length: count }, (_, i) => ({ preference: i, exchange: `${labels(100, 'm')}m${i}.example` })),
    }),
  ),
  { name: 'sub.example', type: 'NS', data: names(8, 'sub.example') },
  ...names(8, 'sub.example').flatMap((name): RRset[] => [a(name), { name, type: 'AAAA', data: ['2001:db8::1'] }]),
  { name: 'sub13.example', type: 'NS', data: names(13, 'sub13.example') },
  ...names(13, 'sub13.example').flatMap((name): RRset[] => [a(name), { name, type: 'AAAA', data: ['2001:db8::1'] }]),
  { name: 'txt.example', type: 'TXT', data: Array.from({ length: 4 }, () => 't'.repeat(250)) },
  // As many types as nobody has, which is what ANY and a type that is not there look through.
  ...Array.from(
    { length: 200 },
    (_, i): RRset => ({ name: 'types.example', type: `TYPE${1000 + i}`, data: ['\\# 1 00'] }),
  ),
  { name: 'ptr.example', type: 'PTR', data: Array.from({ length: 20 }, (_, i) => `${labels(15, 'p')}h${i}.example`) },
  { name: 'any.example', type: 'TXT', data: ['t'] },
  { name: 'any.example', type: 'A', data: addresses(28) },
  { name: 'any.example', type: 'AAAA', data: ['2001:db8::1'] },
]

const EDNS: EdnsParts = { size: 1232 }
const NO_DATA = new Uint8Array(0)
const manyOptions = Array.from({ length: 100 }, (_, i) => [20 + i, NO_DATA] as const)
const allOptions: EdnsParts = {
  size: 4096,
  options: [[3, NO_DATA], [10, new Uint8Array(8)], [8, new Uint8Array(7)], [9, NO_DATA], ...manyOptions],
}
/** What a server with everything on has to work out: a cookie of version 1, as young as can be, that is not ours, and a whole address of IPv6. */
const forged = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 0, 0, 0x6b, 0x49, 0xd2, 0, 1, 2, 3, 4, 5, 6, 7, 8)
const FORGED: EdnsParts = {
  size: 4096,
  options: [
    [3, NO_DATA],
    [10, forged],
    [8, Uint8Array.of(0, 2, 128, 0, ...Array(16).fill(0x21))],
  ],
}
const emptyRecords = (count: number) =>
  Array.from({ length: count }, () => Uint8Array.of(0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0))

interface Query {
  readonly name: string
  readonly bytes: Uint8Array
}

const query = (what: string, name: string, type = 'A', parts: QueryParts = {}): Query => ({
  name: what,
  bytes: buildQuery(name, type, parts),
})

/** The first is the normal one. */
const QUERIES: readonly Query[] = [
  query('one address', 'h7.example'),
  query('one address, EDNS', 'h7.example', 'A', { edns: EDNS }),
  query('one address, EDNS and cookie', 'h7.example', 'A', { edns: { ...EDNS, options: [[10, new Uint8Array(8)]] } }),
  query('one address, 104 options', 'h7.example', 'A', { edns: allOptions }),
  query('one address, forged cookie, client subnet', 'h7.example', 'A', { edns: FORGED }),
  query('one address, 1 010 NSIDs', 'h7.example', 'A', {
    edns: { size: 4096, options: Array(1010).fill([3, NO_DATA]) },
  }),
  query('one address, 1 180 octets of padding', 'h7.example', 'A', { edns: { options: [[12, new Uint8Array(1180)]] } }),
  query('4 addresses', 'a4.example'),
  query('28 addresses', 'a28.example'),
  query('70 addresses, EDNS', 'a70.example', 'A', { edns: EDNS }),
  query('1000 addresses: TC', 'many.example', 'A', { edns: EDNS }),
  ...POLICIES.map((policy) => query(`1 of 1000 addresses, ${policy}`, `${policy}.example`)),
  query('NODATA', 'h7.example', 'TXT'),
  query('NXDOMAIN', 'absent.example'),
  query('NXDOMAIN, 120 labels', `${labels(120)}example`),
  query('NXDOMAIN, 255 octets', longName('example')),
  query('wildcard', 'q.example'),
  query('wildcard, 118 labels above it', `${labels(116)}w.w.example`),
  query('wildcard, 118 labels deep', `q.${labels(118, 'w')}example`),
  query('below no cut, 118 labels', `q.${labels(118, 'v')}example`),
  query('refused', 'a.com'),
  query('refused, 120 labels', `${labels(120)}com`),
  query('8 CNAMEs', 'c1.example'),
  query('8 CNAMEs of 100 labels, EDNS', `${labels(100, 'b')}example`, 'A', { edns: EDNS }),
  query('8 CNAMEs of 255 octets, EDNS', longName('example').replace('z', '0'), 'A', { edns: EDNS }),
  query('8 CNAMEs of 52 labels by wildcards', `y.y.${labels(50, 'AA')}example`, 'A', { edns: EDNS }),
  query('16 SRV and their addresses, EDNS', 'srv.example', 'SRV', { edns: EDNS }),
  query('16 MX and their addresses, EDNS', 'mx.example', 'MX', { edns: EDNS }),
  query('16 MX: TC', 'mx.example', 'MX'),
  // The four leave room for an address, so that all of them are looked for; after the five there is none.
  query('4 MX of 100 labels, EDNS', 'mx-deep4.example', 'MX', { edns: EDNS }),
  query('5 MX of 100 labels, EDNS', 'mx-deep5.example', 'MX', { edns: EDNS }),
  query('60 MX of 100 labels: TC', 'mx-large.example', 'MX', { edns: EDNS }),
  query('referral, 8 servers, EDNS', 'a.sub.example', 'A', { edns: EDNS }),
  query('referral, 13 servers: TC', 'a.sub13.example'),
  query('1000 octets of TXT, EDNS', 'txt.example', 'TXT', { edns: EDNS }),
  query('SOA', 'example', 'SOA'),
  query('NS', 'example', 'NS'),
  query('ANY', 'any.example', 'ANY'),
  query('ANY, 200 types', 'types.example', 'ANY', { edns: EDNS }),
  query('NODATA, 200 types', 'types.example', 'TXT', { edns: EDNS }),
  query('20 PTR of 17 labels, EDNS', 'ptr.example', 'PTR', { edns: EDNS }),
  query('ANY, EDNS', 'any.example', 'ANY', { edns: EDNS }),
  query('ANY, apex, EDNS', 'example', 'ANY', { edns: EDNS }),
  query('version.bind', 'version.bind', 'TXT', { class: 3 }),
  query('400 records in the query', 'h7.example', 'A', { additional: emptyRecords(370), edns: EDNS }),
  query('records of long names in the query', 'h7.example', 'A', {
    answer: Array.from({ length: 14 }, () => buildQuery(longName('example')).slice(12)),
    counts: [1, 0, 0, 1],
  }),
]

const NUMBERS = Array.from({ length: 10_000 }, (_, i) => i)
const POLICY: AnsweringOptions['policy'] = {
  cookies: 'on',
  nsid: new Uint8Array(128),
  identity: { version: 'containerdns', hostname: 'host' },
  ownAddresses: { ipv4: Uint8Array.of(192, 0, 2, 53), ipv6: new Uint8Array(16) },
  normalizesSrvWeights: true,
}

/** With everything on that goes by the client: tables of ten thousand networks, 200 views, five thousand zones, a hundred of them below each other. */
const EVERYTHING: AnsweringOptions = {
  zones: [
    'example.',
    ...NUMBERS.slice(1, 101).map((i) => `${labels(i, 'q')}example.`),
    ...NUMBERS.slice(0, 5000).map((i) => `z${i}.example.`),
  ],
  selection: { policy: 'clientHash', affinity: 'ecs' },
  views: NUMBERS.slice(0, 200).map((i) => ({ name: `v${i}`, clients: [`192.0.${i}.0/24`] })),
  policy: {
    ...POLICY,
    acl: parseAcl([{ clients: NUMBERS.map((i) => `11.${i >> 8}.${i & 255}.0/24`), action: 'refuse' }]),
    rateLimits: createRateLimits(
      parseRateLimitOptions({ responsesPerSecond: 1_000_000, queriesPerSecond: 1_000_000, allow: ['203.0.113.0/24'] }),
      7,
    ),
    amplification: parseAmplification({ trusted: [] }),
    subnetSources: buildCidrTable([{ cidr: parseCidr('trusted', '0.0.0.0/0'), value: 0 }]),
  },
}

function serverOf(options: AnsweringOptions): Answering {
  const server = new Answering(options).put(...RRSETS)
  for (let i = 0; i < HOSTS; i++) server.put(a(`h${i}.example`))
  const { client } = server
  server.pipeline.clients = {
    clientAddress: (_, target) => {
      // Octet by octet, as the transport does.
      for (let at = 0; at < client.length; at++) target[at] = client[at]!
      return client.length
    },
  }
  return server
}

interface Cost {
  readonly name: string
  readonly ns: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** By the fastest of many rounds: the others were disturbed. */
function costOf(server: Answering, { name, bytes }: Query): Cost {
  const { pipeline, index } = server
  const response = new Uint8Array(4096)
  let [fastest, bytesOut] = [Number.POSITIVE_INFINITY, 0]
  index.reader.enter()
  for (let round = 0; round < ROUNDS + WARM_UP_ROUNDS; round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < CALLS; i++) {
      pipeline.take(0, bytes, 0, bytes.length)
      bytesOut = pipeline.answerDatagram(0, response, 0, response.length)
    }
    if (round >= WARM_UP_ROUNDS) fastest = Math.min(fastest, Number(process.hrtime.bigint() - start) / CALLS)
  }
  index.reader.leave()
  return { name, ns: fastest, bytesIn: bytes.length, bytesOut }
}

for (const [title, options] of [
  ['as it comes', { zones: ['example.'], policy: POLICY }],
  ['with everything on that goes by the client', EVERYTHING],
] as const) {
  const server = serverOf(options)
  // Once for what the compiler learns from all of them, and then to be told.
  for (const each of QUERIES) costOf(server, each)
  const costs = QUERIES.map((each) => costOf(server, each))
  const normal = costs[0]!.ns
  const whole = ({ ns }: Cost, transport: number) => (ns + transport) / (normal + transport)
  console.log(`\n${title}`)
  console.log(
    table(
      [
        { title: 'query', cell: ({ name }: Cost) => name },
        { title: 'ns', cell: ({ ns }: Cost) => number(Math.round(ns)) },
        { title: '× answering', cell: ({ ns }: Cost) => number(ns / normal, 1) },
        { title: '× normal, alone', cell: (cost: Cost) => number(whole(cost, ALONE_NS), 2) },
        { title: '× normal, in batches', cell: (cost: Cost) => number(whole(cost, IN_BATCH_NS), 2) },
        { title: 'in', cell: ({ bytesIn }: Cost) => number(bytesIn) },
        { title: 'out', cell: ({ bytesOut }: Cost) => number(bytesOut) },
        { title: 'out/in', cell: ({ bytesIn, bytesOut }: Cost) => number(bytesOut / bytesIn, 2) },
      ],
      costs,
    ),
  )
}
