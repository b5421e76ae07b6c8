import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ADDRESS_WORDS, writeClient } from '../../lib/clients/client-address.js'
import { CookieSecrets } from '../../lib/limits/cookie-secrets.js'
import { ServerCookies } from '../../lib/limits/server-cookies.js'

const CLIENT = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const ADDRESS = Uint8Array.of(192, 0, 2, 1)

class Setting {
  readonly secrets = new CookieSecrets()
  now = 1_700_000_000
  readonly cookies = this.another()

  another(): ServerCookies {
    return new ServerCookies(this.secrets.buffer, () => this.now)
  }

  check(cookie: Uint8Array, address = ADDRESS, cookies = this.cookies): boolean {
    const client = new Int32Array(ADDRESS_WORDS)
    writeClient(client, 0, address, address.length)
    cookies.beginBatch()
    return cookies.check(cookie, 0, cookie.length, client)
  }

  /** A cookie as a client gets it. */
  fresh(address = ADDRESS): Uint8Array {
    expect(this.check(CLIENT, address)).toBe(false)
    return this.answer()
  }

  /** What goes back to the client that was checked last. */
  answer(): Uint8Array {
    const { bytes, start } = this.cookies
    return bytes.slice(start, start + 24)
  }
}

describe('server cookies', () => {
  it('are good in every thread, for the address they were made for', () => {
    const setting = new Setting()
    const cookie = setting.fresh()
    expect(setting.check(cookie)).toBe(true)
    expect(setting.check(cookie, ADDRESS, setting.another())).toBe(true)
    expect(setting.check(cookie, Uint8Array.of(192, 0, 2, 2))).toBe(false)
    expect(setting.check(cookie, new Uint8Array(16))).toBe(false)
  })

  it('are good for an hour, and handed out anew after half of it', () => {
    const setting = new Setting()
    const cookie = setting.fresh()
    for (const [seconds, isGood, isRenewed] of [
      [1799, true, false],
      [1800, true, true],
      [3600, true, true],
      [3601, false, true],
      [-300, true, false],
      [-301, false, true],
    ] as const) {
      setting.now = 1_700_000_000 + seconds
      expect([seconds, setting.check(cookie)]).toEqual([seconds, isGood])
      expect(Buffer.from(setting.answer()).equals(cookie)).toBe(!isRenewed)
    }
  })

  it('live over the end of 32 bits of seconds', () => {
    const setting = new Setting()
    setting.now = 2 ** 32 - 10
    const cookie = setting.fresh()
    setting.now += 20
    expect(setting.check(cookie)).toBe(true)
  })

  it('are good after their secret has been changed once, and not after twice', () => {
    const setting = new Setting()
    const cookie = setting.fresh()
    setting.secrets.roll()
    expect(setting.check(cookie)).toBe(true)
    setting.secrets.roll()
    expect(setting.check(cookie)).toBe(false)
    expect(setting.check(setting.answer())).toBe(true)
  })

  it('are made with the newest secret, also by a thread that has slept for as many as there is room for', () => {
    const setting = new Setting()
    for (let rolls = 1; rolls <= 9; rolls++) {
      const thread = setting.another()
      expect(setting.check(CLIENT, ADDRESS, thread)).toBe(false)
      for (let i = 0; i < rolls; i++) setting.secrets.roll()
      expect([rolls, setting.check(setting.fresh(), ADDRESS, thread)]).toEqual([rolls, true])
    }
  })

  it('are good for their own address alone, also once they have been seen to be good, and no longer than that', () => {
    const setting = new Setting()
    const other = Uint8Array.of(192, 0, 2, 2)
    const [cookie, cookieOfOther] = [setting.fresh(), setting.fresh(other)]
    for (let i = 0; i < 3; i++) {
      expect(setting.check(cookie)).toBe(true)
      expect(setting.check(cookieOfOther, other)).toBe(true)
      expect(setting.check(cookie, other)).toBe(false)
      expect(setting.check(cookieOfOther)).toBe(false)
    }
    setting.now += 3601
    expect(setting.check(cookie)).toBe(false)
    setting.now -= 3601
    expect(setting.check(cookie)).toBe(true)
    setting.secrets.roll()
    setting.secrets.roll()
    expect(setting.check(cookie)).toBe(false)
  })

  it('are told apart from any others, however many are good at a time', () => {
    const setting = new Setting()
    const addressOf = (i: number) => Uint8Array.of(10, 0, i >> 8, i & 255)
    const cookies = Array.from({ length: 3000 }, (_, i) => setting.fresh(addressOf(i)))
    for (let round = 0; round < 2; round++) {
      for (const [i, cookie] of cookies.entries()) {
        expect(setting.check(cookie, addressOf(i))).toBe(true)
        expect(setting.check(cookie, addressOf(i + 1))).toBe(false)
      }
    }
  })

  it('are judged, and answered, as by a thread that has seen none before, whatever has happened meanwhile', () => {
    const number = fc.nat(1000)
    const step = fc.oneof(
      fc.record({ ask: number, address: fc.nat(2), flip: fc.option(fc.nat(24 * 8 - 1), { freq: 4 }) }),
      fc.record({ ask: number, address: fc.nat(2), flip: fc.constant(null) }),
      fc.record({ pass: fc.constantFrom(1, 299, 301, 1799, 1800, 3600, -301, -1800) }),
      fc.constantFrom(1, 2, 4).map((rolls) => ({ rolls })),
    )
    const addresses = [ADDRESS, Uint8Array.of(192, 0, 2, 2), new Uint8Array(16)]
    const property = fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const setting = new Setting()
      const seen = addresses.map((address) => setting.fresh(address))
      for (const each of steps) {
        if ('rolls' in each) {
          for (let i = 0; i < each.rolls; i++) setting.secrets.roll()
        } else if ('pass' in each) setting.now += each.pass
        else {
          const cookie = seen[each.ask % seen.length]!.slice()
          if (each.flip !== null) cookie[each.flip >> 3]! ^= 1 << (each.flip & 7)
          const address = addresses[each.address]!
          const fresh = setting.another()
          const isGood = setting.check(cookie, address, fresh)
          const answer = fresh.bytes.slice(fresh.start, fresh.start + 24)
          expect([setting.check(cookie, address), setting.answer()]).toEqual([isGood, answer])
          seen.push(setting.answer())
        }
      }
    })
    fc.assert(property, { numRuns: 500 })
  })

  it('are not what another server makes', () => {
    expect(new Setting().check(new Setting().fresh())).toBe(false)
  })

  it('are not those with an octet changed, nor of another length', () => {
    const setting = new Setting()
    const cookie = setting.fresh()
    const changed = fc.property(fc.nat(23), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      const other = cookie.slice()
      other[at]! ^= bits
      expect(setting.check(other)).toBe(false)
    })
    fc.assert(changed)
    for (const length of [8, 16, 23, 25, 40]) {
      const other = new Uint8Array(length)
      other.set(cookie.subarray(0, length))
      expect(setting.check(other)).toBe(false)
    }
  })
})
