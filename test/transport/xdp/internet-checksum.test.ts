import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldSum, sumWholeWords, sumWords } from '../../../lib/transport/xdp/internet-checksum.js'
import { onesComplementSum } from './raw-frames.js'

describe('the sum of the words of bytes', () => {
  it('is the same however it is read, whatever stands behind them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(20), (bytes, skipped) => {
        const start = 4 * skipped
        const memory = new Uint8Array(4096).fill(0xa5)
        memory.set(bytes, start)
        const expected = onesComplementSum(Buffer.from(bytes))
        const slow = foldSum(sumWords(new DataView(memory.buffer), start, bytes.length))
        const fast = foldSum(sumWholeWords(new Int32Array(memory.buffer), skipped, bytes.length))
        expect(fast).toBe(slow)
        expect(((slow & 0xff) << 8) | (slow >>> 8)).toBe(expected)
      }),
    )
  })
})
