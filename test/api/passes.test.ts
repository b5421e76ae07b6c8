import { describe, expect, it } from 'vitest'
import { Passes } from '../../lib/api/passes.js'
import { codeOf } from '../contract/record-store.contract.js'

/** A pass that goes on until it is told to end. */
class Pass {
  isRunning = false
  end = () => {}
  readonly done: Promise<string>

  constructor(passes: Passes, what = 'done') {
    this.done = passes.run(() => {
      this.isRunning = true
      return new Promise<string>((resolve) => {
        this.end = () => resolve(what)
      })
    })
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('passes over all records', () => {
  it('run four at a time, in the order they came, and more than 32 do not wait', async () => {
    const passes = new Passes()
    const all = Array.from({ length: 36 }, () => new Pass(passes))
    await turn()
    expect(all.map(({ isRunning }) => isRunning)).toEqual(all.map((_, i) => i < 4))
    expect(await codeOf(passes.run(async () => {}))).toBe('CDNS_RATE_LIMITED')
    all[2]!.end()
    expect(await all[2]!.done).toBe('done')
    await turn()
    expect(all.findIndex(({ isRunning }) => !isRunning)).toBe(5)
    const late = new Pass(passes, 'late')
    for (const each of [...all, late]) {
      await turn()
      each.end()
      await each.done
    }
    expect(await late.done).toBe('late')
  })

  it('give their place to the next when they fail', async () => {
    const passes = new Passes()
    const failing = Array.from({ length: 8 }, async () =>
      passes.run(async () => {
        await turn()
        throw new Error('no')
      }),
    )
    expect((await Promise.allSettled(failing)).map(({ status }) => status)).toEqual(Array(8).fill('rejected'))
    expect(await passes.run(async () => 'done')).toBe('done')
  })
})
