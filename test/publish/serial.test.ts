import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstSerial, serialAfter } from '../../lib/publish/serial.js'

const HALF = 2 ** 31

/** RFC 1982 §3.2: whether a serial comes after another, by less than half of all there are. */
function isAfter(later: number, earlier: number): boolean {
  const distance = (later - earlier + 2 ** 32) % 2 ** 32
  return distance > 0 && distance < HALF
}

describe('the serial of a synthesized SOA', () => {
  it.each([
    [7, 1_800_000_000_000, 1_800_000_000],
    [1_800_000_000, 1_800_000_000_999, 1_800_000_001],
    // More changes than seconds.
    [1_800_000_500, 1_800_000_000_000, 1_800_000_501],
    // From the last there is to the first.
    [0xffffffff, 1_800_000_000_000, 1_800_000_000],
    [0xffffffff, 4_294_967_296_000, 0],
    [0xffffffff, 4_294_967_299_000, 3],
    // A clock that was put back, or has not been set.
    [1_800_000_000, 0, 1_800_000_001],
  ])('after %i is, at %i ms, %i', (serial, wallMs, expected) => {
    expect(serialAfter(serial, wallMs)).toBe(expected)
  })

  it('begins with the seconds, also when they need more than 31 bits, so that a restart does not begin anew', () => {
    expect(firstSerial(1_800_000_000_999)).toBe(1_800_000_000)
    expect(firstSerial(3_000_000_000_000)).toBe(3_000_000_000)
    expect(firstSerial(4_294_967_297_000)).toBe(1)
  })

  it('comes after the one before, whatever that is and whatever the clock says, and is 32 bits', () => {
    const serial = fc.oneof(fc.constantFrom(0, 1, HALF - 1, HALF, 0xfffffffe, 0xffffffff), fc.nat(0xffffffff))
    const wallMs = fc.oneof(fc.constantFrom(0, 4_294_967_295_999, 4_294_967_296_000), fc.nat(10 ** 13))
    fc.assert(
      fc.property(serial, wallMs, (before, now) => {
        const after = serialAfter(before, now)
        expect(isAfter(after, before)).toBe(true)
        expect(Number.isInteger(after) && after >= 0 && after <= 0xffffffff).toBe(true)
      }),
    )
  })
})
