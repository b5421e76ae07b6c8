import { describe, expect, it } from 'vitest'
import { Freshness } from '../../../lib/store/etcd/freshness.js'

function start() {
  let nowMs = 5000
  const freshness = new Freshness({ monotonicMs: () => nowMs, wallMs: () => 1_000_000 + nowMs }, 1000)
  return { freshness, pass: (ms: number) => (nowMs += ms), now: () => nowMs }
}

describe('How far the index may be behind', () => {
  it('is the time since a question whose answer the watch has come up to', () => {
    const { freshness, pass, now } = start()
    pass(400)
    expect(freshness.lagMs).toBe(400)
    freshness.asked(now(), 7)
    pass(100)
    expect(freshness.lagMs).toBe(500)
    freshness.reached(6)
    expect(freshness.lagMs).toBe(500)
    freshness.reached(7)
    expect(freshness.lagMs).toBe(100)
  })

  it('does not shrink when the watch says it again and nobody has asked', () => {
    const { freshness, pass, now } = start()
    freshness.asked(now(), 7)
    freshness.reached(7)
    pass(300)
    freshness.reached(8)
    expect(freshness.lagMs).toBe(300)
  })

  it('is known also when questions come faster than the watch', () => {
    const { freshness, pass, now } = start()
    for (const revision of [7, 8, 8, 9]) {
      pass(100)
      freshness.asked(now(), revision)
    }
    freshness.reached(7)
    expect(freshness.lagMs).toBe(300)
    freshness.reached(8)
    expect(freshness.lagMs).toBe(100)
    freshness.reached(20)
    expect(freshness.lagMs).toBe(0)
  })

  it('begins anew with a load, whatever was asked before', () => {
    const { freshness, pass, now } = start()
    pass(100)
    freshness.asked(now(), 100)
    pass(100)
    freshness.loaded(now() - 50)
    expect(freshness.lagMs).toBe(50)
    freshness.reached(200)
    expect(freshness.lagMs).toBe(50)
  })

  it('is stale beyond what was allowed, and not for what was only heard', () => {
    const { freshness, pass, now } = start()
    expect(freshness.lastContactAt).toBe(0)
    pass(1001)
    freshness.contact()
    expect(freshness.isStale).toBe(true)
    expect(freshness.lastContactAt).toBe(1_000_000 + now())
    freshness.asked(now(), 7)
    freshness.reached(7)
    expect(freshness.isStale).toBe(false)
  })
})
