import { describe, expect, it } from 'vitest'
import { parseSelectionOptions, type SelectionOptions } from '../../lib/records/selection-options.js'
import { errorCode } from '../support/error-code.js'

describe('selection options', () => {
  it('shuffle all records by default', () => {
    expect(parseSelectionOptions('selection')).toEqual({ policy: 'shuffle', maxAnswers: 5041, affinity: 'address' })
  })

  it('keep what they are based on where they say nothing', () => {
    const zone = parseSelectionOptions('selection', { policy: 'clientHash', maxAnswers: 3, affinity: 'subnet' })
    expect(parseSelectionOptions('selection', { maxAnswers: 1 }, zone)).toEqual({ ...zone, maxAnswers: 1 })
    expect(parseSelectionOptions('selection', {}, zone)).toEqual(zone)
    expect(Object.isFrozen(zone)).toBe(true)
  })

  it.each([
    ['CDNS_OPTION_UNKNOWN', { polic: 'shuffle' }],
    ['CDNS_OPTION_INVALID', { policy: 'random' }],
    ['CDNS_OPTION_INVALID', { policy: 'Shuffle' }],
    ['CDNS_OPTION_INVALID', { policy: null }],
    ['CDNS_OPTION_INVALID', { maxAnswers: 0 }],
    ['CDNS_OPTION_INVALID', { maxAnswers: 1.5 }],
    ['CDNS_OPTION_INVALID', { maxAnswers: 5042 }],
    ['CDNS_OPTION_INVALID', { maxAnswers: null }],
    ['CDNS_OPTION_INVALID', { affinity: 'client' }],
    ['CDNS_OPTION_INVALID', 'shuffle'],
    ['CDNS_OPTION_INVALID', null],
  ])('are refused with %s: %j', (code, given) => {
    expect(errorCode(() => parseSelectionOptions('selection', given as SelectionOptions))).toBe(code)
  })

  it("are refused with the caller's code in a record", () => {
    const given = { policy: 'random' } as unknown as SelectionOptions
    expect(errorCode(() => parseSelectionOptions('selection', given, undefined, 'CDNS_RRSET_INVALID'))).toBe(
      'CDNS_RRSET_INVALID',
    )
  })
})
