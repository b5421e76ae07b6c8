import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../lib/clock.js'
import { FORWARD_POLICIES, type ForwardPolicy } from '../../../lib/forward/options.js'
import { SecureRandom } from '../../../lib/forward/upstream/secure-random.js'
import { StreamPool } from '../../../lib/forward/upstream/stream-pool.js'
import { Upstream } from '../../../lib/forward/upstream/upstream.js'
import { UpstreamChoice } from '../../../lib/forward/upstream/upstream-choice.js'
import { noUpstreamCounts } from '../../../lib/forward/upstream/upstream-counts.js'
import { plainUpstream } from '../../../lib/forward/upstream-address.js'

const random = new SecureRandom()

function upstream(last: number): Upstream {
  const address = plainUpstream(`192.0.2.${last}`)
  const handler = { onMessage() {}, onStrayMessage() {}, onBroken() {} }
  return new Upstream(
    address,
    undefined,
    new StreamPool(address, { clock: systemClock, random, counts: noUpstreamCounts(), handler }),
  )
}

function choiceOf(policy: ForwardPolicy, count = 4) {
  const upstreams = Array.from({ length: count }, (_, i) => upstream(i))
  return { upstreams, choice: new UpstreamChoice(upstreams, policy, random) }
}

function takeDown(one: Upstream): void {
  for (let i = 0; i < 3; i++) one.failedToAnswer(i, i, 0.5)
}

describe.each(FORWARD_POLICIES)('the policy %s', (policy) => {
  it('asks each upstream that is up before it asks one again, and none that is down', () => {
    for (let run = 0; run < 50; run++) {
      const { upstreams, choice } = choiceOf(policy)
      takeDown(upstreams[2]!)
      let tried = 0
      const asked = [0, 1, 2].map(() => {
        const next = choice.next(tried, 0)!
        tried |= choice.bitOf(next)
        return next
      })
      expect(new Set(asked).size).toBe(3)
      expect(asked).not.toContain(upstreams[2])
      expect(choice.next(tried, 0)!.state).toBe('up')
    }
  })

  it('asks those last that give errors only, for a while, and asks them all the same when there are no others', () => {
    const { upstreams, choice } = choiceOf(policy)
    for (const at of [0, 3]) for (let i = 0; i < 10; i++) upstreams[at]!.gaveError(i)
    const good = [upstreams[1]!, upstreams[2]!]
    for (let run = 0; run < 50; run++) expect(good).toContain(choice.next(0, 100))
    const tried = good.reduce((bits, each) => bits | choice.bitOf(each), 0)
    expect([upstreams[0], upstreams[3]]).toContain(choice.next(tried, 100))
    for (const each of good) takeDown(each)
    expect([upstreams[0], upstreams[3]]).toContain(choice.next(0, 100))
    // Their time is over: they may have mended.
    const { upstreams: again, choice: later } = choiceOf(policy, 1)
    for (let i = 0; i < 10; i++) again[0]!.gaveError(i)
    expect(again[0]!.isAvoided(100)).toBe(true)
    expect(again[0]!.isAvoided(60_000)).toBe(false)
    expect(later.next(0, 60_000)).toBe(again[0])
  })

  it('asks none when none is up', () => {
    const { upstreams, choice } = choiceOf(policy)
    for (const each of upstreams) takeDown(each)
    expect(choice.next(0, 0)).toBeUndefined()
    expect(choice.isNoneUp).toBe(true)
  })
})

describe('who is asked first', () => {
  const first = (choice: UpstreamChoice, times: number) => Array.from({ length: times }, () => choice.next(0, 0)!)

  it('is each in turn, the first in the list, or any', () => {
    const turns = choiceOf('roundRobin')
    expect(first(turns.choice, 8)).toEqual([...turns.upstreams, ...turns.upstreams])
    const sequence = choiceOf('sequential')
    expect(new Set(first(sequence.choice, 8))).toEqual(new Set([sequence.upstreams[0]]))
    const any = choiceOf('random')
    const asked = first(any.choice, 4_000)
    for (const each of any.upstreams) expect(asked.filter((one) => one === each).length).toBeGreaterThan(800)
  })

  it('is the fastest for most, but all of them now and then', () => {
    const { upstreams, choice } = choiceOf('fastest')
    for (const [i, each] of upstreams.entries()) each.answered(1, 40 - 10 * i)
    const asked = first(choice, 4_000)
    expect(asked.filter((one) => one === upstreams[3]).length).toBeGreaterThan(3_600)
    for (const each of upstreams) expect(asked).toContain(each)
  })

  it('is one that was never asked, for the fastest', () => {
    const { upstreams, choice } = choiceOf('fastest', 2)
    upstreams[0]!.answered(1, 0.1)
    expect(first(choice, 100).filter((one) => one === upstreams[1]).length).toBeGreaterThan(80)
  })

  it('is no longer the one that has become slow', () => {
    const { upstreams, choice } = choiceOf('fastest', 2)
    upstreams[0]!.answered(1, 5)
    upstreams[1]!.answered(1, 20)
    for (let i = 0; i < 20; i++) upstreams[0]!.answered(i, 60)
    expect(first(choice, 100).filter((one) => one === upstreams[1]).length).toBeGreaterThan(80)
  })
})
