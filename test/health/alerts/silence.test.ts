import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextStep, type Told } from '../../../lib/health/alerts/silence.js'

const SILENT_MS = 100

/** What is told of an address whose state is `isDown[i]` at `10 * i`. */
function toldOf(states: readonly boolean[]): { readonly at: number; readonly isDown: boolean }[] {
  const said: { at: number; isDown: boolean }[] = []
  let told: Told | undefined
  states.forEach((isDown, i) => {
    const step = nextStep(isDown, told, 10 * i, SILENT_MS)
    if (step.kind === 'forget') told = undefined
    if (step.kind !== 'tell') return
    told = step.told
    said.push({ at: 10 * i, isDown })
  })
  return said
}

describe('nextStep', () => {
  it('tells at once, again when the silent time is over, and once when the address is well', () => {
    const down = Array.from({ length: 15 }, () => true)
    const up = Array.from({ length: 15 }, () => false)
    expect(toldOf([...up, ...down, ...up])).toEqual([
      { at: 150, isDown: true },
      { at: 250, isDown: true },
      { at: 300, isDown: false },
    ])
  })

  it('tells of one that comes and goes no more than twice in a silent time', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 100 }), (states) => {
        const said = toldOf(states)
        const downs = said.filter(({ isDown }) => isDown)
        expect(downs.slice(1).every(({ at }, i) => at - downs[i]!.at >= SILENT_MS)).toBe(true)
        // That it is well is told after that it was down, once.
        expect(said.every(({ isDown }, i) => isDown || said[i - 1]?.isDown === true)).toBe(true)
      }),
    )
  })

  it('tells in the end what is so', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 50 }), fc.boolean(), (states, last) => {
        const said = toldOf([...states, ...Array.from({ length: 30 }, () => last)])
        if (said.length > 0) expect(said.at(-1)!.isDown).toBe(last)
        else expect([...states, last]).not.toContain(true)
      }),
    )
  })

  it('waits no longer than the silent time for one who has noted a time to come', () => {
    expect(nextStep(true, { isDown: true, at: 5_000 }, 1_000, SILENT_MS)).toEqual({ kind: 'wait' })
    expect(nextStep(true, { isDown: true, at: 0 }, SILENT_MS, SILENT_MS).kind).toBe('tell')
  })
})
