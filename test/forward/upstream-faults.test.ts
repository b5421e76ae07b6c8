import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestUpstream, type TestUpstream, type UpstreamFault, type UpstreamResponse } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { FLAGS } from '../support/build-query.js'
import { eventually } from '../support/eventually.js'
import { always, askedOf, brief, Forwarding, timed } from './forwarding.js'

// What an upstream may do wrong, each over a whole server with real sockets.

const [GOOD, OTHER, FORGED] = ['192.0.2.1', '192.0.2.2', '203.0.113.66']
/** What `Forwarding` allows in all, and room for a machine that does other things too. */
const DEADLINE_MS = 2_000
const SLACK_MS = 2_000
const SERVFAIL = 2

/** resolv.conf(5) knows of no other port, and not every user may have that one. */
const mayBindPort53 = await startTestUpstream({ host: '127.0.53.3', port: 53 }).then(
  (upstream) => upstream.close().then(() => true),
  () => false,
)

/** One that answers `GOOD`, and one beside it that answers `OTHER`. */
async function pair(): Promise<[TestUpstream, TestUpstream]> {
  return [await startTestUpstream({ answer: always(GOOD) }), await startTestUpstream({ answer: always(OTHER) })]
}

/** What the one question of a test is answered with: by an upstream with a fault, alone and with a good one beside it. */
async function withFault(fault: UpstreamFault, isAlone: boolean) {
  const [bad, good] = await pair()
  await using _bad = bad
  await using _good = good
  bad.fault(fault, fault === 'delay' ? { ms: 5_000 } : {})
  await using forwarding = await Forwarding.start(isAlone ? [bad] : [bad, good])
  const [response, ms] = await timed(() => forwarding.ask('www.example.org'))
  return { answer: brief(response), ms, asked: bad.count('www.example.org'), response }
}

describe('an upstream with nothing but a fault', () => {
  it.each<UpstreamFault>([
    'drop',
    'delay',
    'wrongId',
    'wrongQuestion',
    'wrongSource',
    'servfail',
    'refused',
    'formerr',
    'notimp',
    'badvers',
    'garbage',
    'short',
  ])('%s: the next one is asked, and its answer is the answer', async (fault) => {
    const { answer, ms } = await withFault(fault, false)
    expect(answer).toBe(`0 ${OTHER}`)
    expect(ms).toBeLessThan(DEADLINE_MS + SLACK_MS)
  })

  it.each<UpstreamFault>(['drop', 'delay', 'wrongId', 'wrongQuestion', 'wrongSource', 'garbage', 'short'])(
    '%s, and it is the only one: SERVFAIL before the deadline, after three queries at most',
    async (fault) => {
      const { answer, ms, asked } = await withFault(fault, true)
      expect(answer).toBe(`${SERVFAIL}`)
      expect(ms).toBeLessThan(DEADLINE_MS + SLACK_MS)
      expect(asked).toBeGreaterThan(0)
      expect(asked).toBeLessThanOrEqual(3)
    },
  )

  it.each([
    ['servfail', 2],
    ['refused', 5],
    ['formerr', 1],
    ['notimp', 4],
    ['badvers', 16],
  ] as const)('%s, and it is the only one: a failure with no data, and never BADVERS of ours', async (fault, rcode) => {
    const { response, asked } = await withFault(fault, true)
    expect(response.rcode === SERVFAIL || (response.rcode === rcode && rcode !== 16)).toBe(true)
    expect(response.answer).toEqual([])
    expect(asked).toBeLessThanOrEqual(3)
  })

  it.each<UpstreamFault>(['duplicate', 'noEdns', 'ignoreEdns', 'dropEdns', 'changeCase', 'oversize'])(
    '%s: is asked so that it can answer',
    async (fault) => {
      const { answer } = await withFault(fault, true)
      expect(answer).toBe(`0 ${GOOD}`)
    },
  )
})

describe('an upstream', () => {
  it('that answers after 1.9 seconds is waited for when there is no other', async () => {
    await using upstream = await startTestUpstream({ answer: always(GOOD) })
    upstream.fault('delay', { ms: 1_900 })
    await using forwarding = await Forwarding.start([upstream], { tryTimeoutMs: 3_000, timeoutMs: 6_000 })
    expect(brief(await forwarding.ask('www.example.org'))).toBe(`0 ${GOOD}`)
  })

  it('is asked over TCP when its answer is truncated', async () => {
    await using upstream = await startTestUpstream({ answer: always(GOOD) })
    upstream.fault('truncate')
    await using forwarding = await Forwarding.start([upstream])
    expect(brief(await forwarding.ask('www.example.org'))).toBe(`0 ${GOOD}`)
    expect(askedOf(upstream).map(({ protocol }) => protocol)).toEqual(['udp', 'tcp'])
  })

  it.each<UpstreamFault>(['refuseTcp', 'stallTcp', 'closeConnection'])(
    'that truncates, and then %s: the next one answers, and without one it is SERVFAIL in time',
    async (fault) => {
      const [bad, good] = await pair()
      await using _bad = bad
      await using _good = good
      bad.fault('truncate')
      bad.fault(fault)
      await using forwarding = await Forwarding.start([bad, good])
      expect(brief(await forwarding.ask('www.example.org'))).toBe(`0 ${OTHER}`)
      await using alone = await Forwarding.start([bad])
      const [response, ms] = await timed(() => alone.ask('www.example.org'))
      expect(brief(response)).toBe(`${SERVFAIL}`)
      expect(response.flags & FLAGS.TC).toBe(0)
      expect(ms).toBeLessThan(DEADLINE_MS + SLACK_MS)
    },
  )

  it('whose port is closed costs no wait: the next one answers, and without one it is SERVFAIL at once', async () => {
    const [gone, good] = await pair()
    await using _good = good
    await gone.close()
    const patient = { tryTimeoutMs: 5_000, timeoutMs: 20_000 }
    await using forwarding = await Forwarding.start([gone, good], patient)
    const [response, ms] = await timed(() => forwarding.ask('www.example.org'))
    expect([brief(response), ms < patient.tryTimeoutMs]).toEqual([`0 ${OTHER}`, true])
    await using alone = await Forwarding.start([gone], patient)
    const [failure, failedMs] = await timed(() => alone.ask('www.example.org'))
    expect([brief(failure), failedMs < patient.tryTimeoutMs]).toEqual([`${SERVFAIL}`, true])
  })

  it('that comes back is asked again within two seconds', async () => {
    const upstream = await startTestUpstream({ answer: always(GOOD) })
    const { port } = upstream
    await using forwarding = await Forwarding.start([upstream])
    expect(brief(await forwarding.ask('a.example.org'))).toBe(`0 ${GOOD}`)
    await upstream.close()
    for (let i = 0; i < 20; i++) expect(brief(await forwarding.ask(`gone-${i}.example.org`))).toBe(`${SERVFAIL}`)
    await using _back = await startTestUpstream({ port, answer: always(OTHER) })
    const from = performance.now()
    let tries = 0
    await eventually(async () => expect(brief(await forwarding.ask(`back-${tries++}.example.org`))).toBe(`0 ${OTHER}`))
    expect(performance.now() - from).toBeLessThan(2_000 + SLACK_MS)
  })

  it.runIf(mayBindPort53)('that has moved is asked where resolv.conf says it is now', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'containerdns-resolv-'))
    const file = join(folder, 'resolv.conf')
    await using before = await startTestUpstream({ host: '127.0.53.1', port: 53, answer: always(GOOD) })
    await using after = await startTestUpstream({ host: '127.0.53.2', port: 53, answer: always(OTHER) })
    writeFileSync(file, `nameserver ${before.host}\n`)
    await using forwarding = await Forwarding.start([], { resolvConf: file })
    expect(brief(await forwarding.ask('before.example.org'))).toBe(`0 ${GOOD}`)
    await before.close()
    writeFileSync(file, `nameserver ${after.host}\n`)
    let tries = 0
    await eventually(async () => expect(brief(await forwarding.ask(`after-${tries++}.example.org`))).toBe(`0 ${OTHER}`))
    rmSync(folder, { recursive: true })
  })
})

describe('an answer', () => {
  /** Asks twice for a name that an upstream answers so, and counts how often the upstream was asked. */
  async function askedTwice(response: UpstreamResponse, type = 'A') {
    await using upstream = await startTestUpstream({ answer: () => response })
    await using forwarding = await Forwarding.start([upstream])
    const first = await forwarding.ask('www.example.org', type)
    const second = await forwarding.ask('www.example.org', type)
    return { first, second, asked: upstream.count('www.example.org') }
  }
  const A = { name: 'www.example.org', type: 'A', data: GOOD } as const
  const SOA = {
    mname: 'ns.example.org',
    rname: 'a.example.org',
    serial: 1,
    refresh: 2,
    retry: 3,
    expire: 4,
    minimum: 9,
  }

  it('NXDOMAIN with addresses gives no address', async () => {
    const { first } = await askedTwice({ rcode: 'NXDOMAIN', answer: [{ ...A, data: FORGED }] })
    expect([3, SERVFAIL]).toContain(first.rcode)
    expect(first.answer).toEqual([])
  })

  it('NXDOMAIN with an alias that leads there is both', async () => {
    const cname = { name: 'www.example.org', type: 'CNAME', data: 'absent.example.org' } as const
    const authority = [{ name: 'example.org', type: 'SOA', ttl: 900, data: SOA }] as const
    const { first, second, asked } = await askedTwice({ rcode: 'NXDOMAIN', answer: [cname], authority })
    for (const { rcode, answer } of [first, second]) {
      expect([rcode, answer.map(({ type }) => type)]).toEqual([3, [5]])
    }
    expect(asked).toBe(1)
  })

  it('without records and without SOA is NODATA, and not kept (RFC 2308 §5)', async () => {
    const { first, second, asked } = await askedTwice({})
    expect([brief(first), brief(second), asked]).toEqual(['0', '0', 2])
  })

  it('without records and with a SOA is kept for its minimum', async () => {
    const { second, asked } = await askedTwice({
      authority: [{ name: 'example.org', type: 'SOA', ttl: 900, data: SOA }],
    })
    expect([second.rcode, second.authority[0]?.type, asked]).toEqual([0, 6, 1])
    expect(second.authority[0]!.ttl).toBeLessThanOrEqual(9)
  })

  it('with TTL 0 is given and not kept', async () => {
    const { first, second, asked } = await askedTwice({ answer: [{ ...A, ttl: 0 }] })
    expect([brief(first), first.answer[0]!.ttl, brief(second), asked]).toEqual([`0 ${GOOD}`, 0, `0 ${GOOD}`, 2])
  })

  it.each([2 ** 31, 2 ** 32 - 1])('with TTL %i counts as one with TTL 0 (RFC 2181 §8)', async (ttl) => {
    const { first, asked } = await askedTwice({ answer: [{ ...A, ttl }] })
    expect([brief(first), first.answer[0]!.ttl, asked]).toEqual([`0 ${GOOD}`, 0, 2])
  })

  it('with the longest TTL that there is is kept for a day', async () => {
    const { second, asked } = await askedTwice({ answer: [{ ...A, ttl: 2 ** 31 - 1 }] })
    expect(second.answer[0]!.ttl).toBeLessThanOrEqual(86_400)
    expect(second.answer[0]!.ttl).toBeGreaterThan(86_000)
    expect(asked).toBe(1)
  })

  it('that is a loop of aliases ends, and asks nobody more than three times', async () => {
    const loop = [
      { name: 'www.example.org', type: 'CNAME', data: 'b.example.org' },
      { name: 'b.example.org', type: 'CNAME', data: 'www.example.org' },
    ] as const
    await using upstream = await startTestUpstream({ answer: () => ({ answer: loop }) })
    await using forwarding = await Forwarding.start([upstream])
    const { rcode, answer } = await forwarding.ask('www.example.org')
    expect([0, SERVFAIL]).toContain(rcode)
    expect(answer.every(({ type }) => type === 5)).toBe(true)
    expect(askedOf(upstream).length).toBeLessThanOrEqual(3)
  })

  it('of 4000 records comes whole over TCP, and truncated over UDP', async () => {
    const data = Array.from({ length: 4000 }, (_, i) => `10.1.${i >>> 8}.${i & 0xff}`)
    await using upstream = await startTestUpstream({ rrsets: [{ ...A, data }] })
    await using forwarding = await Forwarding.start([upstream])
    const short = await forwarding.ask('www.example.org')
    expect(short.flags & FLAGS.TC).toBe(FLAGS.TC)
    const whole = await forwarding.askOverTcp('www.example.org')
    expect(new Set(whole.answer.map(({ rdata }) => rdata)).size).toBe(4000)
    expect((await forwarding.askOverTcp('www.example.org')).answer).toHaveLength(4000)
  })

  it('of 65 kilobytes comes whole over TCP', async () => {
    const data = Array.from({ length: 240 }, (_, i) => `${i} `.padEnd(255, 'x'))
    await using upstream = await startTestUpstream({ rrsets: [{ name: 'www.example.org', type: 'TXT', data }] })
    await using forwarding = await Forwarding.start([upstream])
    for (let i = 0; i < 2; i++) {
      expect((await forwarding.askOverTcp('www.example.org', 'TXT')).answer).toHaveLength(240)
    }
  })
})
