import { describe, expect, it } from 'vitest'
import { FoundClients } from '../../lib/server/found-clients.js'
import { eventually } from '../support/eventually.js'

/** Finds on which a server reloads; each reload ends when a test has it end. */
class Finding {
  isReady = true
  readonly errors: Error[] = []
  readonly ends: ((error?: Error) => void)[] = []
  readonly clients = new FoundClients({
    reload: () =>
      new Promise((resolve, reject) => {
        this.ends.push((error) => (error === undefined ? resolve() : reject(error)))
      }),
    isReady: () => this.isReady,
    onError: (error) => void this.errors.push(error),
    retryMs: 1,
  })
}

describe('the clients of views that a store has found', () => {
  it('are taken by one reload more, however many are found during one', async () => {
    const finding = new Finding()
    for (let i = 0; i < 100; i++) finding.clients.take()
    expect(finding.ends).toHaveLength(1)
    for (let i = 0; i < 100; i++) finding.clients.take()
    finding.ends[0]!()
    await eventually(() => finding.ends.length === 2)
    finding.ends[1]!()
    await new Promise((resolve) => setImmediate(resolve))
    expect(finding.ends).toHaveLength(2)
    finding.clients.take()
    await eventually(() => finding.ends.length === 3)
  })

  it('are taken in the end where a reload fails, of which the host hears once', async () => {
    const finding = new Finding()
    finding.clients.take()
    for (let i = 1; i <= 3; i++) {
      await eventually(() => finding.ends.length === i)
      finding.ends[i - 1]!(new Error('no certificate'))
    }
    await eventually(() => finding.ends.length === 4)
    finding.ends[3]!()
    await new Promise((resolve) => setImmediate(resolve))
    expect(finding.ends).toHaveLength(4)
    expect(finding.errors).toHaveLength(1)
  })

  it('are nothing to a server that is closed', async () => {
    const finding = new Finding()
    finding.clients.take()
    finding.isReady = false
    finding.ends[0]!(new Error('closed'))
    await new Promise((resolve) => setImmediate(resolve))
    finding.clients.take()
    expect([finding.ends.length, finding.errors]).toEqual([1, []])
  })
})
