import { startTestUpstream, type UpstreamQuery } from 'containerdns/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FLAGS } from '../support/build-query.js'
import { askedOf, Forwarding } from './forwarding.js'

// What an answer in the cache is for: nobody gets what another asked for.

const CLASS_IN = 1
const REFUSED = 5

interface Asked {
  readonly name: string
  readonly type: 'TXT' | 'TYPE65400'
  readonly class: number
  readonly isDnssecOk: boolean
  readonly isCheckingDisabled: boolean
}

const asked = fc.record<Asked>({
  name: fc.constantFrom('a.example.org', 'A.example.ORG', 'b.example.org', 'a.b.example.org', 'a\\.b.example.org'),
  type: fc.constantFrom('TXT', 'TYPE65400'),
  class: fc.constantFrom(1, 1, 4),
  isDnssecOk: fc.boolean(),
  isCheckingDisabled: fc.boolean(),
})

/** One text for all that one entry may answer. */
function keyOf({ name, type, class: klass, isDnssecOk, isCheckingDisabled }: Asked): string {
  return [name.toLowerCase(), type, klass, isDnssecOk, isCheckingDisabled].join(' ')
}

function keyOfQuery({ edns, ...query }: UpstreamQuery): string {
  return keyOf({ ...query, type: query.type as Asked['type'], isDnssecOk: edns?.isDnssecOk ?? false })
}

describe('the answer cache', () => {
  it('never gives what was said to a question that differs in name, type, class, DO or CD', async () => {
    await using upstream = await startTestUpstream({
      answer: (query) => ({
        answer: [
          {
            name: query.name,
            type: query.type,
            class: query.class,
            ttl: 600,
            data: Buffer.from(`\x40${keyOfQuery(query).padEnd(64)}`),
          },
        ],
      }),
    })
    await using forwarding = await Forwarding.start([upstream])
    const keys = new Set<string>()
    await fc.assert(
      fc.asyncProperty(asked, async (question) => {
        const { name, type, class: klass, isDnssecOk, isCheckingDisabled } = question
        const response = await forwarding.ask(name, type === 'TXT' ? 'TXT' : 65400, {
          class: klass,
          flags: FLAGS.RD | (isCheckingDisabled ? FLAGS.CD : 0),
          edns: { size: 1232, flags: isDnssecOk ? 0x8000 : 0 },
        })
        // What nobody may ask has no entry.
        if (klass !== CLASS_IN && response.rcode === REFUSED) return
        expect(response.rcode).toBe(0)
        const said = Buffer.from(response.answer[0]!.rdata, 'hex').toString('latin1', 1).trim()
        expect(said).toBe(keyOf(question))
        keys.add(said)
      }),
      { numRuns: 600 },
    )
    // Each was asked once: the rest came from the cache.
    expect(askedOf(upstream)).toHaveLength(keys.size)
  }, 60_000)

  it('never gives one view what was asked in another', async () => {
    await using upstream = await startTestUpstream({
      answer: ({ name }) => ({ answer: [{ name, type: 'A', ttl: 600, data: '192.0.2.1' }] }),
    })
    const views = [{ name: 'inside', clients: ['127.0.0.0/8'] }]
    await using forwarding = await Forwarding.start([upstream], {}, { views })
    await forwarding.dns.records.put({ name: 'www.local.example', type: 'A', data: ['192.0.2.9'], view: 'inside' })
    const viaSocket = await forwarding.ask('www.example.org')
    const outside = await forwarding.dns.query('www.example.org', 'A', { client: '10.1.2.3' })
    expect([viaSocket.rcode, outside.rcode]).toEqual([0, 'NOERROR'])
    // A key of its own for each view.
    expect(upstream.count('www.example.org')).toBe(2)
  })
})
