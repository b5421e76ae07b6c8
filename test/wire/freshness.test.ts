import { encode, type Packet } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { freshness } from '../../lib/wire/freshness.js'

const [NXDOMAIN, SERVFAIL, TC] = [3, 2, 0x0200]
const a = (ttl: number, name = 'a.example') => ({ type: 'A' as const, name, ttl, data: '192.0.2.1' })
const soa = (ttl: number, minimum: number) => ({
  type: 'SOA' as const,
  name: 'example',
  ttl,
  data: { mname: 'ns.example', rname: 'root.example', serial: 1, refresh: 2, retry: 3, expire: 4, minimum },
})

function freshnessOf(parts: Partial<Packet>, flags = 0): number {
  const questions = [{ type: 'A' as const, name: 'a.example' }]
  const bytes = encode({ type: 'response', flags, questions, ...parts } as Packet)
  const padded = Buffer.concat([Buffer.alloc(7, 0xaa), bytes, Buffer.alloc(7, 0xaa)])
  return freshness(padded, 7, bytes.length)
}

describe('freshness', () => {
  it('is the smallest TTL of the answers, whatever stands behind them', () => {
    const ttls = fc.array(fc.nat(0x7fffffff), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(ttls, (given) => {
        const answers = given.map((ttl, i) => a(ttl, `name-${i}.example`))
        expect(freshnessOf({ answers, authorities: [soa(0, 0)], additionals: [a(0)] })).toBe(Math.min(...given))
      }),
    )
  })

  it.each([
    ['NODATA', 0, [], 30, 60, 30],
    ['NODATA with a smaller MINIMUM', 0, [], 60, 30, 30],
    ['NXDOMAIN', NXDOMAIN, [], 30, 60, 30],
    ['NXDOMAIN behind a CNAME of less', NXDOMAIN, [a(5)], 30, 60, 5],
    ['NXDOMAIN behind a CNAME of more', NXDOMAIN, [a(500)], 30, 60, 30],
  ])('of %s is what its SOA allows', (_, flags, answers, ttl, minimum, seconds) => {
    expect(freshnessOf({ answers, authorities: [soa(ttl, minimum)] }, flags)).toBe(seconds)
  })

  it('is 0 for errors, for what was cut, and for what has neither answer nor SOA', () => {
    expect(freshnessOf({ answers: [a(30)] }, SERVFAIL)).toBe(0)
    expect(freshnessOf({ answers: [a(30)] }, TC)).toBe(0)
    expect(freshnessOf({ authorities: [a(30)] })).toBe(0)
    expect(freshnessOf({})).toBe(0)
  })

  it('is a number for any bytes, and never comes of bytes behind the message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const around = (fill: number) => {
          const all = new Uint8Array(bytes.length + 40).fill(fill)
          all.set(bytes, 20)
          return freshness(all, 20, bytes.length)
        }
        expect(around(0)).toBeGreaterThanOrEqual(0)
        expect(around(0)).toBe(around(0xff))
      }),
    )
  })
})
