import { describe, expect, it } from 'vitest'
import type { Clock } from '../../../lib/clock.js'
import { ReplyFrames } from '../../../lib/forward/upstream/reply-frames.js'
import { startTestUpstream, type TestUpstream } from '../../../lib/testing/upstream/test-upstream.js'
import { openUpstreams } from '../../support/ask-upstreams.js'
import { eventually } from '../../support/eventually.js'
import { framed } from '../../support/tcp-client.js'

const GOOD = { kind: 'reply', rcode: 0 }
const A = (name: string) => ({ answer: [{ name, type: 'A' as const, ttl: 60, data: '192.0.2.1' }] })

class PushedClock implements Clock {
  pushedMs = 0
  monotonicMs(): number {
    return performance.now() + this.pushedMs
  }
  wallMs(): number {
    return Date.now()
  }
}

describe.each(['tcp', 'tls'] as const)('an upstream asked over %s', (protocol) => {
  const place = (server: TestUpstream) =>
    protocol === 'tcp' ? `tcp://127.0.0.1:${server.port}` : `tls://127.0.0.1:${server.tlsPort}#localhost`
  const start = (answer: NonNullable<Parameters<typeof startTestUpstream>[0]>['answer']) =>
    startTestUpstream({ tls: true, ...(answer && { answer }) })
  const open = (server: TestUpstream, needs: Parameters<typeof openUpstreams>[1] = {}) =>
    openUpstreams(
      { upstreams: [place(server)], tls: { ca: server.ca! }, timeoutMs: 20_000, tryTimeoutMs: 5_000 },
      needs,
    )

  it('has one connection for many queries, and may answer them in any order', async () => {
    const held: (() => void)[] = []
    await using server = await start(async ({ name }) => {
      // The first hundred are answered from the last to the first.
      if (name.startsWith('held')) {
        await new Promise<void>((resolve) => {
          held.push(resolve)
          if (held.length === 100) for (const release of held.reverse()) release()
        })
      }
      return A(name)
    })
    await using forward = open(server)
    const asked = Array.from({ length: 100 }, (_, i) => forward.ask(`held${i}.example`))
    for (const result of await Promise.all(asked)) expect(result).toMatchObject(GOOD)
    for (let i = 0; i < 20; i++) expect(await forward.ask(`later${i}.example`)).toMatchObject(GOOD)
    expect(server.connectionCount).toBe(1)
    expect(forward.upstreams.counts.connects).toBe(1)
  })

  it('has few connections, however many queries there are', async () => {
    await using server = await start(({ name }) => A(name))
    await using forward = open(server)
    const asked = Array.from({ length: 350 }, (_, i) => forward.ask(`n${i}.example`))
    for (const result of await Promise.all(asked)) expect(result).toMatchObject(GOOD)
    expect(server.connectionCount).toBeLessThanOrEqual(3)
  })

  it('is asked again on a new connection when it has closed an idle one just then', async () => {
    await using server = await start(({ name }) => A(name))
    await using forward = open(server)
    expect(await forward.ask('first.example')).toMatchObject(GOOD)
    server.fault('closeConnection', { name: 'second.example', nth: 1 })
    expect(await forward.ask('second.example')).toMatchObject(GOOD)
    expect(server.connectionCount).toBe(2)
    expect(forward.upstreams.stats()).toMatchObject([{ state: 'up', failed: 0 }])
  })

  it('has an idle connection closed, and a new one when there is something to ask', async () => {
    await using server = await start(({ name }) => A(name))
    const clock = new PushedClock()
    await using forward = open(server, { clock })
    expect(await forward.ask('www.example')).toMatchObject(GOOD)
    clock.pushedMs += 11_000
    await eventually(async () => {
      expect(await forward.ask('www.example')).toMatchObject(GOOD)
      clock.pushedMs += 11_000
      expect(server.connectionCount).toBeGreaterThan(1)
    })
  })

  it('is asked on another connection when one has become stuck', async () => {
    await using server = await start(({ name }) => A(name))
    await using forward = openUpstreams({
      upstreams: [place(server)],
      tls: { ca: server.ca! },
      tryTimeoutMs: 200,
      timeoutMs: 20_000,
    })
    // A connection on which other answers come is not stuck: the test for a loop must have had its own.
    await eventually(() => expect(forward.upstreams.counts.received).toBe(1))
    server.fault('stallTcp', { name: 'stuck.example', nth: 1 })
    expect(await forward.ask('stuck.example')).toMatchObject(GOOD)
    expect(server.connectionCount).toBeGreaterThan(1)
  })

  it('gives a response of 64 KiB whole', async () => {
    const data = Array.from({ length: 250 }, () => 'x'.repeat(255))
    await using server = await start(({ name }) => ({ answer: [{ name, type: 'TXT' as const, ttl: 60, data }] }))
    await using forward = open(server)
    const result = await forward.ask('large.example', { type: 'TXT' })
    expect((result as { message: Buffer }).message.length).toBeGreaterThan(64_000)
  })

  it('where nobody listens fails at once, and is asked when somebody does', async () => {
    await using server = await start(({ name }) => A(name))
    const refusal = server.fault('refuseTcp')
    await using forward = open(server)
    expect(await forward.ask('www.example')).toMatchObject({ kind: 'failed', reason: 'unreachable' })
    await refusal.remove()
    await eventually(async () => expect(await forward.ask('www.example')).toMatchObject(GOOD))
  })
})

describe('an upstream asked over TLS', () => {
  const answer = ({ name }: { name: string }) => A(name)

  it.each([
    ['another name than its certificate has', (port: number) => `tls://127.0.0.1:${port}#other.example`, true],
    ['a certificate that nobody vouches for', (port: number) => `tls://127.0.0.1:${port}#localhost`, false],
  ])('is told nothing with %s', async (_, place, isTrusted) => {
    await using server = await startTestUpstream({ tls: true, answer })
    const warnings: object[] = []
    const logger = { debug() {}, info() {}, warn: (fields: object) => warnings.push(fields), error() {} }
    const upstreams = [place(server.tlsPort!)]
    await using forward = openUpstreams({ upstreams, ...(isTrusted && { tls: { ca: server.ca! } }) }, { logger })
    for (let i = 0; i < 3; i++) expect(await forward.ask('www.example')).toMatchObject({ kind: 'failed' })
    expect(server.queryCount).toBe(0)
    // An operator is told why.
    expect(warnings).toMatchObject([{ state: 'down', fault: expect.stringMatching(/certificate|altnames/i) }])
  })

  it('without a name must have a certificate for its address', async () => {
    await using server = await startTestUpstream({ tls: true, answer })
    await using forward = openUpstreams({ upstreams: [`tls://127.0.0.1:${server.tlsPort}`], tls: { ca: server.ca! } })
    expect(await forward.ask('www.example')).toMatchObject(GOOD)
  })
})

describe('the messages of a stream', () => {
  it('are whole however their bytes come', () => {
    const messages = [Buffer.alloc(12, 1), Buffer.alloc(300, 2), Buffer.alloc(65_535, 3), Buffer.alloc(0)]
    const stream = Buffer.concat(messages.map((each) => framed(each)))
    for (const size of [1, 7, 1_000, stream.length]) {
      const frames = new ReplyFrames()
      const read: Buffer[] = []
      for (let at = 0; at < stream.length; at += size) {
        frames.feed(stream.subarray(at, at + size))
        for (let next = frames.next(); next !== undefined; next = frames.next()) read.push(Buffer.from(next))
        if (size === 1 && at > 1_000) break
      }
      const whole = size === 1 ? messages.slice(0, 2) : messages
      expect(read.map(({ length }) => length)).toEqual(whole.map(({ length }) => length))
      for (const [i, message] of whole.entries()) expect(read[i]!.equals(message)).toBe(true)
    }
  })
})
