import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { parseOptions } from '../../lib/options.js'
import { PACKAGE_VERSION } from '../../lib/package-version.js'
import { errorCode } from '../support/error-code.js'

describe('options of exports', () => {
  it('export nothing by default', () => {
    expect(parseOptions().export).toEqual({ queryLog: undefined, dnstap: undefined })
  })

  it('have defaults', () => {
    expect(parseOptions({ queryLog: { file: '/q' }, dnstap: { socket: '/s' } }).export).toEqual({
      queryLog: { file: '/q', sample: 1, maxBytes: 104_857_600 },
      dnstap: {
        reader: { path: '/s' },
        sample: 1,
        forwarder: false,
        identity: hostname(),
        version: `containerdns ${PACKAGE_VERSION}`,
      },
    })
    expect(parseOptions({ dnstap: { tcp: { host: '::1', port: 6001 } } }).export.dnstap!.reader).toEqual({
      host: '::1',
      port: 6001,
    })
  })

  it.each<[unknown, string]>([
    [{ queryLog: { path: '/q' } }, 'CDNS_OPTION_UNKNOWN'],
    [{ queryLog: null }, 'CDNS_OPTION_INVALID'],
    [{ queryLog: { file: '' } }, 'CDNS_OPTION_INVALID'],
    [{ queryLog: { file: 'a\0b' } }, 'CDNS_OPTION_INVALID'],
    [{ queryLog: { sample: 0 } }, 'CDNS_OPTION_INVALID'],
    [{ queryLog: { sample: 1_000_001 } }, 'CDNS_OPTION_INVALID'],
    [{ queryLog: { maxBytes: 65_535 } }, 'CDNS_OPTION_INVALID'],
    [{ dnstap: {} }, 'CDNS_OPTION_INVALID'],
    [{ dnstap: { socket: '/s', tcp: { host: '::1', port: 1 } } }, 'CDNS_OPTION_INVALID'],
    [{ dnstap: { socket: `/${'s'.repeat(107)}` } }, 'CDNS_OPTION_INVALID'],
    [{ dnstap: { tcp: { host: '::1', port: 65_536 } } }, 'CDNS_OPTION_INVALID'],
    [{ dnstap: { tcp: { host: '', port: 1 } } }, 'CDNS_OPTION_INVALID'],
    [{ dnstap: { tcp: { address: '::1' } } }, 'CDNS_OPTION_UNKNOWN'],
    [{ dnstap: { socket: '/s', identity: 'x'.repeat(256) } }, 'CDNS_OPTION_INVALID'],
  ])('are refused when they are wrong: %j', (options, code) => {
    expect(errorCode(() => parseOptions(options as object))).toBe(code)
  })
})
