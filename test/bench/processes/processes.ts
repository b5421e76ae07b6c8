import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { treeOf } from './cpu-time.js'

/** The core of servers, and that of whoever loads them. */
export const SERVER_CORE = 0
export const LOAD_CORE = 1

export interface StartOptions {
  /** Bound to one core by taskset; without it, to none. */
  readonly core?: number
  readonly folder: string
  /** The network namespace that it runs in; left out: ours. */
  readonly namespace?: string
  /** Whether it speaks through `process.send`. */
  readonly speaks?: boolean
}

const END_MS = 5000

/** Every process that the bench has started. However the bench ends, they end. */
export class Processes implements AsyncDisposable {
  readonly #running = new Set<RunningProcess>()

  constructor() {
    process.once('exit', () => this.#killAll())
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
  }

  start(program: string, programArguments: readonly string[], options: StartOptions): RunningProcess {
    const running = new RunningProcess(program, programArguments, options)
    this.#running.add(running)
    void running.ended.then(() => this.#running.delete(running))
    return running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running].map((running) => running.end()))
  }

  #killAll(): void {
    for (const running of this.#running) running.kill()
  }
}

export class RunningProcess implements AsyncDisposable {
  readonly child: ChildProcess
  /** Resolves with what it ended by: an exit code or a signal. */
  readonly ended: Promise<string>
  readonly #program: string
  readonly #log: string

  constructor(
    program: string,
    programArguments: readonly string[],
    { core, folder, namespace, speaks = false }: StartOptions,
  ) {
    const place = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]
    const command = [...place, ...(core === undefined ? [] : ['taskset', '-c', String(core)]), program]
    this.#program = program
    this.#log = `${folder}/output.log`
    const log = openSync(this.#log, 'a')
    this.child = spawn(command[0]!, [...command.slice(1), ...programArguments], {
      cwd: folder,
      stdio: ['ignore', log, log, speaks ? 'ipc' : 'ignore'],
    })
    closeSync(log)
    this.ended = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
      this.child.once('error', (error) => resolve(error.message))
    })
  }

  get pid(): number {
    return this.child.pid!
  }

  /** The next message of a process that speaks. */
  async message<Message extends { type: string }, Type extends Message['type']>(
    type: Type,
  ): Promise<Extract<Message, { type: Type }>> {
    const message = await Promise.race([
      once(this.child, 'message').then(([first]) => first as Message),
      this.ended.then((end) => Promise.reject(this.failure(end))),
    ])
    if (message.type !== type) throw new Error(`expected ${type} of ${this.#program}, got ${message.type}`)
    return message as Extract<Message, { type: Type }>
  }

  /** Sends a message and returns the next one that comes back. */
  ask<Message extends { type: string }, Type extends Message['type']>(
    message: object,
    type: Type,
  ): Promise<Extract<Message, { type: Type }>> {
    const answer = this.message<Message, Type>(type)
    this.child.send(message)
    return answer
  }

  failure(end: string): Error {
    return new Error(`${this.#program} ended by ${end}: ${readFileSync(this.#log, 'utf8').slice(-2000)}`)
  }

  /** Asks it to end, and makes it after a while. */
  async end(): Promise<void> {
    this.child.kill('SIGTERM')
    const timer = setTimeout(() => this.kill(), END_MS)
    await this.ended
    clearTimeout(timer)
  }

  /** Ends it and its descendants at once. */
  kill(): void {
    if (this.child.pid === undefined || this.child.exitCode !== null || this.child.signalCode !== null) return
    for (const pid of treeOf(this.child.pid)) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }
}
