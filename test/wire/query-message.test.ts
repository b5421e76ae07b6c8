import { decode } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { queryMessage } from '../../lib/wire/query-message.js'
import { errorCode } from '../support/error-code.js'

describe('queryMessage', () => {
  it('makes a query that dns-packet reads', () => {
    const packet = decode(Buffer.from(queryMessage('A.example.', 28, 0xfffe)))
    expect(packet).toMatchObject({ id: 0xfffe, type: 'query', flags: 0, answers: [], authorities: [], additionals: [] })
    expect(packet.questions).toEqual([{ name: 'A.example', type: 'AAAA', class: 'IN' }])
  })

  it('has room for the longest name', () => {
    const name = Array(127).fill('x').join('.')
    expect(queryMessage(name, 1, 0)).toHaveLength(12 + 255 + 4)
    expect(errorCode(() => queryMessage(`${name}.x`, 1, 0))).toBe('CDNS_NAME_TOO_LONG')
  })
})
