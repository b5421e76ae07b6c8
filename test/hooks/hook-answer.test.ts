import { describe, expect, it } from 'vitest'
import { encodeHookAnswer } from '../../lib/hooks/hook-answer.js'
import { Type } from '../../lib/wire/constants.js'
import type { RecordData } from '../../lib/wire/rdata/record-data.js'
import { errorCode } from '../support/error-code.js'

const SERVICE: RecordData = { priority: 1, target: 'backend.example', params: { alpn: ['h2', 'h3'] } }

describe('the answer of a hook', () => {
  it.each<[string, number, RecordData[]]>([
    ['addresses', Type.A, Array.from({ length: 40 }, () => '192.0.2.1')],
    ['IPv6 addresses', Type.AAAA, Array.from({ length: 40 }, () => '2001:db8::1')],
    ['text', Type.TXT, [['a'.repeat(255), 'b'.repeat(255)]]],
    ['names', Type.CNAME, [`${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.example`]],
    ['services', Type.HTTPS, [SERVICE, SERVICE]],
    ['octets', 65280, [new Uint8Array(300)]],
    ['nothing', Type.A, []],
  ])('is all written or none of it, and nothing behind its room: %s', (_, type, answer) => {
    const whole = new Uint8Array(2000)
    encodeHookAnswer({ answer }, type, whole, 3, whole.length)
    const needed = whole.findLastIndex((byte) => byte !== 0) + 1
    for (let end = 3; end <= 600; end++) {
      const target = new Uint8Array(2000).fill(0xee)
      const code = errorCode(() => encodeHookAnswer({ answer }, type, target, 3, end))
      if (code === undefined) expect(end).toBeGreaterThanOrEqual(needed)
      else expect(code).toBe('CDNS_HOOK_INVALID')
      expect(target.subarray(end).every((byte) => byte === 0xee)).toBe(true)
    }
  })
})
