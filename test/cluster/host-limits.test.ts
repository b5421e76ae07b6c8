import { spawnSync } from 'node:child_process'
import { readdirSync, readlinkSync } from 'node:fs'
import { createContainerDns, ERROR_CODES } from 'containerdns'
import { describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../lib/clock.js'
import { Supervisor } from '../../lib/cluster/supervisor.js'
import { silentLogger } from '../../lib/log.js'
import { TEST_WORKERS } from '../support/build-for-tests.js'
import { eventually } from '../support/eventually.js'
import { describeResponse } from '../support/expect-response.js'
import { SteadyLoad } from '../support/steady-load.js'
import { TcpClient } from '../support/tcp-client.js'
import { UdpClient } from '../support/udp-client.js'
import { nextRestart, startFaulty } from './faulty-server.js'
import { HostProcess } from './host-process.js'

// What a host, or the system that it runs on, can do to a server. Each host is a process of its own.

const SERVE = `
  const store = memoryStore({ rrsets: [{ name: 'www.example', type: 'A', data: ['192.0.2.1'] }] })
  const options = { zones: ['example'], listen: { port: 0 }, workers: 2, store }`
const START = `${SERVE}
  const server = await createContainerDns(options)
  say({ port: server.addresses[0].port, descriptors: (await import('node:fs')).readdirSync('/proc/self/fd').length })`

async function placeOf(host: HostProcess): Promise<{ host: string; port: number; descriptors: number }> {
  const { port, descriptors } = (await host.heard('port')) as { port: number; descriptors: number }
  return { host: '127.0.0.1', port, descriptors }
}

describe('a host whose main thread is blocked for 5 s', () => {
  it('has all queries answered meanwhile, and no thread is taken for hung', async () => {
    await using host = new HostProcess(`${START}
      process.stdin.once('data', () => {
        say({ blocked: true })
        for (const end = performance.now() + 5000; performance.now() < end; );
        setTimeout(() => say({ restarts: server.stats().threads.map(({ restarts }) => restarts) }), 1000)
      })`)
    const place = await placeOf(host)
    await using load = new SteadyLoad(place, 'www.example', 50)
    await using tcp = await TcpClient.open(place)
    host.goOn()
    await host.heard('blocked')
    const before = load.answered
    for (let i = 0; i < 10; i++) expect(describeResponse(await tcp.ask('www.example')).rcode).toBe('NOERROR')
    expect((await host.heard('restarts'))['restarts']).toEqual([0, 0, 0])
    await load.end()
    expect({ lost: load.lost, wrong: load.wrong }).toEqual({ lost: 0, wrong: 0 })
    expect(load.answered).toBeGreaterThan(before + 1_000)
  })
})

describe('a host that is out of descriptors', () => {
  it('is told by a code at its start, whichever descriptor is missed, and nothing is left', async () => {
    // The limit comes when the library has been loaded: Node's own loader would be the first to miss one.
    const script = `${SERVE}
      process.stdin.once('data', () => {
        process.stdin.destroy()
        createContainerDns(options).then((server) => { say({ code: 'started' }); return server.close() }, ({ code }) => say({ code }))
      })
      say({ descriptors: (await import('node:fs')).readdirSync('/proc/self/fd').length })`
    const codes = new Set<unknown>()
    for (let spare = 0; spare <= 42; spare += 3) {
      await using host = new HostProcess(script)
      const limit = spare + Number((await host.heard('descriptors'))['descriptors'])
      const prlimit = spawnSync('prlimit', [`--pid=${host.child.pid}`, `--nofile=${limit}:${limit}`])
      expect(prlimit.status).toBe(0)
      host.goOn()
      expect({ spare, ...(await host.ended) }).toEqual({ spare, code: 0, signal: null })
      codes.add((await host.heard('code'))['code'])
    }
    const known = ['started', ...Object.keys(ERROR_CODES)]
    expect([...codes].filter((code) => !known.includes(code as string))).toEqual([])
    expect([...codes]).toEqual(expect.arrayContaining(['CDNS_THREAD_FAILED', 'started']))
  })

  it('goes on answering over UDP, and over TCP again once there are some', async () => {
    await using host = new HostProcess(START)
    const place = await placeOf(host)
    await using load = new SteadyLoad(place, 'www.example', 20)
    const limit = place.descriptors + 10
    const prlimit = spawnSync('prlimit', [`--pid=${host.child.pid}`, `--nofile=${limit}:${limit}`])
    expect(prlimit.status).toBe(0)
    const clients = await Promise.all(Array.from({ length: 40 }, () => TcpClient.open(place)))
    await eventually(() => clients.some((client) => client.ended || client.closed))
    const before = load.answered
    await eventually(() => load.answered > before + 1_000)
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
    const asked = async () => {
      await using client = await TcpClient.open(place)
      return describeResponse(await client.ask('www.example')).rcode === 'NOERROR'
    }
    await eventually(asked)
    await load.end()
    expect({ lost: load.lost, wrong: load.wrong }).toEqual({ lost: 0, wrong: 0 })
  })
})

describe('a host that may lock no memory', () => {
  it('starts and answers', async () => {
    await using host = new HostProcess(START, { by: ['prlimit', '--memlock=0:0'] })
    await using client = await UdpClient.open(await placeOf(host))
    expect(await client.ask('www.example')).toMatchObject({ rcode: 'NOERROR' })
  })
})

describe('a thread that runs out of its memory', () => {
  it('dies alone, and is run again', async () => {
    const dns = new URL('faulty-dns.worker.js', TEST_WORKERS).href
    await using host = new HostProcess(
      `${START.replace('workers: 2', `workers: 1, workerFiles: { dns: ${JSON.stringify(dns)} }`)}
      server.on('workerRestart', ({ role, reason, cause }) => say({ role, reason, cause: cause.code }))`,
      { node: ['--max-old-space-size=48'] },
    )
    const place = await placeOf(host)
    await using client = await UdpClient.open(place)
    client.send('exhaust.example')
    expect(await host.heard('role')).toEqual({ role: 'dns', reason: 'died', cause: 'ERR_WORKER_OUT_OF_MEMORY' })
    await eventually(() => client.ask('www.example', 'A', 500))
  })
})

describe('a host that starts other programs', () => {
  it('gives them none of its sockets: the port is free when the host has ended, though they live on', async () => {
    await using host = new HostProcess(`${START}
      const { spawn } = await import('node:child_process')
      const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
      say({ child: child.pid })`)
    const { port } = await placeOf(host)
    const child = (await host.heard('child'))['child'] as number
    try {
      // Until the other program has been loaded, it is the host's own that is seen.
      await eventually(() => {
        const open = readdirSync(`/proc/${child}/fd`).map((fd) => readlinkSync(`/proc/${child}/fd/${fd}`))
        // A pipe may be one that this test was given itself.
        expect(open.filter((target) => !/^(\/dev\/null|pipe:)/.test(target))).toEqual([])
      })
      host.child.kill('SIGKILL')
      await host.ended
      await using next = await createContainerDns({ listen: { port }, workers: 1 })
      expect(next.addresses[0]).toMatchObject({ port })
    } finally {
      process.kill(child)
    }
  })
})

describe('a clock that is set', () => {
  it.each([
    ['back by ten years', -10 * 365 * 86_400_000],
    ['forward by ten years', 10 * 365 * 86_400_000],
  ])('%s leaves TTLs as they are, lets the serial grow, and delays no thread', async (_, stepMs) => {
    await using server = await startFaulty()
    const soa = async () =>
      (await server.query('example', 'SOA')).answer[0] as { data: { serial: number }; ttl: number }
    const change = (address: string) => server.records.put({ name: 'new.example', type: 'A', ttl: 60, data: [address] })
    await change('192.0.2.1')
    const before = await soa()
    const realNow = Date.now
    const now = vi.spyOn(Date, 'now').mockImplementation(() => realNow.call(Date) + stepMs)
    try {
      await change('192.0.2.2')
      const stepped = await soa()
      const growth = (stepped.data.serial - before.data.serial) | 0
      expect(growth).toBeGreaterThan(0)
      expect(stepped.ttl).toBe(before.ttl)
      expect((await server.query('new.example', 'A')).answer).toMatchObject([{ ttl: 60, data: '192.0.2.2' }])
      await using client = await UdpClient.open(server.addresses[0]!)
      const restarted = nextRestart(server)
      client.send('exit.example')
      await restarted
      expect(await client.ask('www.example')).toMatchObject({ rcode: 'NOERROR' })
      now.mockRestore()
      await change('192.0.2.3')
      expect(((await soa()).data.serial - stepped.data.serial) | 0).toBeGreaterThan(0)
    } finally {
      now.mockRestore()
    }
  })
})

describe('servers that start and close, one after the other', () => {
  it('leave no descriptor, no thread and no memory behind', async () => {
    await using host = new HostProcess(
      `${SERVE}
      const { readdirSync } = await import('node:fs')
      const cycle = async () => {
        const server = await createContainerDns({ ...options, workers: 1, store: memoryStore() })
        await server.close()
      }
      const held = () => {
        gc()
        return [readdirSync('/proc/self/fd').length, readdirSync('/proc/self/task').length, process.memoryUsage.rss() / 2 ** 20]
      }
      for (let i = 0; i < 10; i++) await cycle()
      const before = held()
      for (let i = 0; i < 20; i++) await cycle()
      say({ before, after: held() })`,
      { node: ['--expose-gc'] },
    )
    const { before, after } = (await host.heard('before')) as Record<'before' | 'after', [number, number, number]>
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2))
    // From 100 MiB after 20 servers to 132 after 40, and 136 after 160 (2026-11): the soak `cycles` says whether it stays.
    expect(after[2]).toBeLessThan(before[2] + 60)
    expect(await host.ended).toEqual({ code: 0, signal: null })
  }, 120_000)
})

describe('a thread that hangs while it starts', () => {
  it('fails the start when its time is over', async () => {
    const workerFile = new URL('never-serving.worker.js', TEST_WORKERS).href
    const supervisor = new Supervisor({
      plans: [{ role: 'dns', workerFile, task: () => ({}), wake: () => {} }],
      onDeath: () => {},
      onRestart: () => {},
      onError: () => {},
      onCertificate: () => {},
      onHookFault: () => {},
      onHooksLost: () => {},
      logger: silentLogger,
      clock: systemClock,
      startTimeoutMs: 500,
    })
    await expect(supervisor.start()).rejects.toMatchObject({ code: 'CDNS_THREAD_FAILED' })
    await supervisor.stop()
  })
})
