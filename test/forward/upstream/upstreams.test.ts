import { describe, expect, it } from 'vitest'
import { openUpstreams } from '../../support/ask-upstreams.js'
import { addressRecord, responseTo, ScriptedUpstream } from '../../support/scripted-upstream.js'

describe('a query to an upstream', () => {
  it('comes back with the whole response', async () => {
    await using server = await ScriptedUpstream.start(({ bytes, respond }) =>
      respond(responseTo(bytes, { answers: [addressRecord(1)] })),
    )
    await using forward = openUpstreams({ upstreams: [server.address] })
    const result = await forward.ask('www.example.org')
    expect(result).toMatchObject({ kind: 'reply', rcode: 0, upstream: `udp://${server.address}` })
    expect(result.kind === 'reply' && result.message.subarray(-4)).toEqual(Buffer.of(192, 0, 2, 1))
    expect(server.names).toEqual(['www.example.org'])
  })
})
