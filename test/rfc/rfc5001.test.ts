import { describe, expect, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { optionsOf } from '../support/edns-options.js'

const NSID = 3
const name = Buffer.from('dns-1.example')

describe('RFC 5001', () => {
  const server = new Answering({ policy: { nsid: name } }).put({ name: 'a.example', type: 'A', data: ['192.0.2.1'] })
  const asking = { edns: { options: [[NSID, new Uint8Array(0)] as const] } }

  it('§2.1 who asks is told which server this is, whatever the answer', () => {
    for (const qname of ['a.example', 'no.example', 'a.com']) {
      const nsid = optionsOf(server.ask(buildQuery(qname, 'A', asking))).get(NSID)
      expect(Buffer.from(nsid!)).toEqual(name)
    }
  })

  it('§2.1 who does not ask is not told', () => {
    expect(optionsOf(server.ask(buildQuery('a.example', 'A', { edns: {} })))).toEqual(new Map())
  })

  it('§2.3 a server without a name says nothing', () => {
    expect(optionsOf(new Answering().ask(buildQuery('a.example', 'A', asking)))).toEqual(new Map())
  })

  it('has room beside the longest question and every other option in 512 bytes', () => {
    const all = new Answering({ zones: ['org.'], policy: { nsid: new Uint8Array(128).fill(1), cookies: 'on' } })
    const options = [
      [NSID, new Uint8Array(0)],
      [10, new Uint8Array(8)],
    ] as const
    const query = buildQuery(Array(127).fill('x').join('.'), 'A', { edns: { size: 512, options } })
    expect([...optionsOf(all.ask(query, 512)).keys()].sort()).toEqual([10, 15, NSID])
  })
})
