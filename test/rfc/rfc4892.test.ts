import { hostname } from 'node:os'
import { createTestServer } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { EXCHANGES } from '../support/exchange.js'
import { describeResponse, expectResponse } from '../support/expect-response.js'

const CH = { class: 3 }
const REFUSED = { rcode: 'REFUSED', flags: 'QR RD' }

function told(name: string, text: string) {
  return { rcode: 'NOERROR', flags: 'QR AA RD', answer: [`${name}. 0 CH TXT "${text}"`], question: `${name}. CH TXT` }
}

describe('RFC 4892', () => {
  const server = new Answering({ policy: { identity: { version: 'v1', hostname: 'h.example' } } })

  it.each([
    ['version.bind', 'v1'],
    ['version.server', 'v1'],
    ['hostname.bind', 'h.example'],
    ['id.server', 'h.example'],
    ['ID.Server', 'h.example'],
  ])('§3 %s says who answers', (name, text) => {
    expectResponse(server.ask(buildQuery(name, 'TXT', CH)), told(name, text))
  })

  it('§3 nothing else is in that class, and those names are in no other', () => {
    expectResponse(server.ask(buildQuery('version.bind', 'A', CH)), REFUSED)
    expectResponse(server.ask(buildQuery('a.example', 'TXT', CH)), REFUSED)
    expectResponse(server.ask(buildQuery('version.bind', 'TXT')), REFUSED)
    expectResponse(server.ask(buildQuery('id.server', 'TXT', { class: 255 })), REFUSED)
  })

  it('§3 each of them can be switched off', () => {
    const silent = new Answering({ policy: { identity: { version: undefined, hostname: 'h' } } })
    expectResponse(silent.ask(buildQuery('version.server', 'TXT', CH)), REFUSED)
    expectResponse(silent.ask(buildQuery('id.server', 'TXT', CH)), told('id.server', 'h'))
  })

  it('is answered before the first load', () => {
    const early = new Answering({ loaded: false, policy: { identity: { version: 'v', hostname: undefined } } })
    expectResponse(early.ask(buildQuery('version.bind', 'TXT', CH)), told('version.bind', 'v'))
  })

  it.each(EXCHANGES)('is answered by a server over %s, and not where that is not wanted', async (_, exchange) => {
    await using open = await createTestServer({ identity: { version: 'container' } })
    expectResponse(await exchange(open, buildQuery('version.bind', 'TXT', CH)), told('version.bind', 'container'))
    expectResponse(await exchange(open, buildQuery('id.server', 'TXT', CH)), told('id.server', hostname()))
    await using closed = await createTestServer({ identity: false })
    expect(describeResponse(await exchange(closed, buildQuery('version.bind', 'TXT', CH))).rcode).toBe('REFUSED')
    await using byDefault = await createTestServer()
    expectResponse(
      await exchange(byDefault, buildQuery('version.bind', 'TXT', CH)),
      told('version.bind', 'containerdns'),
    )
  })
})
