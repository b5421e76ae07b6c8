import { createTestServer } from 'containerdns/testing'
import { describe, expect, it, vi } from 'vitest'
import { ADDRESS_WORDS, writeClient } from '../../lib/clients/client-address.js'
import { CookieSecrets, SECRET_LIFE_MS } from '../../lib/limits/cookie-secrets.js'
import { ServerCookies } from '../../lib/limits/server-cookies.js'
import { buildQuery } from '../support/build-query.js'
import { optionsOf } from '../support/edns-options.js'
import { overTcp, overUdp } from '../support/exchange.js'
import { describeResponse } from '../support/expect-response.js'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'))

/** Checks a cookie at a time with the secrets given, the newest last; what goes back to the client, and whether the cookie was good. */
function check(secrets: string[], now: number, address: Uint8Array, cookie: string) {
  const shared = new CookieSecrets()
  for (const secret of secrets) shared.roll(bytes(secret))
  const cookies = new ServerCookies(shared.buffer, () => now)
  const client = new Int32Array(ADDRESS_WORDS)
  writeClient(client, 0, address, address.length)
  const given = bytes(cookie)
  const isValid = cookies.check(given, 0, given.length, client)
  return { isValid, answer: Buffer.from(cookies.bytes).toString('hex') }
}

const SECRET = 'e5e973e5a6b2a43f48e7dc849e37bfcf'

describe('RFC 9018', () => {
  it('§A.1 a new server cookie', () => {
    expect(check([SECRET], 1559731985, Uint8Array.of(198, 51, 100, 100), '2464c4abcf10c957')).toEqual({
      isValid: false,
      answer: '2464c4abcf10c957010000005cf79f111f8130c3eee29480',
    })
  })

  it('§A.2 the same client comes back with it, and gets a new one once it is old', () => {
    const cookie = '2464c4abcf10c957010000005cf79f111f8130c3eee29480'
    const address = Uint8Array.of(198, 51, 100, 100)
    expect(check([SECRET], 1559734385, address, cookie)).toEqual({
      isValid: true,
      answer: '2464c4abcf10c957010000005cf7a871d4a564a1442aca77',
    })
    expect(check([SECRET], 1559731985 + 60, address, cookie)).toEqual({ isValid: true, answer: cookie })
  })

  it('§A.3 reserved octets that are not 0 count as they came', () => {
    const address = Uint8Array.of(203, 0, 113, 203)
    expect(check([SECRET], 1559727985, address, 'fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5')).toEqual({
      isValid: true,
      answer: 'fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5',
    })
    expect(check([SECRET], 1559734700, address, 'fc93fc62807ddb86').answer).toBe(
      'fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e',
    )
  })

  it('§A.4 an IPv6 client with a cookie of the secret before gets one of the new secret', () => {
    const secrets = ['dd3bdf9344b678b185a6f5cb60fca715', '445536bcd2513298075a5d379663c962']
    const address = bytes('2001 0db8 0220 0001 59de d0f4 8769 82b8')
    expect(check(secrets, 1559741961, address, '22681ab97d52c298010000005cf7c57926556bd0934c72f8')).toEqual({
      isValid: true,
      answer: '22681ab97d52c298010000005cf7c609a6bb79d16625507a',
    })
  })

  it.each(['batch', 'dgram'] as const)(
    '§5 all threads change to a new secret, and know the one before, over %s',
    async (transport) => {
      using timers = vi.spyOn(globalThis, 'setInterval')
      await using server = await createTestServer({ transport, workers: 2, edns: { cookies: 'require' } })
      const [change] = timers.mock.calls.find(([, ms]) => ms === SECRET_LIFE_MS)!
      const ask = async (exchange: typeof overUdp, cookie: Uint8Array) => {
        const response = await exchange(server, buildQuery('test', 'SOA', { edns: { options: [[10, cookie]] } }))
        return { rcode: describeResponse(response).rcode, cookie: optionsOf(response).get(10)! }
      }
      /** From as many ports as it takes to meet both threads, nearly always. */
      const askAll = async (cookie: Uint8Array) => {
        const answers = await Promise.all(Array.from({ length: 12 }, () => ask(overUdp, cookie)))
        return [...new Set(answers.map(({ rcode }) => rcode === 'BADCOOKIE'))]
      }
      const first = (await ask(overTcp, new Uint8Array(8))).cookie
      expect(await askAll(first)).toEqual([false])
      ;(change as () => void)()
      // Good for once more; what comes back is made with the new secret.
      expect(await askAll(first)).toEqual([false])
      const second = (await ask(overUdp, first)).cookie
      expect(second).not.toEqual(first)
      ;(change as () => void)()
      expect(await askAll(first)).toEqual([true])
      expect(await askAll(second)).toEqual([false])
    },
  )
})
