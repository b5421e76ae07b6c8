import { type ChildProcess, spawn } from 'node:child_process'
import { eventually } from '../support/eventually.js'

const INDEX = new URL('../../dist/index.js', import.meta.url).href

export interface HostSettings {
  /** What the program is started by: `['prlimit', '--nofile=64']`. */
  readonly by?: readonly string[]
  /** Options of Node.js. */
  readonly node?: readonly string[]
}

/** A program that embeds the library, as a process of its own. `say(value)` in its script is heard here. */
export class HostProcess implements AsyncDisposable {
  readonly child: ChildProcess
  readonly said: Record<string, unknown>[] = []
  errors = ''
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>

  constructor(script: string, { by = [], node = [] }: HostSettings = {}) {
    const source = `
      import { createContainerDns, memoryStore } from ${JSON.stringify(INDEX)}
      const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n')
      ${script}`
    const command = [...by, process.execPath, ...node, '--input-type=module', '-e', source]
    this.child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] })
    let rest = ''
    this.child.stdout!.on('data', (bytes: Buffer) => {
      const lines = (rest + bytes).split('\n')
      rest = lines.pop()!
      for (const line of lines) this.said.push(JSON.parse(line) as Record<string, unknown>)
    })
    this.child.stderr!.on('data', (bytes: Buffer) => {
      this.errors += bytes
    })
    this.ended = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve({ code, signal })))
  }

  /** The first thing said that has this key. */
  heard(key: string): Promise<Record<string, unknown>> {
    return eventually(() => {
      const found = this.said.find((value) => key in value)
      if (found === undefined) throw new Error(`nobody said ${key}: ${JSON.stringify(this.said)} ${this.errors}`)
      return found
    }, 90_000)
  }

  /** Ends the host's wait for a line. */
  goOn(): void {
    this.child.stdin!.write('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }
}
