import { FastRandom } from '../../../lib/fast-random.js'
import { createRateLimits } from '../../../lib/limits/create-rate-limits.js'
import { parseRateLimitOptions } from '../../../lib/limits/rate-limit-options.js'
import type { ParsedSelectionOptions } from '../../../lib/records/selection-options.js'
import { Answering, type AnsweringOptions } from '../../support/answering.js'
import { buildQuery, type EdnsParts } from '../../support/build-query.js'

/**
 * What goes by the client, each kind alone and all together: the answering code in batches of 64, names with four addresses, a thousand
 * clients, of whom none knows cookies, or all do. Each kind in turns, by the fastest of many rounds.
 */

const NAMES = 10_000
const CLIENTS = 1_000
const BATCH = 64
/** A round takes two milliseconds, so that some are not disturbed. */
const BATCHES = 40
const ROUNDS = 400
const WARM_UP_ROUNDS = 60
const COOKIE = 10
const COOKIE_SIZE = 24

const BY_CLIENT: { selection: Partial<ParsedSelectionOptions> } = { selection: { policy: 'clientHash' } }
const VIEWS: AnsweringOptions = {
  views: [
    { name: 'office', clients: ['172.16.0.0/12', '2001:db8::/32'] },
    { name: 'lab', clients: ['10.0.0.0/8', '192.168.0.0/16'] },
  ],
}
const LIMITS: AnsweringOptions['policy'] = {
  rateLimits: createRateLimits(
    parseRateLimitOptions({ responsesPerSecond: 1_000_000, queriesPerSecond: 1_000_000 }),
    7,
  ),
}
const COOKIES: AnsweringOptions['policy'] = { cookies: 'on' }

interface Kind {
  readonly name: string
  readonly options: AnsweringOptions
  /** What a client adds to its queries. */
  readonly edns?: 'plain' | 'cookie'
}

const KINDS: readonly Kind[] = [
  { name: 'all off', options: {} },
  { name: 'clientHash', options: BY_CLIENT },
  { name: 'views', options: VIEWS },
  { name: 'limits', options: { policy: LIMITS } },
  { name: 'all on, no client knows cookies', options: { ...BY_CLIENT, ...VIEWS, policy: { ...LIMITS, ...COOKIES } } },
  { name: 'all off, EDNS', options: {}, edns: 'plain' },
  { name: 'all off, EDNS with a cookie', options: {}, edns: 'cookie' },
  { name: 'cookies, all clients know them', options: { policy: COOKIES }, edns: 'cookie' },
  {
    name: 'all on, all clients know cookies',
    options: { ...BY_CLIENT, ...VIEWS, policy: { ...LIMITS, ...COOKIES } },
    edns: 'cookie',
  },
]

const nameOf = (i: number) => `service-${i}.example`
const clientOf = (i: number) => Uint8Array.of(10, 1, i >> 8, i & 255)
const random = new FastRandom(5)
/** Who asks for what, in this order over and over. */
const asked = Array.from({ length: 1 << 14 }, () => ({ name: random.below(NAMES), client: random.below(CLIENTS) }))
const response = new Uint8Array(4096)

class Subject {
  readonly #server: Answering
  readonly #requests: Uint8Array[]
  readonly #clients = Array.from({ length: CLIENTS }, (_, i) => clientOf(i))
  #next = 0

  constructor({ options, edns }: Kind) {
    const server = new Answering({ ...options, batchSize: BATCH })
    const data = [1, 2, 3, 4].map((i) => `192.0.2.${i}`)
    for (let i = 0; i < NAMES; i++) server.put({ name: nameOf(i), type: 'A', data })
    const cookies = this.#clients.map((client) => cookieFrom(server, client))
    this.#requests = asked.map(({ name, client }) => buildQuery(nameOf(name), 'A', ednsParts(edns, cookies[client]!)))
    server.pipeline.clients = {
      clientAddress: (i, target) => {
        const client = this.#clients[asked[(this.#next + i) & (asked.length - 1)]!.client]!
        // Octet by octet, as the transport does: `set` takes longer than all the rest.
        for (let at = 0; at < 4; at++) target[at] = client[at]!
        return 4
      },
    }
    this.#server = server
  }

  batch(): void {
    const { pipeline, index } = this.#server
    index.reader.enter()
    for (let i = 0; i < BATCH; i++) {
      const request = this.#requests[(this.#next + i) & (asked.length - 1)]!
      pipeline.take(i, request, 0, request.length)
    }
    pipeline.prefetch(BATCH)
    for (let i = 0; i < BATCH; i++) pipeline.answerDatagram(i, response, 0, 1232)
    index.reader.leave()
    this.#next += BATCH
  }
}

/** Both cookies, the server's as it hands it out to who has none; zeros where it does not. */
function cookieFrom(server: Answering, client: Uint8Array): Uint8Array {
  server.client = client
  const reply = server.ask(buildQuery('example', 'SOA', { edns: { options: [[COOKIE, new Uint8Array(8)]] } }))
  const cookie = reply.slice(-COOKIE_SIZE)
  return cookie[8] === 1 ? cookie : new Uint8Array(COOKIE_SIZE)
}

function ednsParts(edns: Kind['edns'], cookie: Uint8Array): { edns?: EdnsParts } {
  if (edns === undefined) return {}
  return { edns: { size: 1232, ...(edns === 'cookie' && { options: [[COOKIE, cookie]] }) } }
}

const subjects = KINDS.map((kind) => new Subject(kind))
const fastest = subjects.map(() => Number.POSITIVE_INFINITY)
for (let round = 0; round < ROUNDS + WARM_UP_ROUNDS; round++) {
  for (const [i, subject] of subjects.entries()) {
    const start = process.hrtime.bigint()
    for (let n = 0; n < BATCHES; n++) subject.batch()
    const ns = Number(process.hrtime.bigint() - start) / (BATCHES * BATCH)
    if (round >= WARM_UP_ROUNDS) fastest[i] = Math.min(fastest[i]!, ns)
  }
}
for (const [i, { name }] of KINDS.entries()) {
  console.log(`${name.padEnd(40)} ${fastest[i]!.toFixed(1).padStart(7)} ns a query`)
}
