import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Arena } from '../../lib/shared-table/arena.js'
import {
  SEGMENT_BYTES,
  SEGMENT_UNIT_BITS,
  SEGMENT_UNIT_MASK,
  UNIT_BYTES,
  UNIT_WORDS,
} from '../../lib/shared-table/layout.js'
import { SegmentSet } from '../../lib/shared-table/segments.js'
import { limitSharedMemory } from './no-shared-memory.js'

/** An arena beside the plainest model of one: the blocks that are out, as intervals of bytes, each full of its own number. */
class CheckedArena {
  readonly segments = new SegmentSet([], () => undefined)
  readonly posted: number[] = []
  readonly arena = new Arena(this.segments, (segment) => this.posted.push(segment.number))
  readonly live: { offset: number; bytes: number; mark: number }[] = []
  #mark = 0

  allocate(bytes: number): void {
    const usedBefore = this.arena.usedBytes
    const offset = this.arena.allocate(bytes)
    expect(offset).not.toBe(0)
    expect(this.arena.usedBytes - usedBefore).toBe(Arena.roundUp(bytes))
    const block = { offset, bytes, mark: ++this.#mark }
    const [start, end] = intervalOf(block)
    expect(Math.floor(start / SEGMENT_BYTES), 'a block lies in one segment').toBe(Math.floor((end - 1) / SEGMENT_BYTES))
    for (const other of this.live) {
      const [otherStart, otherEnd] = intervalOf(other)
      if (start < otherEnd && otherStart < end)
        throw new Error(`[${start}, ${end}) lies over [${otherStart}, ${otherEnd})`)
    }
    this.#wordsOf(block).fill(block.mark)
    this.live.push(block)
  }

  free(index: number): void {
    const [block] = this.live.splice(index, 1)
    const usedBefore = this.arena.usedBytes
    this.#checkContent(block!)
    this.arena.free(block!.offset, block!.bytes)
    expect(usedBefore - this.arena.usedBytes).toBe(Arena.roundUp(block!.bytes))
  }

  checkContents(): void {
    for (const block of this.live) this.#checkContent(block)
  }

  #checkContent(block: { offset: number; bytes: number; mark: number }): void {
    expect(this.#wordsOf(block).every((word) => word === block.mark)).toBe(true)
  }

  #wordsOf({ offset, bytes }: { offset: number; bytes: number }): Int32Array {
    const word = (offset & SEGMENT_UNIT_MASK) * UNIT_WORDS
    return this.segments.arenaWords[offset >>> SEGMENT_UNIT_BITS]!.subarray(word, word + Arena.roundUp(bytes) / 4)
  }
}

function intervalOf({ offset, bytes }: { offset: number; bytes: number }): [number, number] {
  const start = (offset >>> 0) * UNIT_BYTES
  return [start, start + Arena.roundUp(bytes)]
}

const sizes = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 300 }) },
  { weight: 3, arbitrary: fc.integer({ min: 300, max: 20_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 20_000, max: SEGMENT_BYTES }) },
)

describe('the arena', () => {
  it('never hands out bytes that are in use, and keeps its books exactly, whatever is allocated and freed', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ allocate: sizes }) },
      { weight: 2, arbitrary: fc.record({ free: fc.nat() }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 250 }), (steps) => {
        const checked = new CheckedArena()
        for (const step of steps) {
          if ('allocate' in step) checked.allocate(step.allocate)
          else if (checked.live.length > 0) checked.free(step.free % checked.live.length)
        }
        checked.checkContents()
        while (checked.live.length > 0) checked.free(0)
        expect(checked.arena.usedBytes).toBe(0)
        expect(checked.posted).toEqual(checked.posted.map((_, number) => number))
      }),
      { numRuns: 150 },
    )
  })

  it('rounds every size up to a segment to a block that holds it and wastes less than a fifth of that', () => {
    let previous = 0
    for (let bytes = 1; bytes <= SEGMENT_BYTES; bytes += bytes < 4096 ? 1 : UNIT_BYTES) {
      const block = Arena.roundUp(bytes)
      // Plain comparisons: an `expect` each would take a minute.
      if (block < bytes || block < previous || block > SEGMENT_BYTES || block % UNIT_BYTES !== 0)
        expect.fail(`${bytes}: ${block}`)
      if (Arena.roundUp(block) !== block) expect.fail(`a block of ${block} is rounded up again`)
      if (bytes <= 256 ? block - bytes >= UNIT_BYTES : (block - bytes) * 5 >= block) expect.fail(`${bytes}: ${block}`)
      previous = block
    }
  })

  it('uses a block again for the same size', () => {
    const checked = new CheckedArena()
    for (let i = 0; i < 3; i++) checked.allocate(100)
    const [, second] = checked.live
    checked.free(1)
    checked.allocate(97)
    expect(checked.live.at(-1)!.offset).toBe(second!.offset)
  })

  it('cuts up large free blocks before it takes another segment', () => {
    const checked = new CheckedArena()
    for (let i = 0; i < 4; i++) checked.allocate(SEGMENT_BYTES / 4 - UNIT_BYTES)
    checked.allocate(1024)
    const before = checked.segments.allocatedBytes
    while (checked.live.length > 0) checked.free(0)
    for (let i = 0; i < 1500; i++) checked.allocate(1000)
    expect(checked.segments.allocatedBytes).toBe(before)
  })

  it('fills segments to the last unit', () => {
    const checked = new CheckedArena()
    for (let i = 0; i < 2 * (SEGMENT_BYTES / 4096) - 1; i++) checked.allocate(4096)
    // The first unit of the first segment stands for "none", so one block of the first segment is broken up.
    expect(checked.posted).toEqual([0, 1])
    checked.allocate(4096)
    expect(checked.posted).toEqual([0, 1, 2])
    for (let i = 0; i < 511; i++) checked.allocate(UNIT_BYTES)
    expect(checked.posted).toEqual([0, 1, 2])
  })

  it('refuses a block larger than a segment before it takes any memory', () => {
    const checked = new CheckedArena()
    expect(() => checked.arena.allocate(SEGMENT_BYTES + 1)).toThrowError(
      expect.objectContaining({ code: 'CDNS_SHARED_MEMORY_FULL' }),
    )
    expect(checked.posted).toEqual([])
  })

  it('says CDNS_SHARED_MEMORY_FULL when the system has none, and goes on with what it has', () => {
    const checked = new CheckedArena()
    limitSharedMemory(2)
    const full = expect.objectContaining({ code: 'CDNS_SHARED_MEMORY_FULL' })
    for (let i = 0; i < 3; i++) checked.allocate(500_000)
    expect(() => checked.allocate(900_000)).toThrowError(full)
    const used = checked.arena.usedBytes
    for (let i = 0; i < 100; i++) checked.allocate(1000)
    expect(() => {
      for (;;) checked.allocate(1000)
    }).toThrowError(full)
    expect(checked.arena.usedBytes - used).toBe((checked.live.length - 3) * Arena.roundUp(1000))
    checked.free(0)
    checked.allocate(1000)
    checked.checkContents()
  })

  it('keeps what was reserved: blocks of so many bytes can be had when the system has no more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: SEGMENT_BYTES / 2 }),
        fc.array(sizes, { maxLength: 30 }),
        fc.array(sizes, { maxLength: 200 }),
        (reserved, before, wanted) => {
          const checked = new CheckedArena()
          for (const bytes of before) checked.allocate(bytes)
          checked.arena.reserve(reserved)
          limitSharedMemory(0)
          let left = reserved
          for (const bytes of wanted) {
            left -= Arena.roundUp(bytes)
            if (left < 0) break
            checked.allocate(bytes)
          }
          limitSharedMemory(1000)
        },
      ),
      { numRuns: 50 },
    )
  })
})
