import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { BlindableNetwork } from './blindable-network.js'
import type { Etcd } from './start-etcd.js'

export interface ScannerTimes {
  readonly interval: number
  readonly timeout: number
  readonly fall: number
}

/** Built, that is beside `build/`, and as it stands, that is beside `test/`. */
const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/** `containerdns scanner` and `containerdns scheduler` as processes, which are killed at the end. */
export class MonitorProcesses implements AsyncDisposable {
  readonly #etcd: Etcd
  readonly #prefix: string
  readonly #leaseSeconds: number
  readonly #processes = new Map<number, { readonly name: string; readonly process: ChildProcess }>()

  constructor(etcd: Etcd, prefix: string, leaseSeconds: number) {
    this.#etcd = etcd
    this.#prefix = prefix
    this.#leaseSeconds = leaseSeconds
  }

  /** Its process id. */
  scanner(name: string, { interval, timeout, fall }: ScannerTimes): number {
    return this.#start(
      'scanner',
      name,
      ...['--interval', String(interval), '--timeout', String(timeout), '--fall', String(fall)],
    )
  }

  scheduler(name: string): number {
    return this.#start('scheduler', name)
  }

  /** A scanner in a process of its own whose network can be cut. Its process id. */
  blindableScanner(name: string, { interval, timeout, fall }: ScannerTimes, network: BlindableNetwork): number {
    const { probes, checkHealth } = network.options
    const options = {
      ...{ etcd: { hosts: this.#etcd.host }, prefix: this.#prefix, name, leaseSeconds: this.#leaseSeconds },
      ...{ probes: { intervalMs: interval, timeoutMs: timeout, fall, ...probes }, checkHealth },
    }
    return this.#spawn(name, '--input-type=module', '-e', BlindableNetwork.program, JSON.stringify(options))
  }

  signal(pid: number, signal: NodeJS.Signals): void {
    this.#processes.get(pid)!.process.kill(signal)
  }

  /** All of a name. */
  async kill(name: string): Promise<void> {
    await Promise.all(
      [...this.#processes.values()].filter((each) => each.name === name).map(({ process }) => end(process)),
    )
  }

  async agents(): Promise<readonly string[]> {
    return ((await this.#valueAt('assignment')) as { agents: string[] }).agents
  }

  async leader(): Promise<string> {
    return ((await this.#valueAt('leader')) as { name: string }).name
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#processes.values()].map(({ process }) => end(process)))
  }

  #start(command: string, name: string, ...flags: string[]): number {
    const place = ['--etcd', this.#etcd.host, '--prefix', this.#prefix]
    const common = [...place, '--name', name, '--lease', String(this.#leaseSeconds)]
    return this.#spawn(name, CLI, command, ...common, ...flags)
  }

  #spawn(name: string, ...args: string[]): number {
    const child = spawn(process.execPath, args, { stdio: 'ignore' })
    const kill = () => void child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.off('exit', kill))
    this.#processes.set(child.pid!, { name, process: child })
    return child.pid!
  }

  async #valueAt(key: string): Promise<unknown> {
    return Object.values(await this.#etcd.dump(`${this.#prefix}${key}`))[0]
  }
}

async function end(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return
  const exited = once(process, 'exit')
  process.kill('SIGKILL')
  await exited
}
