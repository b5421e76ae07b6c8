import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addressFromText,
  addressToText,
  clientFromText,
  clientToText,
  hashClient,
  isIpv4Client,
  writeIpv4Client,
  writeIpv6Client,
} from '../../lib/clients/client-address.js'

const client = (text: string) => clientFromText(text)!

describe('a client address', () => {
  it('is written from the bytes of a socket address, at any offset', () => {
    const words = new Int32Array(12).fill(-1)
    writeIpv4Client(words, 4, Uint8Array.from([9, 192, 0, 2, 200]), 1)
    expect(clientToText(words, 4)).toBe('192.0.2.200')
    writeIpv6Client(words, 8, Uint8Array.from([9, 9, ...addressFromText('2001:db8::ff')!]), 2)
    expect(clientToText(words, 8)).toBe('2001:db8::ff')
    expect([...words.subarray(0, 4)]).toEqual([-1, -1, -1, -1])
    expect([isIpv4Client(words, 4), isIpv4Client(words, 8)]).toEqual([true, false])
  })

  it('is the same for an IPv4 client, however its address was written', () => {
    expect(client('::ffff:192.0.2.1')).toEqual(client('192.0.2.1'))
    expect(isIpv4Client(client('::fffe:192.0.2.1'), 0)).toBe(false)
    expect(isIpv4Client(client('::192.0.2.1'), 0)).toBe(false)
  })

  it('comes back as the text it was read from', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const bytes = addressFromText(text)!
        expect(addressFromText(addressToText(bytes))).toEqual(bytes)
        expect(client(clientToText(client(text)))).toEqual(client(text))
      }),
    )
  })

  it('is refused when it is none, or means something on one host only', () => {
    for (const text of [
      '',
      '1.2.3',
      '1.2.3.4.5',
      '256.1.1.1',
      '01.2.3.4',
      'fe80::1%eth0',
      ':::',
      'example.',
      ' ::1',
      '::1 ',
    ]) {
      expect(clientFromText(text), text).toBeUndefined()
    }
  })
})

describe('the hash of a client', () => {
  it('is one for a network, and another for the next', () => {
    const hash = (text: string) => hashClient(client(text), 0, 24, 56, 7)
    expect(hash('192.0.2.1')).toBe(hash('192.0.2.254'))
    expect(hash('192.0.2.1')).not.toBe(hash('192.0.3.1'))
    expect(hash('2001:db8:0:ff::1')).toBe(hash('2001:db8:0:00::2'))
    expect(hash('2001:db8:0:100::1')).not.toBe(hash('2001:db8:0:ff::1'))
  })

  it('differs by seed and by family', () => {
    const words = client('192.0.2.1')
    expect(hashClient(words, 0, 32, 128, 1)).not.toBe(hashClient(words, 0, 32, 128, 2))
    expect(hashClient(client('0.0.0.0'), 0, 32, 128, 1)).not.toBe(hashClient(client('::'), 0, 32, 128, 1))
  })

  it('spreads neighbours over its low and its high bits, within 5 %', () => {
    const low = new Array<number>(16).fill(0)
    const high = new Array<number>(16).fill(0)
    const words = client('10.0.0.0')
    for (let i = 0; i < 160_000; i++) {
      words[3] = 0x0a000000 + i
      const hash = hashClient(words, 0, 32, 128, 99)
      low[hash & 15]!++
      high[hash >>> 28]!++
    }
    for (const count of [...low, ...high]) expect(Math.abs(count / 10_000 - 1)).toBeLessThan(0.05)
  })
})
