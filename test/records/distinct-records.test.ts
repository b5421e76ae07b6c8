import { describe, expect, it } from 'vitest'
import { DistinctRecords } from '../../lib/records/distinct-records.js'
import { RECORD_TYPES } from '../../lib/wire/rdata/record-type.js'

const RECORD_SIZE = 6

/** Addresses of type A as they stand in an RRset, with a count of how often one of their bytes is read. */
function counted(addresses: readonly number[]): { bytes: Uint8Array; reads: () => number } {
  const plain = new Uint8Array(RECORD_SIZE * addresses.length)
  const view = new DataView(plain.buffer)
  for (const [i, address] of addresses.entries()) {
    view.setUint16(RECORD_SIZE * i, 4)
    view.setUint32(RECORD_SIZE * i + 2, address)
  }
  let reads = 0
  const bytes = new Proxy(plain, {
    get(target, property) {
      reads++
      return target[Number(property)]
    },
  })
  return { bytes, reads: () => reads }
}

describe('DistinctRecords', () => {
  it.each([
    ['that all differ', Array.from({ length: 4000 }, (_, i) => 0x0a000000 + i), 4000],
    ['that are all alike', Array<number>(20_000).fill(0xc0000201), 1],
  ])(
    'looks at each byte of thousands of records %s a few times, not once for each other record',
    (_, addresses, count) => {
      const { bytes, reads } = counted(addresses)
      const distinct = new DistinctRecords()
      distinct.reset(addresses.length)
      let kept = 0
      for (const i of addresses.keys()) if (distinct.add(bytes, RECORD_SIZE * i, RECORD_TYPES.A)) kept++
      expect(kept).toBe(count)
      expect(reads() / (RECORD_SIZE * addresses.length)).toBeGreaterThan(1)
      expect(reads() / (RECORD_SIZE * addresses.length)).toBeLessThan(10)
    },
  )
})
