import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { ProbeStatus } from '../../../lib/health/probe/probe-runner.js'
import { socketBudget, socketsOf } from '../../../lib/health/probe/socket-budget.js'

const TARGETS = 10_000
const FILES = 256

const PROGRAM = `
  const { createContainerDns, memoryStore } = await import(${JSON.stringify(fileURLToPath(new URL('../../../dist/index.js', import.meta.url)))})
  const { connect } = await import('node:net')
  const [port, count] = process.argv.slice(1).map(Number)
  const address = (i) => '127.110.' + (i >> 8) + '.' + (i & 255)
  const rrsets = Array.from({ length: count / 10 }, (_, i) => ({ name: 'n' + i + '.example', type: 'A', data: Array.from({ length: 10 }, (_, j) => address(10 * i + j)) }))
  const probes = { check: { type: 'http', port }, intervalMs: 10000, timeoutMs: 50, fall: 1, confirmAbovePercent: 100 }
  const dns = await createContainerDns({ zones: ['example'], listen: { port: 0 }, workers: 1, store: memoryStore({ rrsets }), health: { probes } })
  const say = () => {
    // A client of the server's own: for it, too, there must be a file.
    const client = connect(dns.addresses[0].port, '127.0.0.1')
    const tell = (served) => { client.destroy(); console.log(JSON.stringify({ served, unhealthy: dns.stats().health.unhealthy, ...dns.stats().health.probes })); setTimeout(say, 100) }
    client.once('connect', () => tell(true)).once('error', () => tell(false))
  }
  say()
`

interface Said extends ProbeStatus {
  readonly served: boolean
  readonly unhealthy: number
}

describe('probes of a process that may have few files open', () => {
  it('leave it half of them, and find ten thousand dead that take connections and say nothing', async () => {
    const open = new Set<Socket>()
    let most = 0
    const server = createServer((socket) => {
      open.add(socket)
      most = Math.max(most, open.size)
      socket.on('error', () => {}).on('close', () => open.delete(socket))
    }).listen(0, '0.0.0.0')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const line = `ulimit -n ${FILES} && exec "$@"`
    const args = [process.execPath, '--input-type=module', '-e', PROGRAM, String(port), String(TARGETS)]
    const child = spawn('bash', ['-c', line, 'bash', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    const said: Said[] = []
    for await (const text of createInterface({ input: child.stdout })) {
      said.push(JSON.parse(text) as Said)
      if (said.at(-1)!.unhealthy === TARGETS) break
    }
    child.kill('SIGKILL')
    server.close()
    expect(said.at(-1)).toMatchObject({ unhealthy: TARGETS, unsure: 0, targets: TARGETS })
    expect(said.every(({ served }) => served)).toBe(true)
    expect(most).toBeGreaterThan(0)
  }, 120_000)

  it('count their sockets by what they check', () => {
    const target = (ports: number[]) => ({ ports })
    const tcp = { type: 'tcp', ports: [22, 80], require: 'any' } as const
    expect(socketsOf(target([]), { check: tcp })).toBe(2)
    expect(socketsOf(target([1, 2, 3]), { check: tcp })).toBe(3)
    expect(socketsOf(target([]), { check: { type: 'icmp' } })).toBe(0)
    expect(socketBudget('Max open files            1024                 4096                 files\n')).toBe(512)
    expect(socketBudget('Max open files            1                    1                    files\n')).toBe(1)
    expect(socketBudget('Max open files            unlimited            unlimited            files\n')).toBe(Infinity)
    expect(socketBudget('')).toBe(Infinity)
  })
})
