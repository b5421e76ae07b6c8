import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiClient, ApiUnderTest } from './running-api.js'

let under: ApiUnderTest
let client: ApiClient
beforeAll(async () => {
  under = await ApiUnderTest.start({}, { requestsPerSecond: 1_000_000 })
  client = under.client
})
afterAll(() => under[Symbol.asyncDispose]())

const BUDGET_MS = 8000

/** Values that a schema describes, now and then with something else in their place. */
function fromSchema(schema: unknown): fc.Arbitrary<unknown> {
  const anything = fc.jsonValue({ maxDepth: 2 })
  return fc.oneof({ weight: 9, arbitrary: strictly(schema as Schema) }, { weight: 1, arbitrary: anything })
}

interface Schema {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Record<string, Schema>
  readonly required?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
}

const NAMES = [
  'example',
  'www.example',
  'a.team.example',
  'team.example',
  '*.example',
  'x.svc.example',
  'out.side',
  '.',
  '',
  'a..b',
  'ü.example',
  '%00',
  '\\000.example',
]
const WORDS = [
  ...NAMES,
  'A',
  'AAAA',
  'CNAME',
  'SRV',
  'TXT',
  'NS',
  'MX',
  'SOA',
  'TYPE65280',
  'TYPE1',
  'ANY',
  '192.0.2.1',
  '2001:db8::1',
  'office',
  'default',
  '__proto__',
  'constructor',
  '"etag"',
  '*',
]

function text(): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...WORDS) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }) },
  )
}

function strictly(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(fromSchema))
  switch (schema.type) {
    case 'string':
      return text()
    case 'integer':
      return fc.oneof(fc.integer(), fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 65535 }))
    case 'array':
      return fc.array(fromSchema(schema.items ?? {}), { maxLength: 4 })
    case 'object': {
      const properties = Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([key, each]) => [key, fromSchema(each)]),
      )
      const required = fc.constantFrom(true, true, true, false)
      return required.chain((isWhole) =>
        fc.record(properties, { requiredKeys: isWhole ? [...(schema.required ?? [])] : [] }),
      )
    }
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

const operations = () =>
  fc.constantFrom(...client.operations()).chain(({ path, method, operation }) => {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
    const query = (operation.parameters ?? []).filter((each) => each.in === 'query')
    const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema
    return fc.record({
      path: fc.constant(path),
      method: fc.constant(method),
      isOpen: fc.constant(operation.security.length === 0),
      params: fc.record(
        Object.fromEntries(
          names.map((name) => [name, name === 'zone' ? fc.constantFrom('example', 'team.example', 'x') : text()]),
        ),
      ),
      query: fc.record(Object.fromEntries(query.map(({ name, schema }) => [name, fromSchema(schema)])), {
        requiredKeys: [],
      }),
      body: body === undefined ? fc.constant(undefined) : fromSchema(body),
      ifMatch: fc.option(fc.constantFrom('*', '"x"', 'x', ',,')),
    })
  })

function urlOf(path: string, params: Record<string, string>, query: object): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const text = params[name] ?? ''
    // These would be taken for steps in the path, and lead elsewhere.
    return /^\.{0,2}$/.test(text) ? 'a.' : encodeURIComponent(text)
  })
  const pairs = Object.entries(query).map(([key, value]): [string, string] => [
    key,
    typeof value === 'string' ? value : JSON.stringify(value),
  ])
  return pairs.length === 0 ? filled : `${filled}?${new URLSearchParams(pairs)}`
}

describe('whatever is sent', () => {
  it('is answered as the OpenAPI document says, never with 500', async () => {
    await fc.assert(
      fc.asyncProperty(
        operations(),
        fc.constantFrom('root', 'alice', 'bob'),
        async ({ path, method, params, query, body, ifMatch }, as) => {
          const headers = ifMatch === null ? {} : { 'if-match': ifMatch }
          const answer = await client.ask(method, urlOf(path, params, query), body, { as, headers })
          expect(answer.status, answer.text).not.toBe(500)
        },
      ),
      { numRuns: 3000, interruptAfterTimeLimit: BUDGET_MS, markInterruptAsFailure: false },
    )
  })

  it('is a problem like others when it is too long for a name, or for a request', async () => {
    for (const [length, status] of [
      [2000, 400],
      [10_000, 400],
      [20_000, 431],
    ] as const) {
      const answer = await client.ask('GET', `/v1/zones/example/rrsets/${'x'.repeat(length)}`)
      expect(answer).toMatchObject({ status, body: { status, code: 'CDNS_REQUEST_INVALID' } })
      expect(answer.headers.get('content-type')).toContain('application/problem+json')
    }
  })

  it('changes nothing and tells nothing without a token', async () => {
    await under.dns.records.put({ name: 'kept.example', type: 'A', data: ['192.0.2.77'] })
    const before = under.dns.stats().index.serial
    await fc.assert(
      fc.asyncProperty(
        operations(),
        fc.constantFrom('', 'stranger'),
        async ({ path, method, isOpen, params, query, body }, as) => {
          const answer = await client.ask(method, urlOf(path, params, query), body, { as })
          if (!isOpen) expect(answer.status).toBe(401)
        },
      ),
      { numRuns: 2000, interruptAfterTimeLimit: BUDGET_MS, markInterruptAsFailure: false },
    )
    expect(under.dns.stats().index.serial).toBe(before)
    expect(under.dns.health.status('192.0.2.77')).toBe('unknown')
  })
})
