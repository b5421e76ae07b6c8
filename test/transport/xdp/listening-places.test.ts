import type { NetworkInterfaceInfo } from 'node:os'
import { describe, expect, it } from 'vitest'
import { type Libc, loadLibc } from '../../../lib/transport/libc.js'
import { listeningPlaces } from '../../../lib/transport/xdp/listening-places.js'
import type { NetworkInterface } from '../../../lib/transport/xdp/network-interface.js'
import { placeKey } from '../../../lib/transport/xdp/place-key.js'
import { octets } from './raw-frames.js'

const ETH0: NetworkInterface = { name: 'eth0', index: 2, mac: Uint8Array.of(2, 0, 0, 0, 0, 1), mtu: 1500, queues: 1 }
const LOOPBACK: NetworkInterface = { ...ETH0, name: 'lo', mac: new Uint8Array(6) }

/** The system's, but for what it says of VLANs: those of this host have a dot in their names. */
const libc: Libc = {
  ...loadLibc(),
  ioctl: (_fd, _request, argument) => (Buffer.from(argument).toString('latin1').includes('.') ? 0 : -1),
}

const at = (...addresses: string[]) => addresses.map((address) => ({ address }) as NetworkInterfaceInfo)
const HOST = {
  lo: at('127.0.0.1', '::1'),
  eth0: at('192.0.2.1', '2001:db8::1', 'fe80::1'),
  'eth0:1': at('192.0.2.11'),
  'eth0.30': at('192.0.2.30', 'fe80::30'),
  eth1: at('198.51.100.1', 'fe80::2'),
}

/** As text: address, port, and whether with a tag, without, or both. */
function placesOf(listeners: { host: string; port: number }[], on = ETH0): string[] {
  const keys = listeningPlaces(libc, on, listeners, HOST).map((key) => Buffer.from(key).toString('hex'))
  const candidates = Object.values(HOST).flatMap((each) => each.map(({ address }) => address))
  const found = [...candidates, '203.0.113.5'].flatMap((address) =>
    [53, 54].flatMap((port) => {
      const own = octets(address)
      const mapped = own.length === 16 ? own : Buffer.from([...new Uint8Array(10), 0xff, 0xff, ...own])
      const isThere = (isTagged: boolean) =>
        keys.includes(Buffer.from(placeKey(mapped, port, isTagged)).toString('hex'))
      const [untagged, tagged] = [isThere(false), isThere(true)]
      if (!untagged && !tagged) return []
      return [`${address} ${port} ${untagged && tagged ? 'both' : tagged ? 'tagged' : 'untagged'}`]
    }),
  )
  expect(keys.length).toBe(found.reduce((count, text) => count + (text.endsWith('both') ? 2 : 1), 0))
  return found
}

describe('the places where frames are for us', () => {
  it('are all addresses of the host where a wildcard is listened on, but for those that nobody is asked at from outside', () => {
    expect(placesOf([{ host: '0.0.0.0', port: 53 }])).toEqual([
      '192.0.2.1 53 both',
      '192.0.2.11 53 both',
      '192.0.2.30 53 tagged',
      '198.51.100.1 53 both',
    ])
  })

  it('are link-local addresses on their own interface, or in a VLAN of it', () => {
    expect(placesOf([{ host: '::', port: 53 }])).toEqual([
      '2001:db8::1 53 both',
      'fe80::1 53 untagged',
      'fe80::30 53 tagged',
    ])
  })

  it('are the addresses that are listened on, each at its port', () => {
    const listeners = [
      { host: '192.0.2.1', port: 53 },
      { host: '192.0.2.30', port: 54 },
      { host: '203.0.113.5', port: 53 },
      { host: '127.0.0.1', port: 53 },
    ]
    expect(placesOf(listeners)).toEqual(['192.0.2.1 53 both', '192.0.2.30 54 tagged', '203.0.113.5 53 both'])
  })

  it('are those of loopback on the loopback interface', () => {
    expect(placesOf([{ host: '127.0.0.1', port: 53 }], LOOPBACK)).toEqual(['127.0.0.1 53 both'])
  })
})
