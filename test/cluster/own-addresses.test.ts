import type { NetworkInterfaceInfo } from 'node:os'
import { createTestServer } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { ownAddresses } from '../../lib/cluster/own-addresses.js'

const at = (address: string, internal = false) =>
  ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo
const INTERFACES = {
  lo: [at('127.0.0.1', true), at('::1', true)],
  eth0: [at('192.0.2.1'), at('fe80::1'), at('2001:db8::1')],
}

function textsOf(hosts: string[]): [number[], number[]] {
  const { ipv4, ipv6 } = ownAddresses(hosts, INTERFACES)
  return [[...ipv4], [...ipv6]]
}

const V6 = [0x20, 1, 0xd, 0xb8, ...Array<number>(11).fill(0), 1]

describe('the addresses of a server', () => {
  it('are those that it listens on, each once', () => {
    expect(textsOf(['127.0.0.1', '192.0.2.7', '127.0.0.1', '2001:db8::1'])).toEqual([[127, 0, 0, 1, 192, 0, 2, 7], V6])
  })

  it('are for a wildcard those of the host that others can reach', () => {
    expect(textsOf(['0.0.0.0'])).toEqual([[192, 0, 2, 1], []])
    expect(textsOf(['::'])).toEqual([[], V6])
    expect(textsOf(['0.0.0.0', '::'])).toEqual([[192, 0, 2, 1], V6])
  })

  it('are eight of each family at most', () => {
    const hosts = Array.from({ length: 20 }, (_, i) => `192.0.2.${i}`)
    expect(ownAddresses(hosts).ipv4).toHaveLength(8 * 4)
  })

  it('are what the name server of its zones resolves to', async () => {
    await using server = await createTestServer({ zones: ['zone.example'] })
    expect(await server.query('ns.dns.zone.example', 'A')).toMatchObject({
      authoritative: true,
      answer: [{ name: 'ns.dns.zone.example', type: 'A', data: '127.0.0.1' }],
    })
    const { answer, additional } = await server.query('zone.example', 'NS')
    expect([answer[0]!.data, additional[0]]).toMatchObject(['ns.dns.zone.example', { type: 'A', data: '127.0.0.1' }])
  })
})
