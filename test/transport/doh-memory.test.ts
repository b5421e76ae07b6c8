import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DohMemory, MAX_HELD_BYTES, type MemoryHolder } from '../../lib/transport/doh-memory.js'

class Holder implements MemoryHolder {
  heldBytes = 0
  isEvicted = false

  evict(): void {
    expect(this.isEvicted).toBe(false)
    this.isEvicted = true
  }
}

const QUARTER = MAX_HELD_BYTES / 4

describe('DohMemory', () => {
  it('evicts the one without progress for the longest time, and only when there is too much', () => {
    const memory = new DohMemory()
    const [first, second, third] = [new Holder(), new Holder(), new Holder()]
    for (const holder of [first, second, third]) memory.hold(holder, QUARTER)
    memory.hold(first, QUARTER)
    expect([first, second, third].some(({ isEvicted }) => isEvicted)).toBe(false)
    memory.release(first, 1)
    memory.hold(third, 2)
    expect([first, second, third].map(({ isEvicted }) => isEvicted)).toEqual([false, true, false])
  })

  it('takes nothing more of one that was evicted into account', () => {
    const memory = new DohMemory()
    const [gone, other] = [new Holder(), new Holder()]
    memory.hold(gone, QUARTER)
    memory.hold(other, 3 * QUARTER + 1)
    expect(gone.isEvicted).toBe(true)
    memory.hold(gone, QUARTER)
    memory.release(gone, 2 * QUARTER)
    memory.hold(other, QUARTER - 1)
    expect(other.isEvicted).toBe(false)
    memory.hold(other, 1)
    expect(other.isEvicted).toBe(true)
  })

  it('keeps what all but the evicted hold within its limit, whatever the steps', () => {
    const steps = fc.array(fc.tuple(fc.nat(5), fc.boolean(), fc.integer({ min: 1, max: QUARTER })), { maxLength: 200 })
    fc.assert(
      fc.property(steps, (given) => {
        const memory = new DohMemory()
        const holders = Array.from({ length: 6 }, () => new Holder())
        for (const [i, releases, bytes] of given) {
          const holder = holders[i]!
          if (!releases) memory.hold(holder, bytes)
          else if (holder.heldBytes > 0) memory.release(holder, Math.min(bytes, holder.heldBytes))
          const left = holders.filter(({ isEvicted }) => !isEvicted)
          const held = left.reduce((sum, { heldBytes }) => sum + heldBytes, 0)
          expect(held).toBeLessThanOrEqual(MAX_HELD_BYTES)
        }
      }),
    )
  })
})
