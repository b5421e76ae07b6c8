import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { describeResponse } from '../support/expect-response.js'
import { SteadyLoad } from '../support/steady-load.js'
import { TcpClient } from '../support/tcp-client.js'
import { Serve } from './serve-process.js'

// docs/operations.md, "Hot restart": a new process is started beside the old one, which is then told to end.

const folder = mkdtempSync(join(tmpdir(), 'containerdns-hot-'))
afterAll(() => rmSync(folder, { recursive: true }))
const records = join(folder, 'records.json')
writeFileSync(records, JSON.stringify([{ name: 'www.containerdns.local', type: 'A', data: ['192.0.2.1'] }]))

interface Place {
  readonly host: string
  readonly port: number
}

async function placeOf(serve: Serve): Promise<Place> {
  return (await serve.said('answering')).addresses![0]!
}

function successor({ host, port }: Place): Serve {
  return new Serve(
    {},
    '--listen',
    `${host}:${port}`,
    '--share',
    '--records',
    records,
    '--drain',
    '500',
    '--workers',
    '2',
  )
}

/** Has another process take over, and resolves when the old one has ended. */
async function replace(old: Serve, next: Serve, meanwhile: () => Promise<unknown>): Promise<void> {
  await next.said('answering')
  await meanwhile()
  old.child.kill('SIGTERM')
  expect(await old.ended).toEqual({ code: 0, signal: null })
  await meanwhile()
}

describe('a hot restart', () => {
  it('loses none of 100 000 queries over UDP, twice in a row', async () => {
    await using first = new Serve({}, '--records', records, '--drain', '500')
    const place = await placeOf(first)
    await using load = new SteadyLoad(place, 'www.containerdns.local', 200)
    const more = (queries: number) => {
      const until = load.answered + queries
      return eventually(() => load.answered >= until, 60_000)
    }
    await more(20_000)
    await using second = successor(place)
    await replace(first, second, () => more(20_000))
    await using third = successor(place)
    await replace(second, third, () => more(20_000))
    await load.end()
    expect({ lost: load.lost, wrong: load.wrong }).toEqual({ lost: 0, wrong: 0 })
    expect(load.answered).toBeGreaterThan(100_000)
  }, 120_000)

  it('loses no new connection, and tells those that are idle to go to the successor', async () => {
    await using first = new Serve({}, '--records', records, '--drain', '1500')
    const place = await placeOf(first)
    await using idle = await TcpClient.open(place)
    await idle.ask('www.containerdns.local')
    await using load = new ConnectionLoad(place, 20)
    const more = () => {
      const until = load.answered + 500
      return eventually(() => load.answered >= until, 60_000)
    }
    await more()
    await using second = successor(place)
    await replace(first, second, more)
    expect(idle.ended).toBe(true)
    await using third = successor(place)
    await replace(second, third, more)
    await load.end()
    expect(load.failures).toEqual([])
    await using back = await TcpClient.open(place)
    expect(describeResponse(await back.ask('www.containerdns.local')).rcode).toBe('NOERROR')
  }, 120_000)

  it('answers a connection that is busy until the old process ends', async () => {
    await using first = new Serve({}, '--records', records, '--drain', '1500')
    const place = await placeOf(first)
    await using busy = await TcpClient.open(place)
    await busy.ask('www.containerdns.local')
    await using second = successor(place)
    await second.said('answering')
    first.child.kill('SIGTERM')
    let answers = 0
    try {
      for (; !busy.ended; answers++) await busy.ask('www.containerdns.local')
    } catch {
      // It has ended, between two answers.
    }
    expect(answers).toBeGreaterThan(100)
    expect(await first.ended).toEqual({ code: 0, signal: null })
  })

  it('can be waited for by systemd, which is told once the successor answers', async () => {
    const said = join(folder, 'notified')
    writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\necho "$NOTIFY_SOCKET $*" > ${said}\n`, { mode: 0o755 })
    const env = { ...process.env, NOTIFY_SOCKET: '/run/a', PATH: `${folder}:${process.env['PATH']}` }
    await using serve = new Serve({ env }, '--records', records)
    expect(await eventually(() => readFileSync(said, 'utf8'))).toBe(`/run/a --ready --pid=${serve.child.pid}\n`)
    await serve.said('answering')
  })

  it('is not begun by a process that cannot load its records: the old one answers all', async () => {
    await using first = new Serve({}, '--records', records)
    const place = await placeOf(first)
    await using load = new SteadyLoad(place, 'www.containerdns.local', 100)
    const { host, port } = place
    await using second = new Serve(
      {},
      '--listen',
      `${host}:${port}`,
      '--share',
      '--records',
      join(folder, 'missing.json'),
    )
    expect(await second.ended).toEqual({ code: 1, signal: null })
    await load.end()
    expect({ lost: load.lost, wrong: load.wrong }).toEqual({ lost: 0, wrong: 0 })
  })
})

/** Clients that open a connection, ask once, and close it, over and over. */
class ConnectionLoad implements AsyncDisposable {
  answered = 0
  readonly failures: string[] = []
  readonly #clients: Promise<void>[]
  #isEnding = false

  constructor(place: Place, clients: number) {
    this.#clients = Array.from({ length: clients }, () => this.#run(place))
  }

  async end(): Promise<void> {
    this.#isEnding = true
    await Promise.all(this.#clients)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end()
  }

  async #run(place: Place): Promise<void> {
    while (!this.#isEnding) {
      try {
        await using client = await TcpClient.open(place)
        const { rcode } = describeResponse(await client.ask('www.containerdns.local'))
        if (rcode === 'NOERROR') this.answered++
        else this.failures.push(rcode)
      } catch (error) {
        this.failures.push((error as Error).message)
      }
    }
  }
}
