import { startTestUpstream } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { buildQuery } from '../support/build-query.js'
import { eventually } from '../support/eventually.js'
import { overTcp } from '../support/exchange.js'
import { describeResponse } from '../support/expect-response.js'
import { ask, DO, EDNS, placeOf, startForwarding, ZONE } from './forwarding-server.js'

// Names of ours that are CNAMEs to names of others, such as Services of type ExternalName.

const MORE = `${ZONE}
mail   60    MX    10 mx.mail
mx.mail 60   A     192.0.2.7
`
const ALIASES = {
  'to-www': 'www.forwarded.example',
  'to-to-www': 'to-www.ours.test',
  'to-alias': 'alias.forwarded.example',
  'to-mail': 'mail.forwarded.example',
  'to-gone': 'gone.forwarded.example',
  'to-none': 'none.forwarded.example',
  'to-short': 'x.any.forwarded.example',
  'long-name-that-is-longer-than-the-others': 'forwarded.example',
} as const
const RRSETS = Object.entries(ALIASES).map(([label, target]) => ({
  ...{ name: `${label}.ours.test`, type: 'CNAME' as const, ttl: 30, data: [target] },
}))

function options(transport: 'batch' | 'dgram' = 'batch') {
  return { transport, rrsets: RRSETS }
}

describe.each(['batch', 'dgram'] as const)('over %s, a name of ours that is an alias of one of others', (transport) => {
  it('is answered with what that has, behind the alias, out of nothing and out of the cache, over UDP and TCP', async () => {
    await using upstream = await startTestUpstream({ zone: MORE })
    await using server = await startForwarding(upstream, options(transport))
    const a = { rcode: 'NOERROR', flags: 'QR AA RD RA' }
    const www = 'www.forwarded.example. 60 A 192.0.2.1'
    const cases = [
      ['to-www', 'A', ['to-www.ours.test. 30 CNAME www.forwarded.example.', www]],
      [
        'to-to-www',
        'A',
        ['to-to-www.ours.test. 30 CNAME to-www.ours.test.', 'to-www.ours.test. 30 CNAME www.forwarded.example.', www],
      ],
      [
        'to-alias',
        'A',
        [
          'to-alias.ours.test. 30 CNAME alias.forwarded.example.',
          'alias.forwarded.example. 60 CNAME www.forwarded.example.',
          www,
        ],
      ],
      [
        'to-mail',
        'MX',
        [
          'to-mail.ours.test. 30 CNAME mail.forwarded.example.',
          'mail.forwarded.example. 60 MX 10 mx.mail.forwarded.example.',
        ],
      ],
    ] as const
    for (const [label, type, answer] of cases) {
      const name = `${label}.ours.test`
      await server.cache.flush()
      for (let i = 0; i < 2; i++) expect(young(await ask(server, name, type))).toMatchObject({ ...a, answer })
      await server.cache.flush()
      for (let i = 0; i < 2; i++) {
        expect(young(describeResponse(await overTcp(server, buildQuery(name, type))))).toMatchObject({ ...a, answer })
      }
    }
  })

  it('says how that fares where there is no answer: no such name, no such data, or a failure, which leaves nothing of the alias', async () => {
    await using upstream = await startTestUpstream({ zone: MORE })
    await using server = await startForwarding(upstream, {
      ...options(transport),
      forward: { tryTimeoutMs: 100, timeoutMs: 300, attempts: 1 },
    })
    const soa = ['forwarded.example. 30 SOA ns.forwarded.example. admin.forwarded.example. 1 7200 1800 86400 30']
    for (let i = 0; i < 2; i++) {
      const gone = young(await ask(server, 'to-gone.ours.test'))
      expect(gone).toMatchObject({ rcode: 'NXDOMAIN', flags: 'QR AA RD RA', authority: soa })
      expect(gone.answer).toEqual(['to-gone.ours.test. 30 CNAME gone.forwarded.example.'])
      const none = young(await ask(server, 'long-name-that-is-longer-than-the-others.ours.test', 'A'))
      expect(none).toMatchObject({ rcode: 'NOERROR', authority: soa })
      expect(none.answer).toHaveLength(1)
    }
    upstream.fault('drop')
    for (let i = 0; i < 2; i++) {
      const failed = await ask(server, 'to-www.ours.test', 'A', EDNS)
      expect(failed).toMatchObject({ rcode: 'SERVFAIL', flags: 'QR RD RA', answer: [], authority: [] })
    }
  })

  it('shares its answer and its upstream query with that name', async () => {
    await using upstream = await startTestUpstream({ zone: MORE })
    await using server = await startForwarding(upstream, options(transport))
    upstream.fault('delay', { ms: 200 })
    const names = ['to-www.ours.test', 'www.forwarded.example', 'to-to-www.ours.test']
    const responses = await Promise.all(names.map((name) => ask(server, name)))
    expect(responses.map(({ answer }) => answer.length)).toEqual([2, 1, 3])
    expect(upstream.count('www.forwarded.example')).toBe(1)
  })
})

describe('an alias of ours that leads elsewhere', () => {
  it('is answered alone to who may not have queries forwarded, or does not want it', async () => {
    await using upstream = await startTestUpstream({ zone: MORE })
    const alone = ['to-www.ours.test. 30 CNAME www.forwarded.example.']
    await using server = await startForwarding(upstream, options())
    expect(await ask(server, 'to-www.ours.test', 'A', { flags: 0 })).toMatchObject({ rcode: 'NOERROR', answer: alone })
    await using closed = await startForwarding(upstream, { ...options(), forward: { allow: ['192.0.2.0/24'] } })
    expect(await ask(closed, 'to-www.ours.test')).toMatchObject({ flags: 'QR AA RD', answer: alone })
    expect(await ask(server, 'to-www.ours.test', 'CNAME')).toMatchObject({ rcode: 'NOERROR', answer: alone })
    expect(upstream.count('www.forwarded.example')).toBe(0)
  })

  it('is followed for the host, with DO, and into a forward zone inside a zone of ours', async () => {
    await using upstream = await startTestUpstream({ zone: MORE })
    await using corp = await startTestUpstream({
      answer: ({ name }) => ({ answer: [{ name, type: 'A', data: '192.0.2.99' }] }),
    })
    await using server = await startForwarding(upstream, {
      rrsets: [...RRSETS, { name: 'in.ours.test', type: 'CNAME', data: ['www.corp.ours.test'] }],
      forwardZones: [{ zone: 'corp.ours.test', upstreams: [placeOf(corp)] }],
    })
    for (let i = 0; i < 2; i++) {
      expect((await server.query('to-www.ours.test', 'A')).answer.map(({ name }) => name)).toEqual([
        'to-www.ours.test',
        'www.forwarded.example',
      ])
    }
    expect((await ask(server, 'to-www.ours.test', 'A', DO)).answer).toHaveLength(2)
    expect((await ask(server, 'in.ours.test')).answer[1]).toBe('www.corp.ours.test. 60 A 192.0.2.99')
  })

  it('ends after eight of ours, and where it comes back to us', async () => {
    await using upstream = await startTestUpstream({
      answer: ({ name }) => ({ answer: [{ name, type: 'CNAME', ttl: 60, data: 'to-itself.ours.test' }] }),
    })
    const chain = Array.from({ length: 9 }, (_, i) => ({
      ...{
        name: `c${i}.ours.test`,
        type: 'CNAME' as const,
        data: [i === 8 ? 'www.example.net' : `c${i + 1}.ours.test`],
      },
    }))
    await using server = await startForwarding(upstream, {
      rrsets: [...chain, { name: 'to-itself.ours.test', type: 'CNAME', data: ['back.example.net'] }],
    })
    expect((await ask(server, 'c1.ours.test')).answer).toHaveLength(9)
    expect((await ask(server, 'c0.ours.test')).answer).toHaveLength(8)
    const { rcode, answer } = await ask(server, 'to-itself.ours.test')
    expect([rcode, answer]).toEqual([
      'NOERROR',
      ['to-itself.ours.test. 30 CNAME back.example.net.', 'back.example.net. 60 CNAME to-itself.ours.test.'],
    ])
  })

  it('that is changed while its answer is awaited is answered as it is then', async () => {
    await using upstream = await startTestUpstream({ zone: MORE })
    await using server = await startForwarding(upstream, options())
    upstream.fault('delay', { ms: 500 })
    const asking = ask(server, 'to-www.ours.test')
    await eventually(() => expect(upstream.count('www.forwarded.example')).toBe(1))
    await server.records.put({ name: 'to-www.ours.test', type: 'CNAME', data: ['x.any.forwarded.example'] })
    const { rcode, answer } = await asking
    expect(rcode).toBe('NOERROR')
    expect(answer).toEqual(['to-www.ours.test. 30 CNAME x.any.forwarded.example.'])
  })
})

/** A TTL may have gone down by a second or two since the answer came. */
function young<T extends { answer: string[]; authority: string[] }>(response: T): T {
  const round = (record: string) => record.replace(/ (\d+) /, (_, ttl: string) => ` ${Number(ttl) > 50 ? 60 : 30} `)
  return { ...response, answer: response.answer.map(round), authority: response.authority.map(round) }
}
