import { describe, expect, it } from 'vitest'
import { parseAlerts } from '../../../lib/health/alerts/options.js'
import { errorCode } from '../../support/error-code.js'

const MAIL = { host: 'mail.example', from: 'dns@example.org', to: 'ops@example.org' }

describe('the options of alerts', () => {
  it('choose a port and whether to encrypt by what else is said', () => {
    const mailOf = (more: object) => parseAlerts('alerts', { mail: { ...MAIL, ...more } })!.mail!
    expect(mailOf({})).toMatchObject({ port: 25, tls: 'auto', verifyCertificate: true, to: ['ops@example.org'] })
    expect(mailOf({ tls: 'implicit' })).toMatchObject({ port: 465, tls: 'implicit' })
    // A password is not said to whoever takes away the offer of STARTTLS.
    expect(mailOf({ auth: { username: 'u', password: 'p' } })).toMatchObject({ port: 587, tls: 'required' })
    expect(mailOf({ to: 'a@example.org, b@example.org' }).to).toEqual(['a@example.org', 'b@example.org'])
  })

  it('are none where they are left out', () => {
    expect(parseAlerts('alerts', undefined)).toBeUndefined()
    const { silentMs, recoveries } = parseAlerts('alerts', { webhook: { url: 'http://hook.example' } })!
    expect({ silentMs, recoveries }).toEqual({ silentMs: 1_800_000, recoveries: true })
  })

  it('are refused when they are wrong, with a code', () => {
    const webhook = { url: 'https://hook.example' }
    for (const [given, code] of [
      [{}, 'CDNS_OPTION_INVALID'],
      [7, 'CDNS_OPTION_INVALID'],
      [{ webhook, silent: 1 }, 'CDNS_OPTION_UNKNOWN'],
      [{ webhook, silentSeconds: 0 }, 'CDNS_OPTION_INVALID'],
      [{ webhook, recoveries: 'yes' }, 'CDNS_OPTION_INVALID'],
      [{ webhook, name: 'a\r\nBcc: b@example.org' }, 'CDNS_OPTION_INVALID'],
      [{ webhook: { url: 'file:///etc/passwd' } }, 'CDNS_OPTION_INVALID'],
      [{ webhook: { url: 'https://user:secret@hook.example' } }, 'CDNS_OPTION_INVALID'],
      [{ webhook: { ...webhook, headers: { 'a b': 'c' } } }, 'CDNS_OPTION_INVALID'],
      [{ webhook: { ...webhook, headers: { a: 'b\r\nc: d' } } }, 'CDNS_OPTION_INVALID'],
      [{ webhook: { ...webhook, timeoutMs: 1 } }, 'CDNS_OPTION_INVALID'],
      [{ mail: { ...MAIL, tls: 'maybe' } }, 'CDNS_OPTION_INVALID'],
      [{ mail: { ...MAIL, host: '' } }, 'CDNS_OPTION_INVALID'],
      [{ mail: { ...MAIL, from: 'nobody' } }, 'CDNS_OPTION_INVALID'],
      [{ mail: { ...MAIL, to: [] } }, 'CDNS_OPTION_INVALID'],
      [{ mail: { ...MAIL, to: ['a@example.org\r\nRCPT TO:<b@example.org>'] } }, 'CDNS_OPTION_INVALID'],
      [{ mail: { ...MAIL, auth: { username: 'u' } } }, 'CDNS_OPTION_INVALID'],
      [{ mail: { ...MAIL, password: 'p' } }, 'CDNS_OPTION_UNKNOWN'],
    ] as const) {
      expect(
        errorCode(() => parseAlerts('alerts', given as never)),
        JSON.stringify(given),
      ).toBe(code)
    }
  })

  it('say nothing of a secret when it is wrong', () => {
    for (const given of [
      { webhook: { url: 'https://user:secret@hook.example' } },
      { webhook: { url: 'https://hook.example', headers: { authorization: 'secret\n' + 'x\u0000' } } },
      { mail: { ...MAIL, auth: { username: '', password: 'secret' } } },
    ]) {
      const said = messageOf(() => parseAlerts('alerts', given))
      expect(said).toContain('alerts.')
      expect(said).not.toContain('secret')
    }
  })
})

function messageOf(code: () => unknown): string {
  try {
    code()
  } catch (error) {
    return (error as Error).message
  }
  return ''
}
