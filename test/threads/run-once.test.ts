import { describe, expect, it } from 'vitest'
import { runOnce } from '../../lib/threads/thread-pool.js'
import { TEST_WORKERS } from '../support/build-for-tests.js'

const FILE = new URL('one-task.worker.js', TEST_WORKERS).href
const never = new AbortController().signal

describe('runOnce', () => {
  it('resolves to the result, shared memory and all', async () => {
    const { words } = await runOnce<{ words: Int32Array }>(FILE, { how: 'result' }, never)
    expect(words.buffer).toBeInstanceOf(SharedArrayBuffer)
  })

  it('rejects with the error of the task, code and all', async () => {
    await expect(runOnce(FILE, { how: 'error' }, never)).rejects.toMatchObject({ code: 'CDNS_RRSET_TOO_LARGE' })
  })

  it.each(['throw', 'exit'])('rejects when the task ends its thread: %s', async (how) => {
    await expect(runOnce(FILE, { how }, never)).rejects.toBeInstanceOf(Error)
  })

  it('rejects when there is no such file', async () => {
    await expect(runOnce(new URL('missing.js', TEST_WORKERS).href, {}, never)).rejects.toBeInstanceOf(Error)
  })

  it('ends a thread that never ends when the signal is aborted, before or after its start', async () => {
    await expect(runOnce(FILE, { how: 'loop' }, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' })
    const abort = new AbortController()
    const running = runOnce(FILE, { how: 'loop' }, abort.signal)
    setTimeout(() => abort.abort(), 300)
    await expect(running).rejects.toMatchObject({ name: 'AbortError' })
  })
})
