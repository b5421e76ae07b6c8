import { describe, expect, it } from 'vitest'
import { HostsFileReader, reverseName } from '../../lib/zone-file/hosts-file-reader.js'
import { SyntaxFault } from '../../lib/zone-file/syntax-fault.js'

function read(text: string): [line: number, address: string, ...names: string[]][] {
  const reader = new HostsFileReader(Buffer.from(text))
  const lines: [number, string, ...string[]][] = []
  while (reader.next()) lines.push([reader.line, reader.address, ...reader.names])
  return lines
}

describe('a hosts file', () => {
  it('is addresses and names, with comments and blank lines between', () => {
    const text = '# hosts\n127.0.0.1\tlocalhost\r\n\n  ::1 localhost  ip6 # both\n#\n192.0.2.1 a b#c'
    expect(read(text)).toEqual([
      [2, '127.0.0.1', 'localhost'],
      [4, '::1', 'localhost', 'ip6'],
      [6, '192.0.2.1', 'a', 'b'],
    ])
  })

  it('may begin with a byte order mark', () => {
    expect(read('\ufeff192.0.2.1 a')).toEqual([[1, '192.0.2.1', 'a']])
  })

  it('passes over addresses that mean something on one host only', () => {
    expect(read('fe80::1%lo0 localhost\n::1 a')).toEqual([[2, '::1', 'a']])
  })

  it.each([
    ['::1 a\nnonsense a', 2, 'CDNS_ADDRESS_INVALID'],
    ['\n\n192.0.2.256 a', 3, 'CDNS_ADDRESS_INVALID'],
    ['192.0.2.1', 1, undefined],
    ['192.0.2.1 # a', 1, undefined],
  ])('has a fault where a line is none: %j', (text, line, code) => {
    let fault: unknown
    try {
      read(text)
    } catch (error) {
      fault = error
    }
    expect(fault).toBeInstanceOf(SyntaxFault)
    expect({
      line: (fault as SyntaxFault).line,
      code: ((fault as SyntaxFault).cause as { code?: string })?.code,
    }).toEqual({
      line,
      code,
    })
  })
})

describe('reverseName', () => {
  it('is below in-addr.arpa or ip6.arpa', () => {
    expect(reverseName(Uint8Array.of(192, 0, 2, 1))).toBe('1.2.0.192.in-addr.arpa')
    const address = Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xaf)
    expect(reverseName(address)).toBe(`f.a.${'0.'.repeat(22)}8.b.d.0.1.0.0.2.ip6.arpa`)
  })
})
