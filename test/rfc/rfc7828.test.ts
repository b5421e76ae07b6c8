import { createTestServer } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery, bytesOf } from '../support/build-query.js'
import { optionsOf } from '../support/edns-options.js'
import { overTcp, overUdp } from '../support/exchange.js'

const KEEPALIVE = 11
const asking = (data: Uint8Array = new Uint8Array(0)) =>
  buildQuery('example', 'SOA', { edns: { options: [[KEEPALIVE, data]] } })

describe('RFC 7828', () => {
  const server = new Answering({ policy: { keepaliveTimeout: 300 } })

  it('§3.3.2 over a stream, who asks is told for how long it may be idle, in tenths of a second', () => {
    expect(optionsOf(server.askStream(asking())).get(KEEPALIVE)).toEqual(bytesOf(300))
  })

  it('§3.3.2 over UDP the option means nothing', () => {
    expect(optionsOf(server.ask(asking()))).toEqual(new Map())
  })

  it('§3.3.2 who does not ask is not told', () => {
    expect(optionsOf(server.askStream(buildQuery('example', 'SOA', { edns: {} })))).toEqual(new Map())
  })

  it('§3.2.1 a client has no time to tell: an option with one is not answered', () => {
    expect(optionsOf(server.askStream(asking(bytesOf(100))))).toEqual(new Map())
  })

  it('§3.4 the time is that after which the server closes the connection', async () => {
    await using real = await createTestServer({ tcp: { idleTimeoutMs: 2_500 } })
    expect(optionsOf(await overTcp(real, asking())).get(KEEPALIVE)).toEqual(bytesOf(25))
    expect(optionsOf(await overUdp(real, asking()))).toEqual(new Map())
  })
})
