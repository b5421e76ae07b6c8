import { buildCidrTable } from '../../../lib/clients/build-cidr-table.js'
import { parseCidr } from '../../../lib/clients/cidr.js'
import { CidrTable } from '../../../lib/clients/cidr-table.js'
import { clientFromText, hashClient } from '../../../lib/clients/client-address.js'
import { FastRandom } from '../../../lib/fast-random.js'
import { report } from './measure.js'

/** Looking clients up in a thousand networks, and hashing them. */

const CLIENTS = 1 << 14
const random = new FastRandom(5)

function tableOf(networks: readonly string[]): CidrTable {
  const entries = [...new Set(networks)].map((text, value) => ({ cidr: parseCidr('clients', text), value }))
  return new CidrTable(buildCidrTable(entries))
}

function clientsOf(text: () => string): Int32Array {
  const words = new Int32Array(4 * CLIENTS)
  for (let i = 0; i < CLIENTS; i++) words.set(clientFromText(text())!, 4 * i)
  return words
}

const byte = () => random.below(256)
const group = () => random.below(65536).toString(16)
const ipv4 = Array.from({ length: 1000 }, () => {
  const length = 12 + random.below(21)
  const word = (byte() << 24) | (byte() << 16) | (byte() << 8) | byte()
  const masked = (word & (-1 << (32 - length))) >>> 0
  return `${masked >>> 24}.${(masked >>> 16) & 255}.${(masked >>> 8) & 255}.${masked & 255}/${length}`
})
const ipv6 = Array.from({ length: 1000 }, () => `2001:db8:${random.below(64).toString(16)}:${group()}::/64`)
const both = tableOf([...ipv4, ...ipv6])
const anyIpv4 = clientsOf(() => `${byte()}.${byte()}.${byte()}.${byte()}`)
const insideIpv4 = clientsOf(() => ipv4[random.below(1000)]!.replace(/\/.*/, ''))
const insideIpv6 = clientsOf(() => ipv6[random.below(1000)]!.replace(/\/.*/, `${group()}:${group()}`))
const nested = tableOf(Array.from({ length: 25 }, (_, i) => `10.0.0.0/${8 + i}`))
const deepest = clientsOf(() => '10.0.0.0')

const at = (i: number) => 4 * (i & (CLIENTS - 1))
report('1 000 IPv4 and 1 000 IPv6 networks, any IPv4 client', (i) => both.find(anyIpv4, at(i)))
report('the same, IPv4 clients in a network', (i) => both.find(insideIpv4, at(i)))
report('the same, IPv6 clients in a network', (i) => both.find(insideIpv6, at(i)))
report('25 networks one inside the other, the innermost', (i) => nested.find(deepest, at(i)))
report('hash of an IPv4 client', (i) => hashClient(anyIpv4, at(i), 24, 56, 1))
report('hash of an IPv6 client', (i) => hashClient(insideIpv6, at(i), 24, 56, 1))
