import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ControlFrameReader, FrameControl } from '../../lib/export/frame-stream.js'

const u32 = (value: number) => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]
const field = (type: number, text: string) => [...u32(type), ...u32(text.length), ...Buffer.from(text)]
const frame = (...body: number[]) => [...u32(0), ...u32(body.length), ...body]
const OURS = field(1, 'protobuf:dnstap.Dnstap')

function read(bytes: number[], chunk = bytes.length): { types: number[]; failed: boolean } {
  const frames = new ControlFrameReader()
  const types: number[] = []
  for (let at = 0; at < bytes.length; at += chunk) {
    frames.feed(Buffer.from(bytes.slice(at, at + chunk)))
    for (let type = frames.next(); type !== undefined; type = frames.next()) types.push(type)
  }
  return { types, failed: frames.failed }
}

describe('control frames of a reader', () => {
  it.each([1, 3, 1000])('are read, however their bytes come: %i at a time', (chunk) => {
    const bytes = [...frame(...u32(1), ...field(1, 'protobuf:other'), ...OURS), ...frame(...u32(5))]
    expect(read(bytes, chunk)).toEqual({ types: [FrameControl.ACCEPT, FrameControl.FINISH], failed: false })
  })

  it('that name no kind of content take all', () => {
    expect(read(frame(...u32(1)))).toEqual({ types: [FrameControl.ACCEPT], failed: false })
  })

  it.each([
    ['takes something else', frame(...u32(1), ...field(1, 'protobuf:other'))],
    ['is data', [...u32(4), 1, 2, 3, 4]],
    ['is the sender’s to say', frame(...u32(4), ...OURS)],
    ['has no type', frame()],
    ['is too long', [...u32(0), ...u32(513)]],
    ['has a field that goes beyond its end', frame(...u32(1), ...u32(1), ...u32(99), 65)],
  ])('are refused where one %s', (_, bytes) => {
    expect(read(bytes)).toEqual({ types: [], failed: true })
  })

  it('never throw, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 1, max: 9 }), (bytes, chunk) => {
        read([0, 0, 0, 0, 0, 0, 0, ...bytes], chunk)
        read([...bytes], chunk)
      }),
    )
  })
})
