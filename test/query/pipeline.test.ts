import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CookieSecrets } from '../../lib/limits/cookie-secrets.js'
import type { AnswerPolicy } from '../../lib/query/settings.js'
import { Answering, type AnsweringOptions } from '../support/answering.js'
import { hostLabel, wireName } from '../support/arbitraries.js'
import { buildMessage, buildQuery, bytesOf, FLAGS, joined, optRecord, record } from '../support/build-query.js'
import { describeResponse } from '../support/expect-response.js'

const SIZE = 900

/** One secret for all, so that servers make the same cookies. */
const cookieSecrets = new CookieSecrets().buffer
const EVERYTHING: Partial<AnswerPolicy> = {
  cookies: 'on',
  cookieSecrets,
  nsid: new Uint8Array(20).fill(0x41),
  identity: { version: 'v', hostname: 'h' },
  normalizesSrvWeights: true,
  ownAddresses: { ipv4: Uint8Array.of(192, 0, 2, 53), ipv6: new Uint8Array(16).fill(1) },
}

function serverWith(options: AnsweringOptions = {}): Answering {
  return new Answering({
    zones: ['example.', 'b.example.', 'org.'],
    udpPayloadSize: SIZE,
    policy: EVERYTHING,
    ...options,
  })
    .put({ name: 'a.example', type: 'A', data: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] })
    .put({ name: 'a.example', type: 'TXT', data: Array.from({ length: 30 }, (_, i) => `${i}${'x'.repeat(i)}`) })
    .put({ name: 'a.example', type: 'MX', data: [{ preference: 1, exchange: 'a.example' }] })
    .put({ name: 'c.example', type: 'CNAME', data: ['d.org'] })
    .put({ name: 'd.org', type: 'CNAME', data: ['a.example'] })
    .put({ name: 'l.example', type: 'CNAME', data: ['l.example'] })
    .put({ name: 'x.y.b.example', type: 'NS', data: ['ns.b.example', 'ns.com', 'in.x.y.b.example'] })
    .put({ name: 'ns.b.example', type: 'A', data: ['192.0.2.1'] })
    .put({ name: 'in.x.y.b.example', type: 'AAAA', data: ['2001:db8::1'] })
    .put({ name: '*.org', type: 'MX', data: [{ preference: 1, exchange: 'a.example' }] })
    .put({ name: '*.w.org', type: 'CNAME', data: ['z.x.y.b.example'] })
    .put({
      name: 's.example',
      type: 'SRV',
      data: [1, 2, 3].map((port) => ({ priority: 1, weight: 1, port, target: 'a.example' })),
    })
}

const name = fc.oneof(
  fc.constantFrom(
    'a.example',
    'A.exAmple',
    'c.example',
    'd.org',
    'l.example',
    'example',
    'y.b.example',
    'in.x.y.b.example',
    's.example',
    'q.org',
    'q.w.org',
    'ns.dns.org',
    'version.bind',
    'x.y.b.example',
    'com',
    '.',
  ),
  hostLabel.map((label) => `${label}.example`),
)
const type = fc.oneof(fc.constantFrom(1, 2, 5, 6, 15, 16, 28, 33, 41, 252, 255), fc.nat(0xffff))
const options = fc.array(
  fc.oneof(
    fc.tuple(fc.nat(0xffff), fc.uint8Array({ maxLength: 12 })),
    fc.tuple(fc.constantFrom(3, 10, 11, 12), fc.constantFrom(new Uint8Array(0), new Uint8Array(8), new Uint8Array(24))),
  ),
  { maxLength: 3 },
)
const edns = fc.option(
  fc.record({ size: fc.nat(0xffff), version: fc.constantFrom(0, 0, 0, 1, 255), flags: fc.nat(0xffff), options }),
  { nil: undefined },
)
/** Well-formed queries, with what their client can take. */
const query = fc
  .record({ name, type, class: fc.constantFrom(1, 1, 1, 3, 255), id: fc.nat(0xffff), flags: fc.nat(0x7fff), edns })
  .map(({ name, type, edns, ...rest }) => ({
    bytes: buildQuery(name, type, edns === undefined ? rest : { ...rest, edns }),
    limit: edns === undefined ? 512 : Math.min(SIZE, Math.max(512, edns.size)),
  }))

/** Queries with octets changed, taken out or put in. */
const mutated = fc
  .tuple(
    query,
    fc.array(fc.tuple(fc.nat(400), fc.nat(255), fc.constantFrom('change', 'cut', 'insert', 'end')), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([{ bytes }, edits]) => {
    const octets = [...bytes]
    for (const [place, value, edit] of edits) {
      const at = place % (octets.length + 1)
      if (edit === 'change' && at < octets.length) octets[at] = value
      else if (edit === 'cut') octets.splice(at, 1)
      else if (edit === 'insert') octets.splice(at, 0, value)
      else if (edit === 'end') octets.length = at
    }
    return Uint8Array.from(octets)
  })

/** What looks like a message: records and names put together without plan. */
const assembled = fc
  .record({
    flags: fc.constantFrom(0, FLAGS.RD, 0x2800),
    counts: fc.tuple(fc.constantFrom(0, 1, 2, 65535), fc.nat(3), fc.nat(3), fc.constantFrom(0, 1, 2, 65535)),
    parts: fc.array(
      fc.oneof(
        wireName.map((owner) => joined([owner, bytesOf(1, 1)])),
        wireName.map((owner) => record(owner, 1, new Uint8Array(4))),
        fc.constantFrom(optRecord(), optRecord({ version: 3 }), bytesOf(0xc00c), bytesOf(41), new Uint8Array(11)),
      ),
      { maxLength: 6 },
    ),
  })
  .map(({ flags, counts, parts }) => buildMessage(joined(parts), { flags, counts }))

/** What is true of every response. */
function check(request: Uint8Array, response: Uint8Array, limit: number): void {
  const isQuery = request.length >= 12 && (request[2]! & 0x80) === 0
  expect(response.length > 0).toBe(isQuery)
  if (!isQuery) return
  expect(response.length).toBeLessThanOrEqual(limit)
  // Throws unless all octets belong to the records that the counts promise, and for a second question.
  const { id, flags, opcode, question, opt } = describeResponse(response)
  expect(id).toBe((request[0]! << 8) | request[1]!)
  expect(flags).toMatch(/^QR( AA)?( TC)?( RD)?$/)
  expect(opcode).toBe((request[2]! >> 3) & 0xf)
  if (question !== null) {
    const end = response.findIndex((octet, i) => i >= 12 && octet === 0 && isRoot(response, i)) + 5
    expect(Buffer.from(response.subarray(12, end))).toEqual(Buffer.from(request.subarray(12, end)))
  }
  // No OPT without one in the query; without it 512 octets are all there may be.
  if (opt === null) expect(response.length).toBeLessThanOrEqual(512)
}

/** Whether the octet at `at` ends the name that begins behind the header. */
function isRoot(message: Uint8Array, at: number): boolean {
  let position = 12
  while (position < at) position += message[position]! + 1
  return position === at
}

describe('any datagram', () => {
  const [one, other] = [serverWith({ poison: 0xaa }), serverWith({ poison: 0x05 })]

  /** Servers that differ in the octets around the windows alone must say the same. */
  function askBoth(request: Uint8Array): Uint8Array {
    const response = one.ask(request)
    expect(Buffer.from(other.ask(request))).toEqual(Buffer.from(response))
    return response
  }

  it.each<[string, fc.Arbitrary<Uint8Array>]>([
    ['of any octets', fc.uint8Array({ maxLength: 600 })],
    ['that was a query until something changed', mutated],
    ['put together from parts of messages', assembled],
  ])('%s is answered by the rules, and no octet outside of it counts', (_, datagram) => {
    const property = fc.property(datagram, (request) => check(request, askBoth(request), SIZE))
    fc.assert(property, { numRuns: 3000 })
  })

  it('that is a query gets a response no longer than its client takes', () => {
    const property = fc.property(query, ({ bytes, limit }) => check(bytes, askBoth(bytes), limit))
    fc.assert(property, { numRuns: 3000 })
  })

  it('that is long gets one too', () => {
    const long = fc
      .uint8Array({ minLength: 4000, maxLength: 4096 })
      .map((tail) => joined([buildQuery('a.example', 'A', { counts: [1, 9, 9, 99] }), tail]))
    fc.assert(
      fc.property(long, (request) => check(request, askBoth(request), SIZE)),
      { numRuns: 100 },
    )
  })

  it('is never answered when it is one of our responses', () => {
    const property = fc.property(query, ({ bytes }) => {
      expect(one.ask(one.ask(bytes))).toHaveLength(0)
    })
    fc.assert(property)
  })
})

describe('any message over a stream', () => {
  it('is answered by the rules', () => {
    const server = serverWith()
    const property = fc.property(fc.oneof(mutated, assembled, fc.uint8Array({ maxLength: 3000 })), (request) => {
      const response = server.askStream(request)
      expect(response.length > 0).toBe(request.length >= 12 && (request[2]! & 0x80) === 0)
      if (response.length > 0) describeResponse(response)
    })
    fc.assert(property, { numRuns: 2000 })
  })
})

describe('a query', () => {
  it('does not depend on the one before', () => {
    const fresh = () => serverWith({ randomSeed: 5 })
    const shared = fresh()
    const single = fc
      .oneof(
        query.map(({ bytes }) => bytes),
        mutated,
      )
      .filter((bytes) => !describesRRset(fresh().ask(bytes)))
    const property = fc.property(fc.array(single, { minLength: 2, maxLength: 5 }), (queries) => {
      for (const bytes of queries) expect(Buffer.from(shared.ask(bytes))).toEqual(Buffer.from(fresh().ask(bytes)))
    })
    fc.assert(property, { numRuns: 50 })
  })
})

/** Whether a response holds an RRset of several records, whose order is drawn anew each time. */
function describesRRset(response: Uint8Array): boolean {
  if (response.length === 0) return false
  const { answer, authority, additional } = describeResponse(response)
  return answer.length > 2 || authority.length > 1 || additional.length > 1
}

describe('counters', () => {
  it.each<[string, Uint8Array, object]>([
    ['NOERROR', buildQuery('a.example'), { queries: 1, responses: 1, NOERROR: 1 }],
    ['NODATA', buildQuery('a.example', 'AAAA'), { queries: 1, responses: 1, NOERROR: 1, nodata: 1 }],
    ['NXDOMAIN', buildQuery('no.example'), { queries: 1, responses: 1, NXDOMAIN: 1 }],
    ['REFUSED', buildQuery('a.com'), { queries: 1, responses: 1, REFUSED: 1 }],
    ['NOTIMP', buildQuery('a.example', 'A', { flags: 0x2800 }), { queries: 1, responses: 1, NOTIMP: 1 }],
    ['FORMERR', buildQuery('a.example', 'A', { counts: [2] }), { queries: 1, responses: 1, FORMERR: 1 }],
    ['BADVERS', buildQuery('a.example', 'A', { edns: { version: 1 } }), { queries: 1, responses: 1, BADVERS: 1 }],
    ['TC', buildQuery('a.example', 'TXT'), { queries: 1, responses: 1, NOERROR: 1, truncated: 1 }],
    ['a response', buildQuery('a.example', 'A', { flags: FLAGS.QR }), { queries: 1, dropped: 1 }],
    ['a short message', new Uint8Array(11), { queries: 1, dropped: 1 }],
  ])('count %s once', (_, bytes, counters) => {
    const server = serverWith()
    server.ask(bytes)
    expect(server.counters).toEqual(counters)
  })

  it('count SERVFAIL once', () => {
    const server = serverWith({ loaded: false })
    server.ask(buildQuery('a.example'))
    expect(server.counters).toEqual({ queries: 1, responses: 1, SERVFAIL: 1 })
  })
})
