import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRing, NONE } from '../../lib/export/ring-layout.js'
import { RingReader } from '../../lib/export/ring-reader.js'
import { RingWriter } from '../../lib/export/ring-writer.js'
import { createBell } from '../../lib/handoff/bell.js'

const SIZE = 256

function record(writer: RingWriter, size: number, content: number): boolean {
  const at = writer.claim(size)
  if (at === NONE) return false
  writer.bytes.fill(content, at + 4, at + size)
  return true
}

/** The contents of all records that are there; throws for one that is not of one piece. */
function taken(reader: RingReader): number[] {
  const contents: number[] = []
  for (let at = reader.next(); at !== NONE; at = reader.next()) {
    const size = new DataView(reader.bytes.buffer, reader.bytes.byteOffset).getUint32(at, true)
    const bytes = new Set(reader.bytes.subarray(at + 4, at + size))
    expect(bytes.size).toBe(1)
    contents.push(...bytes)
  }
  reader.free()
  return contents
}

describe('a ring', () => {
  it('gives what was written and shown, in its order, and counts what found no room', () => {
    const step = fc.oneof(
      fc.record({ size: fc.integer({ min: 1, max: 20 }).map((words) => 8 * words) }),
      fc.constantFrom('show', 'take', 'newWriter', 'newReader'),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const ring = createRing(SIZE, createBell())
        let writer = new RingWriter(ring)
        let reader = new RingReader(ring)
        let next = 0
        let claimed: number[] = []
        let shown: number[] = []
        let lost = 0
        for (const each of steps) {
          if (typeof each === 'object') {
            next = (next + 1) & 0xff
            if (record(writer, each.size, next)) claimed.push(next)
            else lost++
          } else if (each === 'show') {
            writer.show()
            shown.push(...claimed)
            claimed = []
          } else if (each === 'take') {
            expect(taken(reader)).toEqual(shown)
            expect(reader.takeLost()).toBe(lost)
            shown = []
            lost = 0
          } else if (each === 'newWriter') {
            // The thread has died with what it had not shown.
            writer = new RingWriter(ring)
            claimed = []
          } else {
            lost = 0
            reader = new RingReader(ring)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('has room again once what was taken is free, past the point where positions wrap', () => {
    const ring = createRing(SIZE, createBell())
    // 2^32 bytes have nearly gone by.
    new Int32Array(ring.memory).fill(-SIZE, 0, 17)
    const writer = new RingWriter(ring)
    const reader = new RingReader(ring)
    for (let i = 0; i < 20; i++) {
      expect(record(writer, 96, i)).toBe(true)
      writer.show()
      expect(taken(reader)).toEqual([i])
    }
  })
})
