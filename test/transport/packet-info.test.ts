import { describe, expect, it } from 'vitest'
import { readDestination, turnAround } from '../../lib/transport/packet-info.js'

describe('turnAround', () => {
  it('keeps our address of an IPv4 request and leaves the interface to routing', () => {
    const control = controlData({ level: 0, type: 8, data: [3, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 255] })
    expect(turnAround(control.words, control.at, 32)).toBe(32)
    expect(control.data(12)).toEqual([0, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 255])
  })

  it('keeps the address of an IPv6 request and leaves the interface to routing', () => {
    const address = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    const control = controlData({ level: 41, type: 50, data: [...address, 3, 0, 0, 0] })
    expect(turnAround(control.words, control.at, 40)).toBe(40)
    expect(control.data(20)).toEqual([...address, 0, 0, 0, 0])
  })

  it.each([0xfe80, 0xfebf])('keeps the interface of a link-local IPv6 request to %i', (prefix) => {
    const address = [prefix >> 8, prefix & 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    const control = controlData({ level: 41, type: 50, data: [...address, 3, 0, 0, 0] })
    expect(turnAround(control.words, control.at, 40)).toBe(40)
    expect(control.data(20)).toEqual([...address, 3, 0, 0, 0])
  })

  it('says nothing where the request said nothing', () => {
    const old = controlData({ level: 0, type: 8, data: [3, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 1] })
    expect(turnAround(old.words, old.at, 0)).toBe(0)
  })

  it('says nothing of control data that it does not know', () => {
    const stamp = controlData({ level: 1, type: 29, data: Array<number>(16).fill(1) })
    expect(turnAround(stamp.words, stamp.at, 32)).toBe(0)
  })
})

describe('readDestination', () => {
  const V6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]

  it.each([
    [
      'ours of IPv4, also of a broadcast',
      { level: 0, type: 8, data: [3, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 255] },
      [192, 0, 2, 1],
    ],
    ['of IPv6', { level: 41, type: 50, data: [...V6, 3, 0, 0, 0] }, V6],
    ['none of control data that it does not know', { level: 1, type: 29, data: Array<number>(16).fill(1) }, []],
    ['none of another option of IPv4', { level: 0, type: 2, data: Array<number>(12).fill(1) }, []],
  ])('is the address that a request was sent to: %s', (_, given, address) => {
    const { words, at } = controlData(given)
    const target = new Uint8Array(16)
    const length = readDestination(new Uint8Array(words.buffer), words, 4 * at, 40, target)
    expect([...target.subarray(0, length)]).toEqual(address)
    expect(readDestination(new Uint8Array(words.buffer), words, 4 * at, 0, target)).toBe(0)
  })
})

/** The control data of one message, in the middle of other messages' as it stands in a batch. */
function controlData({ level, type, data }: { level: number; type: number; data: number[] }) {
  const start = 64
  const bytes = new Uint8Array(3 * start)
  const view = new DataView(bytes.buffer, start)
  view.setUint32(0, 16 + data.length, true)
  view.setInt32(8, level, true)
  view.setInt32(12, type, true)
  bytes.set(data, start + 16)
  const read = (length: number) => [...bytes.subarray(start + 16, start + 16 + length)]
  return { words: new Uint32Array(bytes.buffer), at: start / 4, data: read }
}
