import { describe, expect, it } from 'vitest'
import { type Cidr, parseCidr, parseCidrs } from '../../lib/clients/cidr.js'
import { clientToText } from '../../lib/clients/client-address.js'
import { errorCode } from '../support/error-code.js'

const parsed = (text: string) => plain(parseCidr('clients', text))
const plain = ({ words, length, family }: Cidr) => [clientToText(words), length, family]

describe('a network in CIDR notation', () => {
  it('is read in both families, from the whole family to one address', () => {
    expect(parsed('10.0.0.0/8')).toEqual(['10.0.0.0', 104, 4])
    expect(parsed('0.0.0.0/0')).toEqual(['0.0.0.0', 96, 4])
    expect(parsed('192.0.2.1/32')).toEqual(['192.0.2.1', 128, 4])
    expect(parsed('2001:db8::/32')).toEqual(['2001:db8::', 32, 6])
    expect(parsed('::/0')).toEqual(['::', 0, 6])
    expect(parsed('2001:db8::1/128')).toEqual(['2001:db8::1', 128, 6])
    expect(parsed('2001:db8:8000::/33')).toEqual(['2001:db8:8000::', 33, 6])
  })

  it('is a network of one without a prefix', () => {
    expect(parsed('192.0.2.1')).toEqual(parsed('192.0.2.1/32'))
    expect(parsed('2001:db8::1')).toEqual(parsed('2001:db8::1/128'))
  })

  it.each([
    [
      'bits behind the prefix',
      ['10.0.0.1/8', '192.0.2.1/31', '2001:db8::1/64', '::1/0', '1.0.0.0/0', '2001:db8:8000::/32'],
    ],
    ['a prefix too long', ['10.0.0.0/33', '::/129', '10.0.0.0/128', '10.0.0.0/999']],
    [
      'a prefix that is no number',
      ['10.0.0.0/', '10.0.0.0/08', '10.0.0.0/-1', '10.0.0.0/8 ', '10.0.0.0/8/8', '10.0.0.0/1e1'],
    ],
    ['an address that is none', ['', '/8', '10.0.0/8', '300.0.0.0/8', 'example./8', '2001:db8/32', '10.0.0.0\n/8']],
    ['a zone id', ['fe80::1%eth0/128', 'fe80::%1/64']],
    ['an IPv4 network written as IPv6', ['::ffff:10.0.0.0/104', '::ffff:0:0/96']],
    ['what is no text', [undefined, null, 10, ['10.0.0.0/8'], {}]],
  ])('is refused with %s', (_, all) => {
    for (const each of all)
      expect(
        errorCode(() => parseCidr('clients', each)),
        String(each),
      ).toBe('CDNS_CIDR_INVALID')
  })

  it('is read in lists, holes refused', () => {
    expect(parseCidrs('allow', ['10.0.0.0/8', '::1']).map(plain)).toEqual([parsed('10.0.0.0/8'), parsed('::1')])
    expect(errorCode(() => parseCidrs('allow', new Array(1)))).toBe('CDNS_CIDR_INVALID')
    expect(errorCode(() => parseCidrs('allow', '10.0.0.0/8'))).toBe('CDNS_OPTION_INVALID')
  })
})
