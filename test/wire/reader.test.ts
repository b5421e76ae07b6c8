import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireReader } from '../../lib/wire/reader.js'

describe('WireReader', () => {
  it('reads numbers in network order, from a window', () => {
    const reader = new WireReader()
    reader.reset(Uint8Array.of(9, 0xff, 0x12, 0x34, 0xfe, 0xdc, 0xba, 0x98, 9), 1, 7)
    expect([reader.u8(), reader.u16(), reader.u32(), reader.remaining, reader.failed]).toEqual([
      0xff,
      0x1234,
      0xfedcba98,
      0,
      false,
    ])
  })

  it('gives 0 and stays failed once a read goes past the end, though smaller ones would fit', () => {
    const reader = new WireReader(Uint8Array.of(1, 2, 3))
    expect(reader.u32()).toBe(0)
    expect([reader.u8(), reader.u16(), reader.failed, reader.remaining]).toEqual([0, 0, true, 0])
    reader.reset(Uint8Array.of(5), 0, 1)
    expect([reader.u8(), reader.failed]).toEqual([5, false])
  })

  it('reads nothing outside its window, whatever is asked of it', () => {
    const step = fc.constantFrom('u8', 'u16', 'u32', 'skip')
    const property = fc.property(
      fc.nat(20),
      fc.nat(20),
      fc.array(fc.tuple(step, fc.nat(9)), { maxLength: 20 }),
      (before, length, steps) => {
        // A read of the poison would give a number that is not 0.
        const bytes = new Uint8Array(before + length + 8).fill(0xaa).fill(0, before, before + length)
        const reader = new WireReader()
        reader.reset(bytes, before, length)
        for (const [name, count] of steps) {
          if (name === 'skip') reader.skip(count)
          else expect(reader[name]()).toBe(0)
          expect(reader.position).toBeLessThanOrEqual(before + length)
        }
      },
    )
    fc.assert(property)
  })
})
