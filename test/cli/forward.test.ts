import { startTestUpstream } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { dataOf, type UdpClient } from '../support/udp-client.js'
import { run } from './cli-process.js'
import { type LogLine, Serve } from './serve-process.js'

const records = (address: string) => [
  { name: 'www.outside', type: 'A' as const, data: [address] },
  { name: 'db.corp.outside', type: 'A' as const, data: [address] },
  { name: 'corp.outside', type: 'A' as const, data: [address] },
]

/** One that asks for recursion, as resolvers of hosts do. */
async function clientOf(serve: Serve): Promise<UdpClient> {
  const client = await serve.client()
  client.isRecursionDesired = true
  return client
}

describe('containerdns serve --forward', () => {
  it('asks the upstream for names outside the zones, and for no other', async () => {
    await using upstream = await startTestUpstream({ rrsets: records('192.0.2.1') })
    await using serve = new Serve({}, '--zone', 'example', '--forward', `127.0.0.1:${upstream.port}`)
    await using client = await clientOf(serve)
    expect(dataOf(await client.ask('www.outside'))).toEqual(['192.0.2.1'])
    expect(await client.ask('missing.outside')).toMatchObject({ rcode: 'NXDOMAIN' })
    expect(await client.ask('missing.example')).toMatchObject({ rcode: 'NXDOMAIN' })
    expect(upstream.count('missing.example')).toBe(0)
    // A second time it is remembered.
    const asked = upstream.count('www.outside')
    expect(dataOf(await client.ask('www.outside'))).toEqual(['192.0.2.1'])
    expect(upstream.count('www.outside')).toBe(asked)
  })

  it('says how many answers a flush has forgotten', async () => {
    await using upstream = await startTestUpstream({ rrsets: records('192.0.2.1') })
    await using serve = new Serve(
      {},
      '--zone',
      'example',
      '--forward',
      `127.0.0.1:${upstream.port}`,
      '--api',
      '127.0.0.1:0',
    )
    const { api } = (await serve.said('answering')) as LogLine & { api: string }
    await using client = await clientOf(serve)
    await client.ask('www.outside')
    const flush = async (name: string) => (await run(['cache', 'flush', '--server', api, name])).stdout
    expect(await flush('www.outside')).toBe('1 answer is forgotten\n')
    expect(await flush('www.outside')).toBe('0 answers are forgotten\n')
  })

  it('asks the next one where the first does not answer', async () => {
    const gone = await startTestUpstream({ rrsets: [] })
    await gone.close()
    await using upstream = await startTestUpstream({ rrsets: records('192.0.2.2') })
    const flags = [gone, upstream].flatMap(({ port }) => ['--forward', `127.0.0.1:${port}`])
    await using serve = new Serve({}, '--zone', 'example', ...flags)
    await using client = await clientOf(serve)
    await eventually(async () => expect(dataOf(await client.ask('www.outside'))).toEqual(['192.0.2.2']))
  })

  it('asks those of a zone that another server has for what is in it', async () => {
    await using others = await startTestUpstream({ rrsets: records('192.0.2.1') })
    await using corp = await startTestUpstream({ rrsets: records('192.0.2.3') })
    const flags = ['--forward', `127.0.0.1:${others.port}`, '--forward-zone', `corp.outside=127.0.0.1:${corp.port}`]
    await using serve = new Serve({}, '--zone', 'example', ...flags)
    await using client = await clientOf(serve)
    expect(dataOf(await client.ask('db.corp.outside'))).toEqual(['192.0.2.3'])
    expect(dataOf(await client.ask('corp.outside'))).toEqual(['192.0.2.3'])
    expect(dataOf(await client.ask('www.outside'))).toEqual(['192.0.2.1'])
    expect(others.count('db.corp.outside')).toBe(0)
  })

  it('goes on asking for as long as it drains, and ends without those that do not answer', async () => {
    await using upstream = await startTestUpstream({ rrsets: records('192.0.2.1') })
    const forward = ['--zone', 'example', '--forward', `127.0.0.1:${upstream.port}`]
    await using draining = new Serve({}, ...forward, '--drain', '3000')
    await using client = await clientOf(draining)
    draining.child.kill('SIGTERM')
    await draining.said('stopping')
    expect(dataOf(await client.ask('www.outside'))).toEqual(['192.0.2.1'])
    expect(await draining.ended).toEqual({ code: 0, signal: null })
    await draining.said('stopped')

    upstream.fault('drop', { name: 'silent.outside' })
    await using serve = new Serve({}, ...forward)
    await using waiting = await clientOf(serve)
    waiting.ask('silent.outside').catch(() => {})
    await eventually(() => expect(upstream.count('silent.outside')).toBeGreaterThan(0))
    serve.child.kill('SIGTERM')
    expect(await serve.ended).toEqual({ code: 0, signal: null })
    await serve.said('stopped')
  })

  it.each([
    ['an upstream that is no address', ['--forward', 'nowhere']],
    ['the same upstream twice', ['--forward', '192.0.2.1', '--forward', '192.0.2.1:53']],
    ['a zone without an upstream', ['--forward-zone', 'corp.example']],
    ['a zone that is no name', ['--forward-zone', 'a..b=192.0.2.1']],
  ])('ends with 2 and a reason for %s', async (_, flags) => {
    const { code, stdout, stderr } = await run(['serve', '--listen', '0', ...flags])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('could not start')
  })
})
