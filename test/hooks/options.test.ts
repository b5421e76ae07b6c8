import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseHooks } from '../../lib/hooks/options.js'
import { errorCode } from '../support/error-code.js'

describe('the option hooks', () => {
  it('takes functions, URLs and paths', () => {
    const onQuery = () => 'continue' as const
    const given = { onQuery, selectBackend: new URL('file:///hooks/a.mjs'), onResponse: 'hooks/b.mjs' }
    expect(parseHooks(given)).toEqual({
      functions: { onQuery },
      modules: { selectBackend: 'file:///hooks/a.mjs', onResponse: pathToFileURL('hooks/b.mjs').href },
    })
  })

  it.each([
    ['CDNS_OPTION_UNKNOWN', { onQueries: () => 'continue' }],
    ['CDNS_OPTION_INVALID', { checkHealth: 5 }],
    ['CDNS_OPTION_INVALID', { onQuery: 1 }],
    ['CDNS_OPTION_INVALID', { onQuery: null }],
    ['CDNS_OPTION_INVALID', { onQuery: '' }],
    ['CDNS_OPTION_INVALID', { onHealthChange: 'file:///hooks/a.mjs' }],
    ['CDNS_OPTION_INVALID', []],
  ])('refuses with %s %o', (code, given) => {
    expect(errorCode(() => parseHooks(given as object))).toBe(code)
  })
})
