import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DohBody } from '../../lib/transport/doh-body.js'
import { readDohRequest } from '../../lib/transport/doh-request.js'

const get = (path: string) => readDohRequest({ ':method': 'GET', ':path': path }, '/dns-query')

describe('readDohRequest', () => {
  it('reads back any message of up to 4096 bytes that a GET carries', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), (message) => {
        const request = get(`/dns-query?dns=${Buffer.from(message).toString('base64url')}`)
        expect(request.kind).toBe('message')
        expect(Buffer.from((request as { message: Uint8Array }).message)).toEqual(Buffer.from(message))
      }),
    )
  })

  it('has a verdict on any headers', () => {
    const text = fc.option(fc.string({ unit: 'binary', maxLength: 300 }), { nil: undefined })
    const headers = fc.record(
      { ':method': text, ':path': text, 'content-type': text, 'content-length': text },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(headers, (given) => {
        const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
        expect(['message', 'body', 'refused']).toContain(readDohRequest(defined, '/dns-query').kind)
      }),
    )
  })

  it('refuses a GET of any length without decoding it', () => {
    expect(get(`/dns-query?dns=${'A'.repeat(1_000_000)}`)).toEqual({ kind: 'refused', status: 414 })
  })
})

describe('DohBody', () => {
  it('keeps the first 4096 bytes, however they come, and says when there are more than 65535', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 12_000 }), { maxLength: 10 })
    fc.assert(
      fc.property(chunks, (given) => {
        const body = new DohBody()
        const verdicts = given.map((chunk) => body.add(Buffer.from(chunk)))
        const whole = Buffer.concat(given)
        expect(Buffer.from(body.message)).toEqual(whole.subarray(0, 4096))
        expect(verdicts.at(-1) ?? true).toBe(whole.length <= 65_535)
      }),
    )
  })
})
