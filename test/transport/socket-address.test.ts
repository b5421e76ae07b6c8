import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { batchObstacle, loadLibc } from '../../lib/transport/libc.js'
import { encodeSocketAddress, isWildcard, portOf } from '../../lib/transport/socket-address.js'

describe('isWildcard', () => {
  it.each(['0.0.0.0', '::', '0:0:0:0:0:0:0:0', '::0'])('knows %s', (host) => expect(isWildcard(host)).toBe(true))
  it.each(['127.0.0.1', '::1', '0.0.0.1', '10::'])('knows that %s is none', (host) => {
    expect(isWildcard(host)).toBe(false)
  })
})

describe.skipIf(batchObstacle() !== undefined)('encodeSocketAddress', () => {
  const encode = (host: string, port: number) => encodeSocketAddress(loadLibc(), host, port)

  it('writes an IPv4 address as sockaddr_in', () => {
    expect([...encode('192.0.2.1', 5300)!]).toEqual([2, 0, 0x14, 0xb4, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0])
  })

  it('writes an IPv6 address as sockaddr_in6', () => {
    const address = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    expect([...encode('2001:db8::1', 53)!]).toEqual([10, 0, 0, 53, 0, 0, 0, 0, ...address, 0, 0, 0, 0])
  })

  it('takes an interface by its number or its name', () => {
    expect(encode('fe80::1%7', 53)!.at(-4)).toBe(7)
    const [name = 'lo', addresses = []] =
      Object.entries(networkInterfaces()).find(([, all]) => all?.some(({ family }) => family === 'IPv6')) ?? []
    const scope = addresses.find(({ family }) => family === 'IPv6')?.scopeid ?? 0
    expect(encode(`fe80::1%${name}`, 53)!.at(-4)).toBe(scope & 0xff)
  })

  it('refuses text that is no address', () => {
    for (const text of ['localhost', '', '1.2.3', ':::']) expect(encode(text, 53)).toBeUndefined()
  })

  it('reads back the port that it wrote', () => {
    for (const port of [0, 1, 255, 256, 65535]) expect(portOf(encode('::1', port)!)).toBe(port)
  })
})
