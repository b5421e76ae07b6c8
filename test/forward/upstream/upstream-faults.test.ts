import { describe, expect, it } from 'vitest'
import type { UpstreamFailure } from '../../../lib/forward/upstream/upstream-result.js'
import { startTestUpstream, type TestUpstream } from '../../../lib/testing/upstream/test-upstream.js'
import { type KeptReply, openUpstreams } from '../../support/ask-upstreams.js'
import { eventually } from '../../support/eventually.js'
import { readMessage } from '../../support/read-message.js'

// The upstream list of the reliability material (3.3, and rows 8, 10, 11 and 12 of 3.2), over each kind of socket.

const WWW = 'www.example'
const ZONE = `
$ORIGIN example.
@ 60      SOA ns admin 1 7200 1800 86400 30
www 60    A   192.0.2.1
zero 0    A   192.0.2.2
`
/** Long for a test that waits for it, short for one that must not: tries are told apart by what was sent, never by the clock. */
const SHORT_TRY = { tryTimeoutMs: 150 }
const GOOD = { kind: 'reply', rcode: 0 }

const startZone = (): Promise<TestUpstream> => startTestUpstream({ zone: ZONE })
const at = (server: TestUpstream): string => `127.0.0.1:${server.port}`
/** What a server was asked for the name, protocol by protocol. */
const asked = (server: TestUpstream) =>
  server.queries.filter(({ name }) => name.toLowerCase() === WWW).map(({ protocol }) => protocol)

/** The right response, and no other that looks good. */
function expectWww(result: KeptReply | UpstreamFailure): void {
  expect(result).toMatchObject(GOOD)
  const { question, answer } = readMessage((result as KeptReply).message)
  expect(Buffer.from(question).toString('latin1')).toBe('\x03www\x07example\0\0\x01\0\x01')
  expect(answer).toMatchObject([{ owner: 'www.example.', type: 1, rdata: 'c0000201' }])
}

describe.each(['batch', 'dgram'] as const)('an upstream asked over %s', (transport) => {
  const open = (forward: Parameters<typeof openUpstreams>[0]) => openUpstreams(forward, { transport })

  it('gives the whole response to the question that was asked', async () => {
    await using server = await startZone()
    await using forward = open({ upstreams: [at(server)] })
    const result = await forward.ask('WWW.example')
    expect(result).toMatchObject({ ...GOOD, upstream: `udp://${at(server)}` })
    const { answer } = readMessage((result as { message: Buffer }).message)
    expect(answer).toMatchObject([{ type: 1, ttl: 60, rdata: 'c0000201' }])
    expect(forward.upstreams.transport).toBe(transport)
  })

  it('is asked with RD, AD, a payload size of 1232 and no option, with DO and CD as asked', async () => {
    await using server = await startZone()
    await using forward = open({ upstreams: [at(server)] })
    await forward.ask(WWW)
    await forward.ask(WWW, { isDnssecOk: true, isCheckingDisabled: true })
    const [plain, secure] = server.queries.filter(({ name }) => name === WWW)
    expect(plain!.bytes.subarray(2, 4)).toEqual(Uint8Array.of(0x01, 0x20))
    expect(secure!.bytes.subarray(2, 4)).toEqual(Uint8Array.of(0x01, 0x30))
    expect(plain!.bytes.subarray(-11)).toEqual(Uint8Array.of(0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0))
    expect(secure!.edns).toMatchObject({ isDnssecOk: true, payloadSize: 1232 })
  })

  it('that is silent is given up after three tries, before the client asks again', async () => {
    await using server = await startZone()
    server.fault('drop', { name: WWW })
    await using forward = open({ upstreams: [at(server)], tryTimeoutMs: 100, timeoutMs: 500 })
    expect(await forward.ask(WWW)).toMatchObject({ kind: 'failed', reason: 'timeout', extendedError: 22 })
    expect(asked(server)).toHaveLength(3)
  })

  it('that is silent once is asked again', async () => {
    await using server = await startZone()
    server.fault('drop', { name: WWW, nth: 1 })
    await using forward = open({ upstreams: [at(server)], ...SHORT_TRY })
    expect(await forward.ask(WWW)).toMatchObject(GOOD)
  })

  it('that answers later than it is waited for is listened to all the same', async () => {
    await using server = await startZone()
    server.fault('delay', { name: WWW, ms: 700, nth: 1 })
    server.fault('drop', { name: WWW, nth: 2 })
    await using forward = open({ upstreams: [at(server)], attempts: 2, tryTimeoutMs: 100, timeoutMs: 20_000 })
    expect(await forward.ask(WWW)).toMatchObject(GOOD)
    expect(forward.upstreams.counts.timeouts).toBeGreaterThanOrEqual(1)
  })

  it.each(['wrongId', 'wrongQuestion', 'wrongSource', 'garbage', 'short'] as const)(
    'is believed after fifty responses with the fault %s',
    async (fault) => {
      await using server = await startZone()
      server.fault(fault, { name: WWW, copies: 50, thenAnswer: true })
      await using forward = open({ upstreams: [at(server)], attempts: 1, timeoutMs: 20_000 })
      expectWww(await forward.ask(WWW))
      expect(asked(server)).toEqual(['udp'])
    },
  )

  it.each(['formerr', 'servfail', 'truncate', 'refused', 'badvers'] as const)(
    'is believed although fifty responses with the fault %s come first, each time of a hundred',
    async (fault) => {
      await using server = await startZone()
      server.fault(fault, { name: WWW, protocol: 'udp', copies: 50, thenAnswer: true })
      await using other = await startZone()
      await using forward = open({ upstreams: [at(server), at(other)], policy: 'sequential', timeoutMs: 20_000 })
      for (let i = 0; i < 100; i++) expectWww(await forward.ask(WWW))
    },
  )

  it('that never answers but with another ID is given up, and what came is counted', async () => {
    await using server = await startZone()
    server.fault('wrongId', { name: WWW })
    await using forward = open({ upstreams: [at(server)], tryTimeoutMs: 100, timeoutMs: 400 })
    expect(await forward.ask(WWW)).toMatchObject({ kind: 'failed', reason: 'timeout' })
    expect(forward.upstreams.counts.ignored).toBe(asked(server).length)
  })

  it('that truncates is asked over TCP', async () => {
    await using server = await startZone()
    server.fault('truncate', { name: WWW })
    await using forward = open({ upstreams: [at(server)] })
    expect(await forward.ask(WWW)).toMatchObject(GOOD)
    expect(asked(server)).toEqual(['udp', 'tcp'])
  })

  it('that truncates and then refuses TCP has the next one asked', async () => {
    await using server = await startZone()
    server.fault('truncate', { name: WWW })
    server.fault('refuseTcp')
    await using other = await startZone()
    await using forward = open({ upstreams: [at(server), at(other)], policy: 'sequential' })
    expect(await forward.ask(WWW)).toMatchObject({ ...GOOD, upstream: `udp://${at(other)}` })
  })

  it('that truncates and then stalls has the next one asked', async () => {
    await using server = await startZone()
    server.fault('truncate', { name: WWW })
    server.fault('stallTcp', { name: WWW })
    await using other = await startZone()
    await using forward = open({ upstreams: [at(server), at(other)], policy: 'sequential', ...SHORT_TRY })
    expect(await forward.ask(WWW)).toMatchObject({ ...GOOD, upstream: `udp://${at(other)}` })
  })

  it.each(['servfail', 'refused', 'formerr', 'notimp', 'badvers'] as const)(
    'that says %s has another one asked, in at most three queries',
    async (fault) => {
      await using server = await startZone()
      server.fault(fault, { name: WWW })
      await using other = await startZone()
      await using forward = open({ upstreams: [at(server), at(other)], policy: 'sequential' })
      expect(await forward.ask(WWW)).toMatchObject({ ...GOOD, upstream: `udp://${at(other)}` })
      expect(asked(server).length + asked(other).length).toBeLessThanOrEqual(3)
    },
  )

  it('passes on an error that all have agreed on, and no other', async () => {
    await using server = await startZone()
    await using other = await startZone()
    const wrong = [server.fault('refused', { name: WWW }), other.fault('refused', { name: WWW })]
    await using forward = open({ upstreams: [at(server), at(other)] })
    expect(await forward.ask(WWW)).toMatchObject({ kind: 'reply', rcode: 5 })
    await wrong[1]!.remove()
    other.fault('servfail', { name: WWW })
    expect(await forward.ask(WWW)).toMatchObject({ kind: 'failed', reason: 'disagreement' })
  })

  it('that knows no EDNS is asked without, and that is remembered', async () => {
    await using server = await startZone()
    server.fault('noEdns')
    await using forward = open({ upstreams: [at(server)] })
    expect(await forward.ask(WWW, { isDnssecOk: true })).toMatchObject(GOOD)
    expect(await forward.ask(WWW)).toMatchObject(GOOD)
    const queries = server.queries.filter(({ name }) => name === WWW)
    expect(queries.slice(-1).map(({ edns }) => edns)).toEqual([undefined])
    expect(queries.length).toBeLessThanOrEqual(3)
  })

  it('that ignores EDNS is answered from', async () => {
    await using server = await startZone()
    server.fault('ignoreEdns')
    await using forward = open({ upstreams: [at(server)] })
    expect(await forward.ask(WWW)).toMatchObject(GOOD)
  })

  it('that drops what has EDNS is asked without before the query is given up', async () => {
    await using server = await startZone()
    server.fault('dropEdns')
    await using forward = open({ upstreams: [at(server)], tryTimeoutMs: 100, timeoutMs: 20_000 })
    expect(await forward.ask(WWW)).toMatchObject(GOOD)
    const queries = server.queries.filter(({ name }) => name === WWW)
    expect(queries.map(({ edns }) => edns !== undefined)).toEqual([true, true, false])
  })

  it('where nobody listens is given up at once', async () => {
    const server = await startZone()
    const address = at(server)
    await server.close()
    await using forward = open({ upstreams: [address], tryTimeoutMs: 5_000, timeoutMs: 30_000 })
    // The kernel says so with an ICMP error, long before any time is over.
    expect(await forward.ask(WWW)).toMatchObject({ kind: 'failed', reason: 'unreachable', extendedError: 23 })
  })

  it('that is back on its port after nobody listened there is asked again', async () => {
    const server = await startZone()
    const { port } = server
    await server.close()
    await using forward = open({ upstreams: [`127.0.0.1:${port}`] })
    await forward.ask(WWW)
    await using _ = await startTestUpstream({ zone: ZONE, port })
    await eventually(async () => expect(await forward.ask(WWW)).toMatchObject(GOOD))
  })

  it('gives answers with TTL 0, with none and with far too many records as they are', async () => {
    const many = Array.from({ length: 4_000 }, (_, i) => ({
      name: 'many.example',
      type: 'A' as const,
      ttl: 2 ** 32 - 1,
      data: `10.0.${i >> 8}.${i & 255}`,
    }))
    await using server = await startTestUpstream({
      zone: ZONE,
      answer: ({ name }) => (name === 'many.example' ? { answer: many } : name === 'empty.example' ? {} : undefined),
    })
    await using forward = open({ upstreams: [at(server)] })
    expect(await forward.ask('zero.example')).toMatchObject(GOOD)
    expect(await forward.ask('empty.example')).toMatchObject(GOOD)
    expect(await forward.ask('nothing.example')).toMatchObject({ kind: 'reply', rcode: 3 })
    const large = await forward.ask('many.example')
    expect((large as { message: Buffer }).message.readUInt16BE(6)).toBe(4_000)
  })

  it('that answers twice is heard once', async () => {
    await using server = await startZone()
    server.fault('duplicate', { name: WWW })
    await using forward = open({ upstreams: [at(server)] })
    expect(await forward.ask(WWW)).toMatchObject(GOOD)
    expect(await forward.ask(WWW)).toMatchObject(GOOD)
    await eventually(() => expect(forward.upstreams.counts.ignored).toBeGreaterThan(0))
  })

  it('that sends more than was asked for over UDP is heard', async () => {
    await using server = await startZone()
    server.fault('oversize', { name: WWW })
    await using forward = open({ upstreams: [at(server)] })
    expect(await forward.ask(WWW)).toMatchObject(GOOD)
  })

  describe('with names in random case', () => {
    it('is asked for names that differ in case alone', async () => {
      await using server = await startTestUpstream({
        rrsets: [{ name: 'abcdefghijklmnopqrstuvwxyz.example', type: 'A', data: ['192.0.2.1'] }],
      })
      await using forward = open({ upstreams: [at(server)], randomizeCase: true })
      for (let i = 0; i < 8; i++) await forward.ask('abcdefghijklmnopqrstuvwxyz.example')
      const names = server.queries.map(({ name }) => name).filter((name) => /^a.*z\.example$/i.test(name))
      expect(new Set(names).size).toBe(8)
      expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(1)
    })

    it('is not believed in another case over UDP, but over TCP, and is not tested again then', async () => {
      await using server = await startZone()
      server.fault('changeCase', { name: WWW })
      await using forward = open({ upstreams: [at(server)], randomizeCase: true })
      expect(await forward.ask(WWW)).toMatchObject(GOOD)
      expect(asked(server)).toEqual(['udp', 'tcp'])
      expect(forward.upstreams.counts.ignored).toBe(1)
      expect(await forward.ask(WWW)).toMatchObject(GOOD)
      expect(asked(server)).toEqual(['udp', 'tcp', 'udp'])
    })

    it('goes on being tested where TCP keeps the case: the datagram was a forgery', async () => {
      await using server = await startZone()
      server.fault('changeCase', { name: WWW, protocol: 'udp', times: 1 })
      await using forward = open({ upstreams: [at(server)], randomizeCase: true })
      expect(await forward.ask(WWW)).toMatchObject(GOOD)
      server.fault('changeCase', { name: WWW, protocol: 'udp', nth: 1 })
      expect(await forward.ask(WWW)).toMatchObject(GOOD)
      expect(asked(server)).toEqual(['udp', 'tcp', 'udp', 'tcp'])
    })
  })
})
