import { expect, it } from 'vitest'
import { HostProcess } from '../../lib/metrics/host-process.js'
import { eventually } from '../support/eventually.js'

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

it('sees how late the event loop is, for a minute or two, and what the process takes', async () => {
  const host = new HostProcess()
  try {
    await eventually(() => {
      block(300)
      expect(host.read().eventLoopDelay.maxSeconds).toBeGreaterThan(0.15)
    })
    host.sample()
    expect(host.read().eventLoopDelay.maxSeconds).toBeGreaterThan(0.15)
    host.sample()
    host.sample()
    expect(host.read().eventLoopDelay.maxSeconds).toBe(0)
    const { cpuUserSeconds, residentBytes, startedAt } = host.read()
    expect(cpuUserSeconds).toBeGreaterThan(0)
    expect(residentBytes).toBeGreaterThan(1e7)
    expect(startedAt).toBeLessThan(Date.now())
  } finally {
    host.stop()
  }
})

it('keeps no process alive', () => {
  const before = process.getActiveResourcesInfo()
  const host = new HostProcess()
  expect(process.getActiveResourcesInfo()).toEqual(before)
  host.stop()
})
