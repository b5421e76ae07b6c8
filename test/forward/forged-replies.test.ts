import { randomBytes } from 'node:crypto'
import { startTestUpstream, type UpstreamFault } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { nameFromText } from '../../lib/wire/name.js'
import { FLAGS } from '../support/build-query.js'
import { concurrently } from '../support/udp-asker.js'
import { always, askedOf, brief, Forwarding } from './forwarding.js'

// Replies that somebody else may have sent (RFC 5452), over a whole server with real sockets.

const [GOOD, FORGED] = ['192.0.2.1', '203.0.113.66']

describe('what goes upstream', () => {
  it('has ids that cannot be guessed, from 256 ports at least, taken at random', async () => {
    const count = 20_000
    await using upstream = await startTestUpstream({ answer: always(GOOD) })
    await using forwarding = await Forwarding.start([upstream], { tryTimeoutMs: 5_000, timeoutMs: 20_000 })
    const names = Array.from({ length: count }, (_, i) => `n${i}.example.org`)
    await concurrently(names, 100, async (name) => {
      expect(brief(await forwarding.ask(name))).toBe(`0 ${GOOD}`)
    })
    const queries = askedOf(upstream)
    expect(queries.length).toBeGreaterThanOrEqual(count)
    // 255 degrees of freedom: a value above 341 comes once in 4000 runs, above 400 never.
    expect(chiSquare(queries.map(({ id }) => id >>> 8))).toBeLessThan(400)
    expect(chiSquare(queries.map(({ id }) => id & 0xff))).toBeLessThan(400)
    const ports = queries.map(({ port }) => port)
    expect(new Set(ports).size).toBeGreaterThanOrEqual(256)
    // Walked in turn, a port would be followed by the same one each time.
    const followers = new Map<number, Set<number>>()
    for (const [i, port] of ports.slice(1).entries()) {
      const known = followers.get(ports[i]!) ?? new Set()
      followers.set(ports[i]!, known.add(port))
    }
    const most = [...followers.values()].filter(({ size }) => size > 5)
    expect(most.length).toBeGreaterThan(followers.size / 2)
  }, 120_000)

  it('is spelled at random when asked to, and an answer in another spelling does not count', async () => {
    await using upstream = await startTestUpstream({ answer: always(GOOD) })
    await using forwarding = await Forwarding.start([upstream], { randomizeCase: true })
    const name = 'a-name-with-many-letters.example.org'
    expect(brief(await forwarding.ask(name))).toBe(`0 ${GOOD}`)
    const [first] = askedOf(upstream)
    expect(first!.name).not.toBe(first!.name.toLowerCase())
    upstream.fault('changeCase', { protocol: 'udp' })
    const response = await forwarding.ask(`Another-${name}`)
    expect(brief(response)).toBe(`0 ${GOOD}`)
    expect(Buffer.from(response.question).toString('latin1')).toContain('Another-a-name')
    expect(askedOf(upstream).at(-1)!.protocol).toBe('tcp')
  })
})

describe('a reply that is not right', () => {
  const WRONG: readonly UpstreamFault[] = [
    ...['short', 'formerr', 'wrongId', 'truncate', 'garbage', 'wrongQuestion', 'wrongSource'],
  ] as const

  it('does not keep the right one behind it from being taken, a hundred times of a hundred', async () => {
    await using upstream = await startTestUpstream({ answer: always(GOOD) })
    await using forwarding = await Forwarding.start([upstream], { tryTimeoutMs: 2_000, timeoutMs: 8_000 })
    for (let i = 0; i < 100; i++) {
      const fault = WRONG[i % WRONG.length]!
      const copies = 1 + (i % 50)
      const name = `${fault}-${i}.example.org`
      upstream.fault(fault, { name, copies, thenAnswer: true })
      expect([name, brief(await forwarding.ask(name))]).toEqual([name, `0 ${GOOD}`])
    }
  }, 60_000)

  it('from an attacker who guesses is not taken: other id, other question, other port, with an address of theirs', async () => {
    for (const fault of ['wrongId', 'wrongQuestion', 'wrongSource'] as const) {
      let isForged = true
      await using upstream = await startTestUpstream({
        answer: ({ name }) => ({ answer: [{ name, type: 'A', data: isForged ? FORGED : GOOD }] }),
      })
      const active = upstream.fault(fault, { copies: 20 })
      await using forwarding = await Forwarding.start([upstream])
      expect([fault, brief(await forwarding.ask('www.example.org'))]).toEqual([fault, '2'])
      await active.remove()
      isForged = false
      await forwarding.dns.cache.flush()
      expect([fault, brief(await forwarding.ask('again.example.org'))]).toEqual([fault, `0 ${GOOD}`])
    }
  })
})

describe('records that nobody asked for', () => {
  const bank = { name: 'bank.example.org', type: 'A', data: FORGED } as const
  const victim = { name: 'victim.example.org', type: 'A', data: GOOD } as const

  it.each(['answer', 'authority', 'additional'] as const)(
    'in the %s section are neither given nor kept',
    async (section) => {
      await using upstream = await startTestUpstream({
        answer: ({ name }) => {
          if (name !== 'victim.example.org') return { answer: [{ ...bank, name, data: GOOD }] }
          return section === 'answer' ? { answer: [victim, bank] } : { answer: [victim], [section]: [bank] }
        },
      })
      await using forwarding = await Forwarding.start([upstream])
      const { answer, authority, additional } = await forwarding.ask('victim.example.org')
      expect([...answer, ...authority, ...additional].map(({ owner }) => owner)).toEqual(['victim.example.org.'])
      expect(brief(await forwarding.ask('bank.example.org'))).toBe(`0 ${GOOD}`)
      expect(upstream.count('bank.example.org')).toBe(1)
    },
  )

  it('about a zone of ours change nothing there', async () => {
    const evil = { name: 'www.local.example', type: 'A', data: FORGED } as const
    await using upstream = await startTestUpstream({
      answer: () => ({
        answer: [{ name: 'alias.example.org', type: 'CNAME', data: 'www.local.example' }, evil],
        additional: [evil],
      }),
    })
    await using forwarding = await Forwarding.start([upstream])
    await forwarding.dns.records.put({ name: 'www.local.example', type: 'A', data: [GOOD] })
    expect(brief(await forwarding.ask('alias.example.org'))).not.toContain(FORGED)
    expect(brief(await forwarding.ask('www.local.example'))).toBe(`0 ${GOOD}`)
  })

  it('about a zone of other servers are not taken from those for the rest', async () => {
    const inZone = { name: 'www.corp.example', type: 'A', data: FORGED } as const
    await using rest = await startTestUpstream({
      answer: () => ({ answer: [{ name: 'alias.example.org', type: 'CNAME', data: 'www.corp.example' }, inZone] }),
    })
    await using corp = await startTestUpstream({ answer: always(GOOD) })
    const forwardZones = [{ zone: 'corp.example', upstreams: [`${corp.host}:${corp.port}`] }]
    await using forwarding = await Forwarding.start([rest], {}, { forwardZones })
    expect(brief(await forwarding.ask('alias.example.org'))).not.toContain(FORGED)
    expect(brief(await forwarding.ask('www.corp.example'))).toBe(`0 ${GOOD}`)
    expect(rest.count('www.corp.example')).toBe(0)
  })

  it('do not come with a negative answer', async () => {
    const soa = {
      mname: 'ns.example.org',
      rname: 'a.example.org',
      serial: 1,
      refresh: 2,
      retry: 3,
      expire: 4,
      minimum: 9,
    }
    await using upstream = await startTestUpstream({
      answer: ({ name }) =>
        name === 'absent.example.org'
          ? {
              rcode: 'NXDOMAIN',
              authority: [
                { name: 'org', type: 'SOA', data: soa },
                bank,
                { ...bank, type: 'NS', data: 'ns.evil.example' },
              ],
            }
          : always(GOOD)({ name, type: 'A' }),
    })
    await using forwarding = await Forwarding.start([upstream])
    const { rcode, authority } = await forwarding.ask('absent.example.org')
    expect([rcode, authority.map(({ type }) => type)]).toEqual([3, [6]])
    expect(brief(await forwarding.ask('bank.example.org'))).toBe(`0 ${GOOD}`)
  })
})

describe('a client', () => {
  it('gets its own spelling, RA set, AA clear, AD and DO as they were, and types that nobody knows', async () => {
    const rdata = new Uint8Array(randomBytes(33))
    await using upstream = await startTestUpstream({
      answer: ({ name }) => ({
        answer: [{ name, type: 'TYPE65400', data: rdata }],
        isAuthenticated: true,
        isAuthoritative: true,
      }),
    })
    await using forwarding = await Forwarding.start([upstream])
    for (let i = 0; i < 2; i++) {
      const response = await forwarding.ask(nameFromText('WwW.eXample.ORG'), 65400, {
        edns: { size: 1232, flags: 0x8000 },
      })
      expect(Buffer.from(response.question).toString('latin1')).toContain('WwW\x07eXample\x03ORG')
      expect(response.answer).toMatchObject([{ owner: 'www.example.org.', rdata: Buffer.from(rdata).toString('hex') }])
      expect(response.flags & ~FLAGS.RD).toBe(FLAGS.QR | FLAGS.RA | FLAGS.AD)
      expect(response.opt!.ttl & 0x8000).toBe(0x8000)
    }
    expect(askedOf(upstream)).toMatchObject([{ edns: { isDnssecOk: true }, isRecursionDesired: true }])
  })

  it('who does not ask for recursion, or may not, is refused, and nobody is asked', async () => {
    await using upstream = await startTestUpstream({ answer: always(GOOD) })
    await using forwarding = await Forwarding.start([upstream])
    expect(brief(await forwarding.ask('www.example.org', 'A', { flags: 0 }))).toBe('5')
    await using closed = await Forwarding.start([upstream], { allow: ['192.0.2.0/24'] })
    expect(brief(await closed.ask('www.example.org'))).toBe('5')
    expect(askedOf(upstream)).toEqual([])
  })
})

/** How far bytes are from being spread evenly over 256 values. */
function chiSquare(bytes: readonly number[]): number {
  const counts = new Array<number>(256).fill(0)
  for (const byte of bytes) counts[byte]!++
  const expected = bytes.length / 256
  return counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0)
}
