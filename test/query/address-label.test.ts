import { isIPv4, isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressToText } from '../../lib/clients/client-address.js'
import { dashed } from '../../lib/kubernetes/names.js'
import { AddressLabel, writeAddressLabel } from '../../lib/query/address-label.js'

const label = new AddressLabel()

/** The address that a label is, as text; undefined for what is none. It stands between other octets. */
function read(text: string): string | undefined {
  const bytes = Buffer.from(`-1${text}1-`, 'latin1')
  const size = label.read(bytes, 2, text.length)
  return size === 0 ? undefined : addressToText(label.octets.slice(0, size))
}

function written(octets: Uint8Array): string {
  const target = Buffer.alloc(64, 0xaa)
  const end = writeAddressLabel(octets, octets.length, target, 3)
  expect([target[2], target[end]]).toEqual([0xaa, 0xaa])
  return target.toString('latin1', 3, end)
}

describe('a label', () => {
  it.each([
    ['10-1-0-1', '10.1.0.1'],
    ['0-0-0-0', '0.0.0.0'],
    ['2001-db8--1', '2001:db8::1'],
    ['--', '::'],
    ['--1', '::1'],
    ['1--', '1::'],
    ['1-2-3-4-5-6-7-8', '1:2:3:4:5:6:7:8'],
    ['1-2-3-4-5-6-7--', '1:2:3:4:5:6:7:0'],
    ['1-2--3', '1:2::3'],
    ['ffff-ffff-ffff-ffff-ffff-ffff-ffff-ffff', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ])('%s is the address %s', (text, address) => {
    expect(read(text)).toBe(address)
  })

  it.each([
    ...[
      '',
      '-',
      '---',
      '10',
      '10-1-0',
      '10-1-0-256',
      '10-1-0-01',
      '10-1-0-1-',
      '-10-1-0-1',
      '1-2-3-4-5',
      'web',
      '10-1-0-x',
    ],
    ...[
      '1--2--3',
      '-1--2',
      '1--2-',
      '12345--',
      '1-2-3-4-5-6-7-8-9',
      '1-2-3-4-5-6-7-8--',
      '--1-2-3-4-5-6-7-8',
      'g--',
      '10--1-0-1000x',
    ],
  ])('%j is none', (text) => {
    expect(read(text)).toBeUndefined()
  })

  it('of any octets is what the same with colons or dots is to Node', () => {
    const part = fc.oneof(fc.constantFrom('-', '--', '0', '00', '255', 'ffff'), fc.stringMatching(/^[0-9a-f]{1,5}$/))
    const text = fc.array(fc.oneof(part, fc.constant('-')), { maxLength: 16 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, (given) => {
        const isAddress = isIPv4(given.replaceAll('-', '.')) || isIPv6(given.replaceAll('-', ':'))
        expect(read(given) !== undefined).toBe(isAddress)
      }),
      { numRuns: 2000 },
    )
  })

  it('of an address is the one that the cluster gives it, and reads as the same address', () => {
    const octet = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 }))
    const addresses = fc.constantFrom(4, 16).chain((size) => fc.array(octet, { minLength: size, maxLength: size }))
    fc.assert(
      fc.property(addresses, (octets) => {
        const address = Uint8Array.from(octets)
        const text = addressToText(address)
        // An IPv4 address in an IPv6 one is no client's, and written with dots.
        fc.pre(address.length === 4 || !text.includes('.'))
        expect(written(address)).toBe(dashed(text))
        expect(read(written(address))).toBe(text)
      }),
      { numRuns: 1000 },
    )
  })
})
