import { describe, expect, it } from 'vitest'
import { advanceEpoch, hasReached, ReaderSlot, releaseReader } from '../../lib/shared-table/epochs.js'
import { CONTROL_EPOCH, IDLE } from '../../lib/shared-table/layout.js'
import { TableKey } from '../../lib/shared-table/table-key.js'
import { TableReader } from '../../lib/shared-table/table-reader.js'
import { TableWriter } from '../../lib/shared-table/table-writer.js'

const SEED = 7
const KEY = new Uint8Array([1, 2, 3])
const HASH = 42

function newTable(readers = 2): TableWriter {
  return new TableWriter({ readers, seed: SEED, onSegment: () => {} })
}

function put(table: TableWriter, value: number): void {
  table.begin(KEY, KEY.length, 40)
  table.words.fill(value, table.payloadWord, table.payloadWord + 10)
  table.publish(HASH)
}

/** Replaces the entry often, then writes over every byte that may be reused. */
function churn(table: TableWriter): void {
  for (let i = 0; i < 3000; i++) put(table, -1)
  table.seal()
  for (let i = 0; i < 10_000; i++) {
    table.begin(KEY, KEY.length, 40)
    table.words.fill(-2, table.payloadWord, table.payloadWord + 10)
  }
}

/** Finds the key as another thread would, and returns what it sees of the payload whenever it is asked. */
function lookUp(table: TableWriter): () => number[] {
  const reader = new TableReader(table.control, table.segments)
  const key = new TableKey()
  key.set(KEY, 0, KEY.length)
  expect(reader.find(HASH, key.words, key.length)).toBe(true)
  const { words, payloadWord } = reader
  return () => [...words.subarray(payloadWord, payloadWord + 10)]
}

const FIVES = Array.from({ length: 10 }, () => 5)

describe.each([
  ['in the middle of its range', 1],
  ['where its sign changes', 2 ** 31 - 3],
  ['where it wraps', -3],
])('reuse of bytes, with the epoch counter %s', (_, startEpoch) => {
  function newTableAt(): TableWriter {
    const table = newTable()
    table.control[CONTROL_EPOCH] = startEpoch
    return table
  }

  it('never happens while a reader that may see them is entered', () => {
    const table = newTableAt()
    const slot = new ReaderSlot(table.control, 1)
    put(table, 5)
    slot.enter()
    const seen = lookUp(table)
    churn(table)
    expect(seen()).toEqual(FIVES)
    expect(table.retiredBytes).toBeGreaterThan(3000 * 40)
  })

  it('happens when the reader leaves', () => {
    const table = newTableAt()
    const slot = new ReaderSlot(table.control, 1)
    put(table, 5)
    slot.enter()
    const seen = lookUp(table)
    churn(table)
    slot.leave()
    churn(table)
    expect(table.retiredBytes).toBe(0)
    expect(seen()).not.toEqual(FIVES)
  })

  it('happens when the reader enters anew', () => {
    const table = newTableAt()
    const slot = new ReaderSlot(table.control, 1)
    put(table, 5)
    slot.enter()
    const seen = lookUp(table)
    churn(table)
    slot.enter()
    const seenAnew = lookUp(table)
    put(table, 6)
    churn(table)
    expect(seen()).not.toEqual(FIVES)
    expect(seenAnew(), 'what it met after it had entered anew is kept').toEqual(FIVES.map(() => -1))
  })

  it('happens when a dead reader has been released', () => {
    const table = newTableAt()
    const slot = new ReaderSlot(table.control, 1)
    put(table, 5)
    slot.enter()
    churn(table)
    expect(table.retiredBytes).toBeGreaterThan(0)
    releaseReader(table.control, 1)
    churn(table)
    expect(table.retiredBytes).toBe(0)
  })

  it('goes on for what is older while one reader lags a few epochs behind', () => {
    const table = newTableAt()
    const [left, right] = [new ReaderSlot(table.control, 0), new ReaderSlot(table.control, 1)]
    put(table, 0)
    for (let i = 0; i < 10; i++) {
      right.enter()
      put(table, i)
      table.seal()
      left.enter()
      put(table, i)
      table.seal()
      expect(table.retiredBytes, 'what two rounds have replaced').toBeLessThanOrEqual(4 * 48)
    }
  })
})

describe('an epoch', () => {
  it.each([1, 2 ** 31 - 3, -3])('that starts from %i grows by one and is never the word for idle', (start) => {
    const control = newTable().control
    control[CONTROL_EPOCH] = start
    let last = start
    for (let i = 0; i < 6; i++) {
      const next = advanceEpoch(control)
      expect(next).not.toBe(IDLE)
      expect((next - last) | 0).toBe(last === -1 ? 2 : 1)
      last = next
    }
  })

  it('is reached when each reader is idle or has entered since it was sealed', () => {
    const table = newTable(2)
    const [left, right] = [new ReaderSlot(table.control, 0), new ReaderSlot(table.control, 1)]
    left.enter()
    right.enter()
    const epoch = table.seal()
    expect(table.isSettled(epoch)).toBe(false)
    left.leave()
    expect(table.isSettled(epoch)).toBe(false)
    right.enter()
    expect(table.isSettled(epoch)).toBe(true)
    left.enter()
    expect(table.isSettled(epoch)).toBe(true)
    const next = table.seal()
    expect(hasReached(table.control, epoch)).toBe(true)
    expect(hasReached(table.control, next)).toBe(false)
  })
})

describe('giving bytes back', () => {
  it('is spread over several calls after a reader has held up many, so that none takes long', () => {
    const table = newTable()
    const slot = new ReaderSlot(table.control, 0)
    put(table, 0)
    slot.enter()
    for (let i = 0; i < 50_000; i++) put(table, i)
    slot.leave()
    const entryBytes = 48
    let calls = 0
    for (let before = table.retiredBytes; before > 0; before = table.retiredBytes) {
      table.seal()
      calls++
      expect(before - table.retiredBytes).toBeGreaterThan(0)
      expect(before - table.retiredBytes).toBeLessThanOrEqual(4096 * entryBytes)
    }
    expect(calls).toBeGreaterThan(10)
    const allocated = table.allocatedBytes
    for (let i = 0; i < 50_000; i++) put(table, i)
    expect(table.allocatedBytes).toBe(allocated)
  })

  it('catches up while the writer goes on writing', () => {
    const table = newTable()
    const slot = new ReaderSlot(table.control, 0)
    put(table, 0)
    slot.enter()
    for (let i = 0; i < 50_000; i++) put(table, i)
    slot.leave()
    for (let i = 0; i < 10_000; i++) put(table, i)
    expect(table.retiredBytes).toBeLessThan(1000 * 48)
  })
})
