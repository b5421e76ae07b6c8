import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireReader } from '../../lib/wire/reader.js'
import { WireWriter } from '../../lib/wire/writer.js'

describe('WireWriter', () => {
  it('writes what a reader reads', () => {
    const bytes = new Uint8Array(11)
    const writer = new WireWriter(bytes)
    writer.u8(0x1ff)
    writer.u16(0xfedc)
    writer.u32(0xfedcba98)
    writer.copy(Uint8Array.of(9, 1, 2, 3, 4), 1, 4)
    expect([writer.length, writer.failed]).toEqual([11, false])
    const reader = new WireReader(bytes)
    expect([reader.u8(), reader.u16(), reader.u32(), reader.u32()]).toEqual([0xff, 0xfedc, 0xfedcba98, 0x01020304])
  })

  it('writes nothing of what does not fit whole, and stays failed', () => {
    const bytes = new Uint8Array(8).fill(0xaa)
    const writer = new WireWriter()
    writer.reset(bytes, 2, 5)
    writer.u32(1)
    expect([writer.failed, writer.length, ...bytes]).toEqual([true, 0, ...Array(8).fill(0xaa)])
    writer.u8(1)
    expect([writer.failed, writer.length]).toEqual([true, 1])
  })

  it('writes nothing outside its window, whatever is asked of it', () => {
    const step = fc.constantFrom('u8', 'u16', 'u32', 'copy')
    const property = fc.property(
      fc.nat(20),
      fc.nat(20),
      fc.array(fc.tuple(step, fc.nat(9)), { maxLength: 20 }),
      (before, length, steps) => {
        const bytes = new Uint8Array(before + length + 12).fill(0xaa)
        const writer = new WireWriter()
        writer.reset(bytes, before, before + length)
        for (const [name, count] of steps) {
          if (name === 'copy') writer.copy(new Uint8Array(9), 0, count)
          else writer[name](0)
        }
        expect([...bytes.subarray(0, before), ...bytes.subarray(before + length)].every((byte) => byte === 0xaa)).toBe(
          true,
        )
      },
    )
    fc.assert(property)
  })
})
