import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from './eventually.js'

const run = promisify(execFile)

/** A real etcd (Debian's etcd-server) on free ports of 127.0.0.1, its data in a temporary folder. */
export class Etcd implements AsyncDisposable {
  /** For `etcdStore`. */
  readonly host: string
  readonly #clientPort: number
  readonly #peerPort: number
  readonly #flags: readonly string[]
  #folder: string
  #process: ChildProcess | undefined

  private constructor(clientPort: number, peerPort: number, folder: string, flags: readonly string[]) {
    this.host = `http://127.0.0.1:${clientPort}`
    this.#clientPort = clientPort
    this.#peerPort = peerPort
    this.#folder = folder
    this.#flags = flags
  }

  static async start(...flags: string[]): Promise<Etcd> {
    for (let attempt = 1; ; attempt++) {
      const [clientPort, peerPort] = await freePorts(2)
      const etcd = new Etcd(clientPort!, peerPort!, await newFolder(), flags)
      try {
        await etcd.restart()
        return etcd
      } catch (error) {
        // Someone else may have taken a port since.
        await etcd[Symbol.asyncDispose]()
        if (attempt === 3) throw error
      }
    }
  }

  /** As a power cut: SIGKILL. Resolves when it is gone. */
  async kill(): Promise<void> {
    const process = this.#process
    if (process === undefined) return
    this.#process = undefined
    const exited = once(process, 'exit')
    process.kill('SIGKILL')
    await exited
  }

  /** Starts it again with the same data on the same ports. Resolves once it takes writes. */
  async restart(): Promise<void> {
    await this.kill()
    const process = spawn('etcd', this.#arguments(), { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: pathOf() } })
    this.#process = process
    // A test run that is broken off leaves no etcd behind.
    const kill = () => void process.kill('SIGKILL')
    globalThis.process.once('exit', kill)
    process.once('exit', () => globalThis.process.off('exit', kill))
    let output = ''
    process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4000)
    })
    const hasStarted = await eventually(async () => {
      if (process.exitCode !== null) return 'no'
      await this.ctl('put', '/started', '1')
      return 'yes'
    }, 20_000)
    if (hasStarted === 'no') throw new Error(`etcd ended with ${process.exitCode}: ${output}`)
  }

  /** Starts it on the same ports with nothing in it, as if someone had restored an empty backup. */
  async wipe(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
    this.#folder = await newFolder()
    await this.restart()
  }

  /** Stops answering without closing anything: SIGSTOP. */
  pause(): void {
    this.#process!.kill('SIGSTOP')
  }

  resume(): void {
    this.#process!.kill('SIGCONT')
  }

  /** Runs etcdctl, and gives back what it printed. */
  async ctl(...args: string[]): Promise<string> {
    return (await this.#etcdctl(args)).stdout
  }

  /** One transaction that puts and deletes these keys; undefined deletes. */
  async transaction(changes: Readonly<Record<string, string | undefined>>): Promise<void> {
    const operations = Object.entries(changes).map(([key, value]) =>
      value === undefined ? `del ${quote(key)}` : `put ${quote(key)} ${quote(value)}`,
    )
    // No comparisons, what to do, and nothing else to do.
    await this.#etcdctl(['txn'], `\n${operations.join('\n')}\n\n\n`)
  }

  /** Puts a value that is too long for a command line. */
  async pipe(key: string, value: string): Promise<void> {
    await this.#etcdctl(['put', key], value)
  }

  /** The JSON values of all keys that begin so. */
  async dump(prefix: string): Promise<Record<string, unknown>> {
    const lines = (await this.ctl('get', '--prefix', prefix)).split('\n')
    const pairs: [string, unknown][] = []
    for (let i = 0; i + 1 < lines.length; i += 2) pairs.push([lines[i]!, JSON.parse(lines[i + 1]!)])
    return Object.fromEntries(pairs)
  }

  async revision(): Promise<number> {
    const answer = JSON.parse(await this.ctl('get', '/started', '-w', 'json')) as { header: { revision: number } }
    return answer.header.revision
  }

  /** Forgets everything before the revision that it is at. */
  async compact(): Promise<void> {
    await this.ctl('compact', String(await this.revision()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #etcdctl(args: readonly string[], input = ''): Promise<{ stdout: string }> {
    const env = { PATH: pathOf(), ETCDCTL_API: '3' }
    const result = run('etcdctl', ['--endpoints', this.host, '--command-timeout', '3s', ...args], { env })
    // On a busy machine it may have ended before it is given nothing to read. What it did with the rest shows in how it ends.
    result.child.stdin!.on('error', () => {}).end(input)
    return result
  }

  #arguments(): string[] {
    const client = `http://127.0.0.1:${this.#clientPort}`
    const peer = `http://127.0.0.1:${this.#peerPort}`
    return [
      ...['--name', 'test', '--data-dir', this.#folder],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `test=${peer}`],
      ...['--logger', 'zap', '--log-level', 'error', '--log-outputs', 'stderr'],
      // Nothing is forgotten unless a test says so.
      ...['--auto-compaction-retention', '0'],
      // Tests ask more often whether it is there than anyone else should.
      ...['--grpc-keepalive-min-time', '100ms'],
      ...this.#flags,
    ]
  }
}

/** As etcdctl's `txn` reads its lines: in double quotes, as in Go. */
function quote(text: string): string {
  return JSON.stringify(text)
}

function pathOf(): string {
  return process.env['PATH'] ?? '/usr/bin:/bin'
}

function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'containerdns-etcd-'))
}

/** Ports that were free a moment ago. All are held at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  for (const server of servers) {
    server.close()
    await once(server, 'close')
  }
  return ports
}
