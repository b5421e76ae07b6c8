import { describe, expect, it } from 'vitest'
import { coreTimeFromStat, cpuMsFromStat, cpuMsOf, memoryFromRollup, residentBytesOf, treeOf } from './cpu-time.js'

describe('cpuMsFromStat', () => {
  it('finds user and system time behind a name of any kind', () => {
    const stat = '42 (a) b (c) 1) S 1 42 42 0 -1 4194304 100 0 0 0 700 30 0 0 20 0 11 0 500 1000 200'
    expect(cpuMsFromStat(stat)).toBe(7300)
  })
})

describe('coreTimeFromStat', () => {
  const stat = 'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu1 10 0 0 0 0 0 0 0 0 0\n'

  it('leaves idle time and waiting for disks out', () => {
    expect(coreTimeFromStat(stat, 0)).toEqual({ busy: 270, interrupts: 130 })
  })

  it('tells one core from another', () => {
    expect(coreTimeFromStat(stat, 1)).toEqual({ busy: 100, interrupts: 0 })
  })
})

describe('memoryFromRollup', () => {
  it('reads what is resident and what is shared with nobody', () => {
    const rollup = 'Rss:  100 kB\nPss:  50 kB\nShared_Clean: 60 kB\nPrivate_Clean: 10 kB\nPrivate_Dirty: 30 kB\n'
    expect(memoryFromRollup(rollup)).toEqual({ resident: 100 * 1024, own: 40 * 1024 })
  })

  it('is nothing of a process that has ended', () => {
    expect(memoryFromRollup('')).toEqual({ resident: 0, own: 0 })
  })
})

describe('of a live process', () => {
  it('CPU time, memory and descendants are there', () => {
    expect(cpuMsOf(process.pid)).toBeGreaterThan(0)
    expect(residentBytesOf(process.pid)).toBeGreaterThan(1e6)
    expect(treeOf(process.pid)[0]).toBe(process.pid)
  })
})
