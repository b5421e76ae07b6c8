import { describe, expect, it } from 'vitest'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { optionsOf } from '../support/edns-options.js'
import { describeResponse } from '../support/expect-response.js'

const PADDING = 12

function serverWith(count: number, isEncrypted: boolean): Answering {
  const data = Array.from({ length: count }, (_, i) => `192.0.${i >> 8}.${i & 255}`)
  const server = new Answering({ poison: 0x77 }).put({ name: 'a.example', type: 'A', data })
  server.isEncrypted = isEncrypted
  return server
}

const padded = buildQuery('a.example', 'A', { edns: { options: [[PADDING, new Uint8Array(50)]] } })

describe('RFC 7830', () => {
  it('§4 a padded query over an encrypted stream gets a padded response; RFC 8467 §4.1: to blocks of 468 octets', () => {
    for (let count = 1; count < 120; count++) {
      const response = serverWith(count, true).askStream(padded)
      expect([count, response.length % 468]).toEqual([count, 0])
      const { flags, answer } = describeResponse(response)
      expect([flags, answer.length]).toEqual(['QR AA RD', count])
    }
  })

  it('§3 padding is zeros, whatever stood there before', () => {
    const padding = optionsOf(serverWith(3, true).askStream(padded)).get(PADDING)!
    expect(padding.length).toBeGreaterThan(100)
    expect(padding.every((octet) => octet === 0)).toBe(true)
  })

  it('§4 a query without padding gets a response without', () => {
    const response = serverWith(1, true).askStream(buildQuery('a.example', 'A', { edns: {} }))
    expect(optionsOf(response)).toEqual(new Map())
  })

  it('§6 what everybody can read is not padded', () => {
    expect(optionsOf(serverWith(1, false).askStream(padded))).toEqual(new Map())
    expect(optionsOf(serverWith(1, true).ask(padded))).toEqual(new Map())
  })

  it('§4 padding never takes a response past what a message can be', () => {
    const response = serverWith(4070, true).askStream(padded)
    expect(response.length).toBeLessThanOrEqual(65535)
    expect(describeResponse(response).answer).toHaveLength(4070)
  })
})
