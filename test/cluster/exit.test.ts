import { spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'

// A thread that waits in poll() makes Node wait too. Each host below starts a server, says so, and then ends in its own way.

const INDEX = new URL('../../dist/index.js', import.meta.url).href
const START = `
  import { createContainerDns } from ${JSON.stringify(INDEX)}
  await createContainerDns({ listen: { port: 0 }, workers: 4 })
  console.log('started')`
const AS_WORKER = `
  import { Worker } from 'node:worker_threads'
  const worker = new Worker(new URL(${JSON.stringify(
    `data:text/javascript,${encodeURIComponent(`
      import { parentPort } from 'node:worker_threads'
      import { createContainerDns } from ${JSON.stringify(INDEX)}
      await createContainerDns({ listen: { port: 0 }, workers: 2 })
      parentPort.postMessage('started')`)}`,
  )}))
  worker.once('message', async () => {
    console.log('started')
    await worker.terminate()
    console.log('terminated')
  })`

interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
  /** From 'started' to the end of the process. */
  readonly tookMs: number
}

/** Runs a host until it ends; kills it, and fails, when that takes longer than ten seconds. */
function run(script: string, signal?: NodeJS.Signals): Promise<End> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let startedAt = 0
  const onData = (bytes: Buffer) => {
    output += bytes
    if (startedAt !== 0 || !output.includes('started')) return
    startedAt = performance.now()
    if (signal !== undefined) child.kill(signal)
  }
  child.stdout.on('data', onData)
  child.stderr.on('data', onData)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`the process did not end; it said: ${output}`))
    }, 10_000)
    child.once('exit', (code, ended) => {
      clearTimeout(timer)
      resolve({ code, signal: ended, output, tookMs: performance.now() - startedAt })
    })
  })
}

/** It takes milliseconds, or for ever. */
const HANG_MS = 5_000

describe('a host that does not close its server', () => {
  it('can end itself with process.exit', async () => {
    const end = await run(`${START}\nprocess.exit(3)`)
    expect(end).toMatchObject({ code: 3 })
    expect(end.tookMs).toBeLessThan(HANG_MS)
  })

  it('ends by an uncaught exception', async () => {
    const end = await run(`${START}\nsetTimeout(() => { throw new Error('unforeseen') })`)
    expect(end).toMatchObject({ code: 1 })
    expect(end.output).toContain('unforeseen')
    expect(end.tookMs).toBeLessThan(HANG_MS)
  })

  it('ends by SIGTERM without a handler', async () => {
    const end = await run(START, 'SIGTERM')
    expect(end).toMatchObject({ signal: 'SIGTERM' })
    expect(end.tookMs).toBeLessThan(HANG_MS)
  })

  it('can itself be a worker that is terminated: the threads end by their time-out', async () => {
    const end = await run(AS_WORKER)
    expect(end).toMatchObject({ code: 0 })
    expect(end.output).toContain('terminated')
    expect(end.tookMs).toBeLessThan(HANG_MS)
  })
})

describe('a host that closes its server', () => {
  it('ends by itself, because nothing is left', async () => {
    const script = START.replace('await createContainerDns', 'const server = await createContainerDns')
    const end = await run(
      `${script}\nawait server.close()\nconsole.log(JSON.stringify(process.getActiveResourcesInfo()))`,
    )
    expect(end).toMatchObject({ code: 0 })
    expect(end.tookMs).toBeLessThan(HANG_MS)
  })
})
