import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Clock } from '../../lib/clock.js'
import { startTestUpstream } from '../../lib/testing/upstream/test-upstream.js'
import { openUpstreams } from '../support/ask-upstreams.js'
import { eventually } from '../support/eventually.js'

const ROOT = new URL('../../', import.meta.url)

/** Preloaded in all threads of a process: whenever they look, it is five hours later than it is, and then five hours earlier. */
const JUMPING = `
  const now = Date.now
  let looks = 0
  const jumped = () => now() + (looks++ % 2 === 0 ? 5 : -5) * 3_600_000
  const { Date: RealDate } = globalThis
  globalThis.Date = class extends RealDate { constructor(...given) { if (given.length === 0) super(jumped()); else super(...given) } }
  globalThis.Date.now = jumped
  require('node:fs').appendFileSync(process.env.JUMPING_THREADS, require('node:worker_threads').threadId + '\\n')
`

/** Prints how often the upstream was asked, and with what TTLs and RCODEs was answered. */
const SERVER = `
  import { createContainerDns } from 'containerdns'
  import { startTestUpstream } from 'containerdns/testing'
  const answer = ({ name }) => ({ answer: [{ name, type: 'A', ttl: 3600, data: '192.0.2.1' }] })
  const upstream = await startTestUpstream({ answer })
  upstream.fault('drop', { name: 'silent.example.org' })
  const upstreams = ['127.0.0.1:' + upstream.port]
  const dns = await createContainerDns({ listen: { port: 0 }, workers: 1, forward: { upstreams, tryTimeoutMs: 100, timeoutMs: 300 } })
  const asked = []
  for (let i = 0; i < 5; i++) asked.push(await dns.query('www.example.org', 'A'))
  const silent = await dns.query('silent.example.org', 'A')
  const ttls = asked.map(({ answer }) => answer[0].ttl)
  console.log(JSON.stringify({ ttls, count: upstream.count('www.example.org'), silent: silent.rcode, jump: Date.now() - Date.now() }))
  await dns.close()
  await upstream.close()
`

describe('a wall clock that jumps by hours', () => {
  it('changes no TTL, nothing that is kept, and no deadline, in any thread', () => {
    // Below the checkout, so that `containerdns` means this package.
    const folder = fileURLToPath(new URL('build/wall-clock/', ROOT))
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    const [preload, server, threads] = [`${folder}jumping.cjs`, `${folder}server.mjs`, `${folder}threads`]
    writeFileSync(preload, JUMPING)
    writeFileSync(server, SERVER)
    const env = { ...process.env, JUMPING_THREADS: threads }
    const run = spawnSync(process.execPath, ['--require', preload, server], { env, encoding: 'utf8', timeout: 60_000 })
    // The main thread, one that answers, and the one that forwards.
    expect(readFileSync(threads, 'utf8').trim().split('\n').length).toBeGreaterThanOrEqual(3)
    expect(run.stderr).toBe('')
    const told = JSON.parse(run.stdout)
    expect(Math.abs(told.jump)).toBeGreaterThan(9 * 3_600_000)
    expect(told).toMatchObject({ count: 1, silent: 'SERVFAIL' })
    for (const ttl of told.ttls) expect(ttl).toBeGreaterThan(3_500)
  })

  it('is never looked at where upstreams are asked, given up and found back', async () => {
    let looks = 0
    const clock: Clock = {
      monotonicMs: () => performance.now(),
      wallMs: () => {
        looks++
        return 0
      },
    }
    await using server = await startTestUpstream()
    const silence = server.fault('drop')
    const times = { tryTimeoutMs: 100, timeoutMs: 300 }
    await using forward = openUpstreams({ upstreams: [`127.0.0.1:${server.port}`], ...times }, { clock })
    await eventually(async () => {
      expect(await forward.ask('www.example')).toMatchObject({ kind: 'failed' })
      expect(forward.upstreams.stats()).toMatchObject([{ state: 'down' }])
    })
    await silence.remove()
    await eventually(() => expect(forward.upstreams.stats()).toMatchObject([{ state: 'up' }]))
    expect(looks).toBe(0)
  })

  it('is known to no file of forwarding or of the cache', () => {
    const files = ['lib/forward/', 'lib/answer-cache/'].flatMap((folder) =>
      readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => `${folder}${file}`),
    )
    expect(files.length).toBeGreaterThan(40)
    const reads = files.filter((file) => /\bDate\b|wallMs/.test(readFileSync(new URL(file, ROOT), 'utf8')))
    expect(reads).toEqual([])
  })
})
