import { describe, expect, it } from 'vitest'
import { loggedError } from '../../lib/cli/logged-error.js'
import { textLine } from '../../lib/cli/text-line.js'
import { ContainerDnsError } from '../../lib/errors.js'

describe('an error in the log', () => {
  const cause = new Error('a dot is missing')
  const mistake = new ContainerDnsError('CDNS_ZONE_FILE_INVALID', 'a.zone, line 2: no data', { cause })

  it('is code, message and cause where somebody has made a mistake, with the stack for those who debug', () => {
    const said = {
      type: 'ContainerDnsError',
      code: 'CDNS_ZONE_FILE_INVALID',
      message: mistake.message,
      cause: cause.message,
    }
    expect(loggedError(mistake, false)).toEqual(said)
    expect(loggedError(mistake, true)).toEqual({ ...said, stack: `${mistake.stack}\ncaused by: ${cause.stack}` })
  })

  it('has a stack where a program is at fault', () => {
    expect(loggedError(cause, false)).toMatchObject({ stack: cause.stack })
    const bug = new ContainerDnsError('CDNS_THREAD_FAILED', 'it ended', { cause: new TypeError('x is not a function') })
    expect(loggedError(bug, false)).toMatchObject({ cause: 'x is not a function', stack: expect.any(String) })
  })

  it('says nothing twice, and ends where errors lead to themselves', () => {
    const round = new ContainerDnsError('CDNS_STORE_UNAVAILABLE', 'etcd: refused')
    round.cause = new Error('refused', { cause: round })
    expect(loggedError(round, false)).toEqual({
      ...{ type: 'ContainerDnsError', code: 'CDNS_STORE_UNAVAILABLE', message: 'etcd: refused' },
    })
    expect(loggedError('text', false)).toBe('text')
  })

  it('is read by people below the line, but for what the line has said', () => {
    const line = (msg: string) =>
      textLine(JSON.stringify({ level: 50, time: 0, msg, err: loggedError(mistake, false) })).split('\n')
    expect(line('it stays').slice(1)).toEqual([
      `    CDNS_ZONE_FILE_INVALID: ${mistake.message}`,
      '    cause: a dot is missing',
      '',
    ])
    expect(line(`it stays: ${mistake.message}`).slice(1)).toEqual(['    cause: a dot is missing', ''])
  })
})
