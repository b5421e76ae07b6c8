import { describe, expect, it } from 'vitest'
import { buildCidrTable } from '../../lib/clients/build-cidr-table.js'
import { parseCidr } from '../../lib/clients/cidr.js'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { optionsOf } from '../support/edns-options.js'
import { describeResponse } from '../support/expect-response.js'

const SUBNET = 8
const sources = buildCidrTable([{ cidr: parseCidr('trusted', '192.0.2.0/24'), value: 0 }])

function serverFor(affinity: 'ecs' | 'address' = 'ecs'): Answering {
  const selection = { policy: 'clientHash', maxAnswers: 1, affinity } as const
  return new Answering({ selection, policy: { subnetSources: sources } }).put({
    name: 'www.example',
    type: 'A',
    data: ['192.0.2.1', '192.0.2.2'],
  })
}

const ask = (server: Answering, data: readonly number[], name = 'www.example') =>
  server.ask(buildQuery(name, 'A', { edns: { options: [[SUBNET, Uint8Array.from(data)]] } }))
const subnetIn = (response: Uint8Array) => {
  const option = optionsOf(response).get(SUBNET)
  return option && [...option]
}

describe('RFC 7871', () => {
  it('§7.2.1 the option goes back as it came, with the prefix that the answer depends on', () => {
    expect(subnetIn(ask(serverFor(), [0, 1, 20, 0, 10, 1, 0x10]))).toEqual([0, 1, 20, 20, 10, 1, 0x10])
    expect(subnetIn(ask(serverFor(), [0, 2, 56, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 7]))).toEqual([
      0, 2, 56, 56, 0x20, 1, 0xd, 0xb8, 0, 0, 7,
    ])
  })

  it('§7.2.1 the scope is 0 where the answer is for everybody', () => {
    expect(subnetIn(ask(serverFor('address'), [0, 1, 24, 0, 10, 1, 1]))).toEqual([0, 1, 24, 0, 10, 1, 1])
    expect(subnetIn(ask(serverFor(), [0, 1, 24, 0, 10, 1, 1], 'absent.example'))).toEqual([0, 1, 24, 0, 10, 1, 1])
  })

  it('§7.1.2 a prefix of no length asks not to be told apart', () => {
    for (const family of [0, 1, 2]) expect(subnetIn(ask(serverFor(), [0, family, 0, 0]))).toEqual([0, family, 0, 0])
  })

  it.each([
    ['too short', [0, 1, 24]],
    ['a family that there is not', [0, 3, 0, 0]],
    ['a prefix longer than an address', [0, 1, 33, 0, 10, 0, 0, 0, 0]],
    ['a scope in a query', [0, 1, 24, 24, 10, 1, 1]],
    ['too few octets', [0, 1, 24, 0, 10, 1]],
    ['too many octets', [0, 1, 24, 0, 10, 1, 1, 0]],
    ['bits behind the prefix', [0, 1, 20, 0, 10, 1, 0x11]],
    ['an address of no family', [0, 0, 8, 0, 10]],
  ])('§6 is refused when it is malformed: %s', (_, data) => {
    expect(describeResponse(ask(serverFor(), data)).rcode).toBe('FORMERR')
  })

  it('§11.2 counts from those who are trusted, and from others is an option unknown', () => {
    const server = serverFor()
    server.client = Uint8Array.of(198, 51, 100, 1)
    expect(optionsOf(ask(server, [0, 1, 24, 0, 10, 1, 1])).has(SUBNET)).toBe(false)
    const without = new Answering().put({ name: 'www.example', type: 'A', data: ['192.0.2.1'] })
    expect(describeResponse(ask(without, [0, 1, 99, 99])).rcode).toBe('NOERROR')
  })
})
