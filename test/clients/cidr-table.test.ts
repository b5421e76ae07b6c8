import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildCidrTable } from '../../lib/clients/build-cidr-table.js'
import { type Cidr, parseCidr } from '../../lib/clients/cidr.js'
import { CidrTable, NO_VALUE } from '../../lib/clients/cidr-table.js'
import { clientFromText, isIpv4Client, prefixMask } from '../../lib/clients/client-address.js'
import { errorCode } from '../support/error-code.js'

/** A table in which each network stands for its place in the list. */
const tableOf = (...networks: string[]) =>
  new CidrTable(buildCidrTable(networks.map((text, value) => ({ cidr: parseCidr('clients', text), value }))))
const find = (table: CidrTable, client: string) => table.find(clientFromText(client)!, 0)

/** Address `i` of 10.0.0.0/8. */
const clientCidr = (i: number) => parseCidr('clients', `10.${i >>> 16}.${(i >>> 8) & 255}.${i & 255}`)

describe('CidrTable', () => {
  it('finds the longest network that holds a client', () => {
    const table = tableOf('10.0.0.0/8', '10.1.0.0/16', '10.1.2.3/32', '10.1.2.0/23', '2001:db8::/32', '2001:db8::1/128')
    expect(find(table, '10.200.0.1')).toBe(0)
    expect(find(table, '10.1.200.1')).toBe(1)
    expect(find(table, '10.1.2.3')).toBe(2)
    expect(find(table, '10.1.3.255')).toBe(3)
    expect(find(table, '10.1.4.0')).toBe(1)
    expect(find(table, '11.0.0.0')).toBe(NO_VALUE)
    expect(find(table, '2001:db8:ffff::')).toBe(4)
    expect(find(table, '2001:db8::1')).toBe(5)
    expect(find(table, '2001:db9::1')).toBe(NO_VALUE)
  })

  it('keeps the families apart, whole ones and those whose words look alike', () => {
    const table = tableOf('::/0', '192.0.2.0/24')
    expect(find(table, '192.0.2.1')).toBe(1)
    expect(find(table, '198.51.100.1')).toBe(NO_VALUE)
    expect(find(table, '::1')).toBe(0)
    const both = tableOf('0.0.0.0/0', '::/0', '::/64')
    expect([find(both, '192.0.2.1'), find(both, '1::'), find(both, '::fffe:1.2.3.4')]).toEqual([0, 1, 2])
  })

  it('takes more networks than a call takes arguments', () => {
    const entries = Array.from({ length: 200_000 }, (_, i) => ({ cidr: clientCidr(i), value: i }))
    const table = new CidrTable(buildCidrTable(entries))
    expect([0, 1, 77_777, 199_999].map((i) => table.find(clientCidr(i).words, 0))).toEqual([0, 1, 77_777, 199_999])
    expect(find(table, '10.3.13.64')).toBe(NO_VALUE)
  })

  it('finds nothing in a table of nothing', () => {
    expect([find(tableOf(), '192.0.2.1'), find(tableOf(), '::1')]).toEqual([NO_VALUE, NO_VALUE])
  })

  it('takes a network twice for the same value, and refuses it for two', () => {
    const cidr = parseCidr('clients', '10.0.0.0/8')
    const again = parseCidr('clients', '10.0.0.0/8')
    expect(
      errorCode(() =>
        buildCidrTable([
          { cidr, value: 1 },
          { cidr: again, value: 1 },
        ]),
      ),
    ).toBeUndefined()
    expect(
      errorCode(() =>
        buildCidrTable([
          { cidr, value: 1 },
          { cidr: again, value: 2 },
        ]),
      ),
    ).toBe('CDNS_CIDR_INVALID')
  })

  it('agrees with a search through all networks, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.array(network, { maxLength: 60 }),
        fc.array(address, { minLength: 1, maxLength: 30 }),
        (cidrs, clients) => {
          const entries = distinctNetworks(cidrs).map((cidr, value) => ({ cidr, value }))
          const table = new CidrTable(buildCidrTable(entries))
          // The networks' own first addresses, and their neighbours, are where mistakes are.
          const edges = cidrs.flatMap(({ words }) => [
            words,
            words.with(3, words[3]! + 1),
            words.with(3, words[3]! - 1),
          ])
          for (const client of [...clients, ...edges]) {
            const at = Int32Array.from([7, 7, ...client, 7])
            expect(table.find(at, 2)).toBe(searchAll(entries, client))
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('stays small: a thousand networks of any kind take less than 200 KiB', () => {
    const entries = Array.from({ length: 1000 }, (_, i) => ({
      cidr: parseCidr('clients', `2001:db8:${((i * 7919) & 0xffff).toString(16)}:${i}::${i % 3}`),
      value: i,
    }))
    expect(buildCidrTable(entries).byteLength).toBeLessThan(200 * 1024)
  })
})

/** Few different bits, so that networks lie inside each other. */
const someWord = fc.oneof(
  fc.constantFrom(0, -1, 0x0a000000, 0x20010db8, 0xffff),
  fc.integer({ min: 0, max: 15 }),
  fc.integer(),
)
const address = fc
  .tuple(fc.boolean(), someWord, someWord, someWord, someWord)
  .map(([isIpv4, a, b, c, d]) => Int32Array.from(isIpv4 ? [0, 0, 0xffff, d] : [a, b, c, d]))
const network: fc.Arbitrary<Cidr> = fc.tuple(address, fc.nat(128)).map(([words, bits]) => {
  const isIpv4 = isIpv4Client(words, 0)
  const length = isIpv4 ? 96 + (bits % 33) : bits
  const masked = words.map((word, i) => word & prefixMask(length - 32 * i))
  return { words: masked, length, family: isIpv4 ? 4 : 6 }
})

function distinctNetworks(cidrs: readonly Cidr[]): Cidr[] {
  return [...new Map(cidrs.map((cidr) => [`${cidr.words.join()}/${cidr.length}/${cidr.family}`, cidr])).values()]
}

function toBigInt(words: Int32Array): bigint {
  return words.reduce((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n)
}

function searchAll(entries: readonly { cidr: Cidr; value: number }[], client: Int32Array): number {
  const family = isIpv4Client(client, 0) ? 4 : 6
  let longest = -1
  let value = NO_VALUE
  for (const { cidr, value: own } of entries) {
    const behind = BigInt(128 - cidr.length)
    const holds = cidr.family === family && toBigInt(cidr.words) >> behind === toBigInt(client) >> behind
    if (!holds || cidr.length <= longest) continue
    longest = cidr.length
    value = own
  }
  return value
}
