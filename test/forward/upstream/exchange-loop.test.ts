import { describe, expect, it } from 'vitest'
import { ExchangeLoop } from '../../../lib/forward/upstream/exchange-loop.js'
import type { Exchanges } from '../../../lib/forward/upstream/exchanges.js'
import type { UpstreamSockets } from '../../../lib/forward/upstream/upstream-sockets.js'
import { eventually } from '../../support/eventually.js'

/** A loop over sockets that note how long they were to wait, and work that notes when it is called. */
function loopWith({ hasWork = false, canBeWoken = true } = {}) {
  const calls: string[] = []
  const exchanges = { active: 1, waitingForDatagrams: 1, waitingForStreams: 0, advance() {} }
  const given = { hasWork }
  const sockets = {
    kind: 'batch',
    canBeWoken,
    receive: (waitMs: number) => {
      calls.push(`wait ${waitMs}`)
      return false
    },
  } as unknown as UpstreamSockets
  const work = {
    begin: () => {
      calls.push('begin')
      return !given.hasWork
    },
    end: () => void calls.push('end'),
    onRest: () => void calls.push('rest'),
  }
  const loop = new ExchangeLoop(exchanges as unknown as Exchanges, sockets, work, () => false)
  return { calls, exchanges, given, loop }
}

describe('turns in which datagrams are waited for', () => {
  it('do what else there is to do after each wait, and say when they have ended', async () => {
    const { calls, exchanges, loop } = loopWith()
    loop.wake()
    expect(loop.isTurning).toBe(true)
    await eventually(() => expect(calls.length).toBeGreaterThanOrEqual(3))
    exchanges.waitingForDatagrams = 0
    exchanges.active = 0
    await eventually(() => expect(calls.at(-1)).toBe('rest'))
    expect(loop.isTurning).toBe(false)
    expect(calls.slice(0, 3)).toEqual(['begin', 'wait 4', 'end'])
    loop.stop()
  })

  it('go on for a moment after the last datagram, as who has asked soon asks again and can end the wait', async () => {
    const { calls, exchanges, loop } = loopWith()
    exchanges.waitingForDatagrams = 1
    loop.wake()
    exchanges.waitingForDatagrams = 0
    exchanges.active = 0
    await eventually(() => expect(calls.at(-1)).toBe('rest'))
    expect(calls.filter((call) => call.startsWith('wait'))).toEqual(['wait 4'])
    loop.stop()
  })

  it('end with the last datagram where nobody could end the wait', async () => {
    const { calls, exchanges, loop } = loopWith({ canBeWoken: false })
    loop.wake()
    exchanges.waitingForDatagrams = 0
    exchanges.active = 0
    await eventually(() => expect(calls.at(-1)).toBe('rest'))
    expect(calls.filter((call) => call.startsWith('wait'))).toEqual(['wait 1'])
    loop.stop()
  })

  it('do not wait while there is something to do', async () => {
    const { calls, given, loop } = loopWith({ hasWork: true })
    loop.wake()
    await eventually(() => expect(calls.length).toBeGreaterThanOrEqual(3))
    expect(calls.slice(0, 3)).toEqual(['begin', 'wait 0', 'end'])
    given.hasWork = false
    await eventually(() => expect(calls).toContain('wait 4'))
    loop.stop()
  })

  it.each([
    [true, 'wait 4'],
    [false, 'wait 1'],
  ])('wait for longer if they can be woken: %s', async (canBeWoken, wait) => {
    const { calls, loop } = loopWith({ canBeWoken })
    loop.wake()
    await eventually(() => expect(calls.length).toBeGreaterThanOrEqual(15))
    expect(calls).toContain(wait)
    expect(calls.includes('wait 4')).toBe(canBeWoken)
    loop.stop()
  })
})
