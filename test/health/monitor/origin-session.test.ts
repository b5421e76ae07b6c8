import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Serve } from '../../cli/serve-process.js'
import { eventually } from '../../support/eventually.js'
import { Etcd } from '../../support/start-etcd.js'
import type { UdpClient } from '../../support/udp-client.js'
import { ListeningProcess } from '../probe/listening-process.js'

// The monitor session of ContainerDNS's README: its files of the scanner and the schedule, backends that listen as processes of their own, all over a real etcd.

const [INTERVAL_MS, TIMEOUT_MS, FALL, RISE] = [1_000, 1_000, 2, 2]
/** What the issue allows, and as much again for a machine that is shared with others. */
const DOWN_MS = 2 * (INTERVAL_MS * FALL + TIMEOUT_MS + 1_000)
const UP_MS = 2 * (INTERVAL_MS * RISE + TIMEOUT_MS + 1_000)
const START_MS = 30_000
const ADDRESSES = ['127.0.9.1', '127.0.9.2', '127.0.9.3']
const NAME = 'cctv2.containerdns.local'
const STATUS = '/containerdns/monitor/status/'

const folder = mkdtempSync(join(tmpdir(), 'containerdns-session-'))
let etcd: Etcd
const processes: Serve[] = []
const backends: ListeningProcess[] = []

beforeAll(async () => {
  etcd = await Etcd.start()
  const port = await freePort()
  for (const address of ADDRESSES) backends.push(await ListeningProcess.start(address, port))
  for (const [i, address] of ADDRESSES.entries()) {
    const record = JSON.stringify({ type: 'A', host: address, ttl: 30 })
    await etcd.ctl('put', `/containerdns/local/containerdns/cctv2/${i}/`, record)
    await etcd.ctl('put', `${STATUS}${address}`, JSON.stringify({ status: 'DOWN', domains: [NAME] }))
  }
  const scanner = config('containerdns-scanner.conf', (text) =>
    text
      .replace('check-interval = 10', `check-interval = ${INTERVAL_MS / 1_000}`)
      .replace('check-timeout = 2', `check-timeout = ${TIMEOUT_MS / 1_000}\ncheck-retry-count = ${FALL}`)
      .replace('scann-ports = 22, 80, 8080', `scann-ports = ${port}`)
      .replace('heartbeat-interval = 30', 'heartbeat-interval = 2'),
  )
  processes.push(
    new Serve({ asConfigured: true }, '--config-file', config('containerdns.conf')),
    new Serve({ command: 'scheduler' }, '--config-file', config('containerdns-schedule.conf')),
    new Serve({ command: 'scanner' }, '--config-file', scanner),
  )
}, 60_000)
afterAll(async () => {
  for (const each of [...processes, ...backends]) await each[Symbol.asyncDispose]()
  await etcd?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

/** A file of the README where the test's etcd and free ports stand in for those that it names. */
function config(file: string, change = (text: string) => text): string {
  const path = join(folder, file)
  const text = readFileSync(new URL(`../../../docs/examples/${file}`, import.meta.url), 'utf8')
    .replace('http://127.0.0.1:2379', etcd.host)
    .replace('0.0.0.0:53', '127.0.0.1:0')
    .replace('127.0.0.1:9600', '127.0.0.1:0')
    .replace('127.0.0.1:9003', '127.0.0.1:0')
  writeFileSync(path, change(text))
  return path
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.9.9')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** All that one question after the other is answered with: the origin's modes may give one address at a time. */
async function answered(client: UdpClient): Promise<string[]> {
  const found = new Set<string>()
  for (let i = 0; i < 12; i++)
    for (const { data } of (await client.ask(NAME)).answers as { data: string }[]) found.add(data)
  return [...found].sort()
}

async function statusOf(address: string): Promise<unknown> {
  return (await etcd.dump(`${STATUS}${address}`))[`${STATUS}${address}`]
}

describe('the monitor session of ContainerDNS’s README', () => {
  it('leaves a backend that is shut down out of the answers in time, and takes it back when it is well', async () => {
    const client = await processes[0]!.client()
    const third = backends[2]!
    // Until its agent has looked, all of them are called down, and all are answered.
    for (const address of ADDRESSES) {
      await eventually(async () => expect(await statusOf(address)).toEqual({ status: 'UP', domains: [NAME] }), START_MS)
    }
    await eventually(async () => expect(await answered(client)).toEqual(ADDRESSES), START_MS)
    for (let round = 0; round < 2; round++) {
      await third.kill()
      await eventually(async () => expect(await answered(client)).toEqual(ADDRESSES.slice(0, 2)), DOWN_MS)
      expect(await statusOf(third.address)).toEqual({ status: 'DOWN', domains: [NAME] })
      await third.restart()
      await eventually(async () => expect(await answered(client)).toEqual(ADDRESSES), UP_MS)
      expect(await statusOf(third.address)).toEqual({ status: 'UP', domains: [NAME] })
    }
    await client[Symbol.asyncDispose]()
  }, 120_000)
})
