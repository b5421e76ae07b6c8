import { describe, expect, it } from 'vitest'
import type { Segment } from '../../lib/shared-table/segments.js'
import { type PostedSegment, SegmentInbox } from '../../lib/threads/segment-inbox.js'

const segment = (number: number): Segment => ({ kind: 'arena', number, buffer: new SharedArrayBuffer(8) })

describe('SegmentInbox', () => {
  it('gives each table its own segments in the order they were posted, whoever asks first', () => {
    const posted: PostedSegment[] = [
      { table: 'health', segment: segment(1) },
      { table: 'records', segment: segment(1) },
      { table: 'health', segment: segment(2) },
      { table: 'records', segment: segment(2) },
    ]
    const all = [...posted]
    const inbox = new SegmentInbox(() => posted.shift())
    expect(inbox.next('records')).toBe(all[1]!.segment)
    expect(inbox.next('records')).toBe(all[3]!.segment)
    expect(inbox.next('records')).toBeUndefined()
    expect(inbox.next('health')).toBe(all[0]!.segment)
    posted.push({ table: 'health', segment: segment(3) })
    expect(inbox.next('health')).toBe(all[2]!.segment)
    expect(inbox.next('health')?.number).toBe(3)
    expect(inbox.next('health')).toBeUndefined()
  })
})
