import { describe, expect, it } from 'vitest'
import { startTestUpstream } from '../../../lib/testing/upstream/test-upstream.js'
import { openUpstreams } from '../../support/ask-upstreams.js'

const ZONE = `
$ORIGIN example.
@ 60      SOA ns admin 1 7200 1800 86400 30
www 60    A   192.0.2.1
`

describe.each(['batch', 'dgram'] as const)('a query to an upstream over %s', (transport) => {
  it('comes back with the whole response', async () => {
    await using server = await startTestUpstream({ zone: ZONE })
    await using forward = openUpstreams({ upstreams: [`127.0.0.1:${server.port}`] }, { transport })
    const result = await forward.ask('www.example')
    expect(result).toMatchObject({ kind: 'reply', rcode: 0, upstream: `udp://127.0.0.1:${server.port}` })
    expect(forward.upstreams.transport).toBe(transport)
    expect(server.count('www.example')).toEqual(1)
  })
  it('tcp and tls', async () => {
    await using server = await startTestUpstream({ zone: ZONE, tls: true })
    server.fault('truncate')
    await using forward = openUpstreams({ upstreams: [`127.0.0.1:${server.port}`] }, { transport })
    expect(await forward.ask('www.example')).toMatchObject({ kind: 'reply', rcode: 0 })
    await using dot = openUpstreams(
      { upstreams: [`tls://127.0.0.1:${server.tlsPort}#localhost`], tls: { ca: server.ca! } },
      { transport },
    )
    expect(await dot.ask('www.example')).toMatchObject({ kind: 'reply', rcode: 0 })
    await using bad = openUpstreams(
      { upstreams: [`tls://127.0.0.1:${server.tlsPort}#other.example`], tls: { ca: server.ca! } },
      { transport },
    )
    expect(await bad.ask('www.example')).toMatchObject({ kind: 'failed' })
  })
})
