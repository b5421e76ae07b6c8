import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StreamFrames } from '../../lib/transport/stream-frames.js'
import { framed } from '../support/tcp-client.js'

/** All messages that come of the chunks, in order. */
function cut(frames: StreamFrames, chunks: readonly Uint8Array[]): string[] {
  const messages: string[] = []
  for (const chunk of chunks) {
    frames.feed(chunk)
    while (frames.next()) {
      messages.push(Buffer.from(frames.bytes.subarray(frames.start, frames.start + frames.length)).toString('hex'))
    }
    expect(frames.isDrained).toBe(true)
  }
  return messages
}

const message = (length: number, fill = 1) => new Uint8Array(length).fill(fill)
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const bytewise = (bytes: Uint8Array) => Array.from(bytes, (byte) => Uint8Array.of(byte))

describe('StreamFrames', () => {
  it('cuts a stream into the same messages, however it is chunked', () => {
    const lengths = fc.array(fc.integer({ min: 12, max: 1500 }), { maxLength: 8 })
    fc.assert(
      fc.property(lengths, fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }), (sizes, steps) => {
        const messages = sizes.map((size, i) => message(size, i + 1))
        const stream = Buffer.concat(messages.map(framed))
        const chunks: Uint8Array[] = []
        for (let at = 0, i = 0; at < stream.length; i++) {
          const step = steps[i % steps.length]!
          chunks.push(stream.subarray(at, at + step))
          at += step
        }
        expect(cut(new StreamFrames(), chunks)).toEqual(messages.map(hex))
      }),
    )
  })

  it('never gives more than came, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 })), (chunks) => {
        const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
        const given = cutUntilFailed(chunks)
        expect(given).toBeLessThanOrEqual(total)
      }),
    )
  })

  it('takes a message byte by byte, and the next one behind it', () => {
    const stream = Buffer.concat([framed(message(12, 7)), framed(message(600, 8))])
    expect(cut(new StreamFrames(), bytewise(stream))).toEqual([hex(message(12, 7)), hex(message(600, 8))])
  })

  it('keeps 4096 bytes of a longer message, and finds the next one', () => {
    const stream = Buffer.concat([framed(message(65535, 1)), framed(message(20, 2))])
    const expected = [hex(message(4096, 1)), hex(message(20, 2))]
    expect(cut(new StreamFrames(), [stream])).toEqual(expected)
    expect(cut(new StreamFrames(), [stream.subarray(0, 5000), stream.subarray(5000)])).toEqual(expected)
    expect(cut(new StreamFrames(), [stream.subarray(0, 3), stream.subarray(3)])).toEqual(expected)
  })

  it.each([0, 1, 11])('fails at a message of %i bytes, after those before it', (length) => {
    const frames = new StreamFrames()
    const stream = Buffer.concat([framed(message(12)), framed(message(length)), framed(message(12))])
    expect(cut(frames, [stream])).toHaveLength(1)
    expect(frames.failed).toBe(true)
    expect(cut(frames, [framed(message(12))])).toEqual([])
  })

  it('holds on to no chunk that is done with', () => {
    const frames = new StreamFrames()
    cut(frames, [framed(message(100))])
    expect(frames.bytes).toHaveLength(0)
  })
})

function cutUntilFailed(chunks: readonly Uint8Array[]): number {
  const frames = new StreamFrames()
  let given = 0
  for (const chunk of chunks) {
    frames.feed(chunk)
    while (frames.next()) given += frames.length
  }
  return given
}
