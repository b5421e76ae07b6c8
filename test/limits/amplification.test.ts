import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildCidrTable } from '../../lib/clients/build-cidr-table.js'
import { parseCidr } from '../../lib/clients/cidr.js'
import { parseAcl } from '../../lib/limits/acl.js'
import { parseAmplification } from '../../lib/limits/amplification.js'
import { createRateLimits } from '../../lib/limits/create-rate-limits.js'
import { parseRateLimitOptions } from '../../lib/limits/rate-limit-options.js'
import type { AnswerPolicy } from '../../lib/query/settings.js'
import type { RRset } from '../../lib/records/rrset.js'
import { datagram } from '../fuzz/datagrams.js'
import { RRSETS, ZONES } from '../fuzz/fuzzed-server.js'
import { Answering } from '../support/answering.js'
import { buildMessage, buildQuery, FLAGS, type QueryParts } from '../support/build-query.js'
import { describeResponse } from '../support/expect-response.js'

// Bytes out over bytes in, to who may be another, over every kind of answer.

const MOST = 3
const MOST_FOR_ANY = 1.5
const RUNS = 8_000
const NOTHING = new Uint8Array(0)
const addresses = Array.from({ length: 30 }, (_, i) => `192.0.2.${i + 1}`)

const NSID = [3, NOTHING] as const
const COOKIE = [10, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)] as const
const FORGED_COOKIE = [10, new Uint8Array(24).fill(1)] as const
const BAD_COOKIE = [10, new Uint8Array(3)] as const
const SUBNET = [8, Uint8Array.of(0, 1, 24, 0, 192, 0, 2)] as const
const BAD_SUBNET = [8, Uint8Array.of(0, 1, 64, 0)] as const
const KEEPALIVE = [11, NOTHING] as const
const PADDING = [12, new Uint8Array(4)] as const

const OPTIONS: readonly (readonly (readonly [number, Uint8Array])[])[] = [
  [],
  ...[NSID, COOKIE, FORGED_COOKIE, BAD_COOKIE, SUBNET, BAD_SUBNET, KEEPALIVE, PADDING].flatMap((one) => [
    [one],
    [one, NSID],
    [one, COOKIE],
    [one, COOKIE, SUBNET, NSID, KEEPALIVE, PADDING],
  ]),
]
const EDNS: readonly QueryParts[] = [
  {},
  ...OPTIONS.flatMap((options) => [
    { edns: { size: 4096, options } },
    { edns: { size: 512, flags: 0x8000, options } },
    { edns: { version: 1, options } },
  ]),
]

/** Every kind of answer: many records, few, one; long data; what brings more along; none; none of ours; errors; who we are. */
const QUESTIONS: readonly [string, string | number, number?][] = [
  ...[
    'many.org',
    'few.org',
    'a.example',
    'large.example',
    's.example',
    'example',
    'org',
    'c.example',
    'c0.org',
  ].flatMap((name) =>
    ['A', 'AAAA', 'TXT', 'MX', 'SRV', 'NS', 'SOA', 'ANY', 'DS', 'HTTPS', 'TYPE1000'].map(
      (type): [string, string | number] => [name, type === 'TYPE1000' ? 1000 : type],
    ),
  ),
  ...['A', 'ANY', 'NS', 'DS'].flatMap((type): [string, string][] => [
    ...['x.y.b.example', 'q.x.y.b.example', 'no.example', 'y.b.example', 'q.w.org', '1.1.org'].map(
      (name): [string, string] => [name, type],
    ),
    ...['.', 'a', 'com', 'elsewhere.com'].map((name): [string, string] => [name, type]),
  ]),
  ...['version.bind', 'id.server', 'hostname.bind', 'no.bind', 'example'].flatMap((name) =>
    ['TXT', 'ANY', 'A'].map((type): [string, string, number] => [name, type, 3]),
  ),
  ...['AXFR', 'IXFR', 'OPT', 'ANY'].map((type): [string, string] => ['example', type]),
  ['example', 'ANY', 255],
  ['example', 'A', 4],
]

const RECORDS: readonly RRset[] = [
  ...RRSETS,
  { name: 'many.org', type: 'A', data: addresses },
  { name: 'few.org', type: 'A', data: addresses.slice(0, 3) },
  { name: 'few.org', type: 'HTTPS', data: [{ priority: 1, target: 'many.org', params: {} }] },
]

/** All that can make a response longer, and nobody is trusted. */
const LARGEST: Partial<AnswerPolicy> = {
  amplification: parseAmplification({ trusted: [] }),
  nsid: new Uint8Array(128).fill(0x41),
  identity: { version: 'v'.repeat(255), hostname: 'h'.repeat(255) },
  cookies: 'on',
  subnetSources: buildCidrTable([{ cidr: parseCidr('trusted', '0.0.0.0/0'), value: 0 }]),
}

const server = (policy: Partial<AnswerPolicy> = {}, loaded = true) =>
  new Answering({ zones: ZONES, policy: { ...LARGEST, ...policy }, loaded }).put(...RECORDS)

const SERVERS: readonly [string, Answering][] = [
  ['that answers', server()],
  ['with a short name', server({ nsid: new Uint8Array(16) })],
  ['with a name of 40 octets', server({ nsid: new Uint8Array(40) })],
  ['that requires cookies', server({ cookies: 'require' })],
  ['that has not loaded yet', server({}, false)],
  ['that refuses the client', server({ acl: parseAcl([{ clients: ['0.0.0.0/0'], action: 'refuse' }]) })],
  [
    'whose limit is reached, and that lets all slip',
    server({ rateLimits: createRateLimits(parseRateLimitOptions({ responsesPerSecond: 1, slip: 1 }), 7) }),
  ],
  ['that says nothing of itself', server({ nsid: NOTHING, identity: { version: undefined, hostname: undefined } })],
]

const isAny = (query: Uint8Array) => {
  try {
    return describeResponse(query).question?.endsWith(' ANY') === true
  } catch {
    return false
  }
}

/** How many octets come back for each of a query. */
function ratio(asked: Answering, query: Uint8Array): number {
  return asked.ask(query).length / query.length
}

describe.each(SERVERS)('bytes out over bytes in, of a server %s', (_, asked) => {
  it('are three at most, and one and a half for ANY, whatever is asked with whatever options', () => {
    const worst = { all: { ratio: 0, query: '' }, any: { ratio: 0, query: '' } }
    for (const [name, type, klass = 1] of QUESTIONS)
      for (const parts of EDNS) {
        const query = buildQuery(name, type, { ...parts, class: klass })
        const found = ratio(asked, query)
        const kind = type === 'ANY' ? worst.any : worst.all
        if (found > kind.ratio) Object.assign(kind, { ratio: found, query: `${name} ${type} ${JSON.stringify(parts)}` })
      }
    expect(worst.all).toSatisfy(({ ratio }) => ratio <= MOST)
    expect(worst.any).toSatisfy(({ ratio }) => ratio <= MOST_FOR_ANY)
  })

  it('are no more for other opcodes, and without a question', () => {
    for (const parts of EDNS) {
      for (const flags of [0, FLAGS.RD, 2 << 11, 4 << 11, 5 << 11, 15 << 11]) {
        const bare = buildMessage(NOTHING, { ...parts, flags })
        expect(ratio(asked, bare)).toBeLessThanOrEqual(MOST)
        expect(ratio(asked, buildQuery('many.org', 'A', { ...parts, flags }))).toBeLessThanOrEqual(MOST)
      }
    }
  })

  it(`are no more for ${RUNS} datagrams that were queries until something was done to them`, () => {
    const property = fc.property(datagram, (query) => {
      if (query.length === 0) return true
      return ratio(asked, query) <= (isAny(query) ? MOST_FOR_ANY : MOST)
    })
    fc.assert(property, { numRuns: RUNS })
  })
})
