import { isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ipv6ToText, writeIpv6FromText } from '../../../lib/wire/rdata/ipv6.js'

function octetsOf(text: string): string | undefined {
  const target = new Uint8Array(18).fill(0xaa)
  const isAddress = writeIpv6FromText(text, target, 1)
  expect([target[0], target[17]]).toEqual([0xaa, 0xaa])
  return isAddress ? Buffer.from(target.subarray(1, 17)).toString('hex') : undefined
}

const group = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(0xffff) })
const groups = fc.array(group, { minLength: 8, maxLength: 8 })
const bytesFrom = (of: readonly number[]) => Uint8Array.from(of.flatMap((g) => [g >>> 8, g & 0xff]))

describe('writeIpv6FromText', () => {
  it.each([
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['1::', '00010000000000000000000000000000'],
    ['2001:DB8::Ff', '20010db80000000000000000000000ff'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    // One group left out, at each end: dns-packet's codec loses the last group of the first.
    ['::2:3:4:5:6:7:8', '00000002000300040005000600070008'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['1::3:4:5:6:7:8', '00010000000300040005000600070008'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['::192.0.2.1', '000000000000000000000000c0000201'],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
    ['1:2:3:4:5:6:255.255.255.255', '000100020003000400050006ffffffff'],
    ['0001:0002:0003:0004:0005:0006:0007:0008', '00010002000300040005000600070008'],
  ])('reads %s', (text, octets) => {
    expect(octetsOf(text)).toBe(octets)
  })

  it.each([
    '',
    ':',
    ':::',
    '1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    '::1%eth0',
    '192.0.2.1',
    '::256.0.2.1',
    '[::1]',
    ' ::1',
    '::1/64',
  ])('refuses %j', (text) => {
    expect(octetsOf(text)).toBeUndefined()
  })
})

describe('ipv6ToText', () => {
  // RFC 5952 §4.
  it.each([
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['::192.0.2.1', '::c000:201'],
    ['::1:2', '::1:2'],
    ['::fffe:192.0.2.1', '::fffe:c000:201'],
  ])('writes %s as %s', (text, canonical) => {
    expect(ipv6ToText(Buffer.from(octetsOf(text)!, 'hex'))).toBe(canonical)
  })

  it('and back gives the same octets, in a text that Node takes and that is as short as its own', () => {
    const property = fc.property(groups, (of) => {
      const octets = bytesFrom(of)
      const text = ipv6ToText(octets)
      expect(isIPv6(text)).toBe(true)
      expect(octetsOf(text)).toBe(Buffer.from(octets).toString('hex'))
      const isMapped = text.includes('.')
      // The URL standard has the same rules, but for the dotted form.
      if (!isMapped) expect(`[${text}]`).toBe(new URL(`http://[${text}]`).hostname)
    })
    fc.assert(property)
  })

  it('reads any way of writing the same groups', () => {
    const property = fc.property(groups, fc.boolean(), fc.boolean(), (of, padded, upper) => {
      const hex = of.map((g) => g.toString(16).padStart(padded ? 4 : 1, '0')).join(':')
      expect(octetsOf(upper ? hex.toUpperCase() : hex)).toBe(Buffer.from(bytesFrom(of)).toString('hex'))
    })
    fc.assert(property)
  })
})
