import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from './eventually.js'

const run = promisify(execFile)

export interface EtcdTestOptions {
  /** More of etcd's flags. */
  readonly flags?: readonly string[]
  /** Files that etcd and etcdctl show and believe; with it, whoever has no certificate of the authority is turned away. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string }
}

/** Where a member of a cluster is, and who the others are. */
interface Member {
  readonly name: string
  readonly clientPort: number
  readonly peerPort: number
  readonly cluster: string
}

/** A real etcd (Debian's etcd-server) on free ports of 127.0.0.1, its data in a temporary folder. */
export class Etcd implements AsyncDisposable {
  /** For `etcdStore`. */
  readonly host: string
  readonly #member: Member
  readonly #options: EtcdTestOptions
  #folder: string
  #process: ChildProcess | undefined
  /** What etcdctl says who it is with, once authentication is switched on. */
  user: string | undefined

  private constructor(member: Member, options: EtcdTestOptions, folder: string) {
    this.host = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${member.clientPort}`
    this.#member = member
    this.#options = options
    this.#folder = folder
  }

  /** Members of one cluster. Each has data and ports of its own. */
  static async startCluster(size: number): Promise<Etcd[]> {
    const ports = await freePorts(2 * size)
    const names = Array.from({ length: size }, (_, i) => `test${i}`)
    const cluster = names.map((name, i) => `${name}=${peerUrl(ports[2 * i + 1]!)}`).join()
    const members = await Promise.all(
      names.map(async (name, i) => {
        const member = { name, clientPort: ports[2 * i]!, peerPort: ports[2 * i + 1]!, cluster }
        return new Etcd(member, {}, await newFolder())
      }),
    )
    await Promise.all(members.map((member) => member.restart()))
    return members
  }

  static async start(options: EtcdTestOptions = {}): Promise<Etcd> {
    for (let attempt = 1; ; attempt++) {
      const [clientPort, peerPort] = (await freePorts(2)) as [number, number]
      const member = { name: 'test', clientPort, peerPort, cluster: `test=${peerUrl(peerPort)}` }
      const etcd = new Etcd(member, options, await newFolder())
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

  /** Writes a backup of all it holds. */
  async saveBackup(file: string): Promise<void> {
    await this.ctl('snapshot', 'save', file)
  }

  /** Starts it on the same ports with what it held when the backup was written, revisions and all. */
  async restoreBackup(file: string): Promise<void> {
    const { name, peerPort, cluster } = this.#member
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
    await this.ctl(
      ...['snapshot', 'restore', file, '--data-dir', this.#folder, '--name', name],
      ...['--initial-cluster', cluster, '--initial-advertise-peer-urls', peerUrl(peerPort)],
    )
    await this.restart()
  }

  /** Whether it leads its cluster. */
  async isLeader(): Promise<boolean> {
    const [{ Status }] = JSON.parse(await this.ctl('endpoint', 'status', '-w', 'json')) as [
      { Status: { header: { member_id: number }; leader: number } },
    ]
    return Status.leader === Status.header.member_id
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
    const { tls } = this.#options
    const secure = tls === undefined ? [] : ['--cacert', tls.ca, '--cert', tls.cert, '--key', tls.key]
    const user = this.user === undefined ? [] : ['--user', this.user]
    const common = ['--endpoints', this.host, '--command-timeout', '3s', ...secure, ...user]
    const result = run('etcdctl', [...common, ...args], { env, maxBuffer: 2 ** 28 })
    // On a busy machine it may have ended before it is given nothing to read. What it did with the rest shows in how it ends.
    result.child.stdin!.on('error', () => {}).end(input)
    return result
  }

  #arguments(): string[] {
    const { name, peerPort, cluster } = this.#member
    const { tls, flags = [] } = this.#options
    const peer = peerUrl(peerPort)
    return [
      ...['--name', name, '--data-dir', this.#folder],
      ...['--listen-client-urls', this.host, '--advertise-client-urls', this.host],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', cluster],
      ...['--logger', 'zap', '--log-level', 'error', '--log-outputs', 'stderr'],
      // Nothing is forgotten unless a test says so.
      ...['--auto-compaction-retention', '0'],
      // Tests ask more often whether it is there than anyone else should.
      ...['--grpc-keepalive-min-time', '100ms'],
      ...(tls === undefined
        ? []
        : ['--cert-file', tls.cert, '--key-file', tls.key, '--trusted-ca-file', tls.ca, '--client-cert-auth']),
      ...flags,
    ]
  }
}

function peerUrl(port: number): string {
  return `http://127.0.0.1:${port}`
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
export async function freePorts(count: number): Promise<number[]> {
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
