import { afterEach, describe, expect, it, vi } from 'vitest'
import { MonitorKeys } from '../../../lib/health/monitor/monitor-keys.js'
import { Registration } from '../../../lib/health/monitor/registration.js'
import { silentLogger } from '../../../lib/log.js'
import type { RequestOp } from '../../../lib/store/etcd/messages.js'

/** An etcd with one key, whose answers can be lost before it has heard, or afterwards. */
class OneKey {
  value: string | undefined
  lease = '7'
  fails: 'never' | 'unheard' | 'unanswered' = 'never'

  async claim(_key: string, value: object): Promise<number | undefined> {
    // As a `MonitorSession`: what is there under our lease is ours.
    await this.#change(() => {
      this.value ??= JSON.stringify(value)
    })
    return 5
  }

  async transact(_compare: unknown, [operation]: readonly RequestOp[]): Promise<number | undefined> {
    await this.#change(() => {
      this.value = (operation as { request_put: { value: Buffer } }).request_put.value.toString()
    })
    return 6
  }

  get isBlind(): boolean {
    return (JSON.parse(this.value!) as { blind?: boolean }).blind === true
  }

  async #change(make: () => void): Promise<void> {
    if (this.fails !== 'unheard') make()
    if (this.fails !== 'never') throw new Error('no answer')
  }
}

function register(session: OneKey): Registration {
  return new Registration({
    session,
    keys: new MonitorKeys('/monitor/'),
    name: 's1',
    logger: silentLogger,
    onMade: () => {},
  })
}

describe('the key of a scanner', () => {
  afterEach(() => void vi.useRealTimers())

  it('says that it sees again also where the answer to the word before was lost', async () => {
    const etcd = new OneKey()
    const registration = register(etcd)
    await registration.make()
    etcd.fails = 'unanswered'
    await expect(registration.sayBlind(true)).rejects.toThrow('no answer')
    etcd.fails = 'never'
    expect(etcd.isBlind).toBe(true)
    await registration.sayBlind(false)
    expect(etcd.isBlind).toBe(false)
    registration.close()
  })

  it('says what is so by now where the answer to its making was lost', async () => {
    const etcd = new OneKey()
    const registration = register(etcd)
    etcd.fails = 'unanswered'
    await expect(registration.make()).rejects.toThrow('no answer')
    etcd.fails = 'never'
    await registration.sayBlind(true)
    await registration.make()
    expect(etcd.isBlind).toBe(true)
    registration.close()
  })

  it('is made, and said, though one request alone has failed and the connection lives on', async () => {
    vi.useFakeTimers()
    const etcd = new OneKey()
    const registration = register(etcd)
    etcd.fails = 'unheard'
    await expect(registration.make()).rejects.toThrow('no answer')
    await vi.advanceTimersByTimeAsync(3_000)
    expect([etcd.value, registration.isHeld]).toEqual([undefined, false])
    etcd.fails = 'never'
    await vi.advanceTimersByTimeAsync(1_000)
    expect(registration.isHeld).toBe(true)
    etcd.fails = 'unheard'
    await expect(registration.sayBlind(true)).rejects.toThrow('no answer')
    etcd.fails = 'never'
    await vi.advanceTimersByTimeAsync(1_000)
    expect(etcd.isBlind).toBe(true)
    registration.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})
