import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { eventually } from '../support/eventually.js'
import { UdpClient } from '../support/udp-client.js'

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

export interface LogLine {
  readonly msg: string
  readonly addresses?: { host: string; port: number }[]
}

/** `containerdns serve` as a process of its own, and what it logs; on a free port unless told otherwise, or `asConfigured`. */
export class Serve implements AsyncDisposable {
  readonly child: ChildProcess
  readonly lines: LogLine[] = []
  output = ''
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>

  constructor(
    {
      env = process.env,
      command = 'serve',
      asConfigured = command !== 'serve',
    }: { env?: NodeJS.ProcessEnv; command?: string; asConfigured?: boolean },
    ...args: string[]
  ) {
    const where = args.includes('--listen') || asConfigured ? [] : ['--listen', '0']
    const workers = command === 'serve' && !args.includes('--workers') ? ['--workers', '1'] : []
    this.child = spawn(process.execPath, [CLI, command, ...where, ...workers, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    })
    this.child.stdout!.on('data', (bytes: Buffer) => {
      this.output += bytes
    })
    let rest = ''
    this.child.stderr!.on('data', (bytes: Buffer) => {
      const parts = (rest + bytes).split('\n')
      rest = parts.pop()!
      for (const line of parts) if (line.startsWith('{')) this.lines.push(JSON.parse(line) as LogLine)
    })
    this.ended = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve({ code, signal })))
  }

  async said(text: string, times = 1): Promise<LogLine> {
    const found = () => this.lines.filter(({ msg }) => msg.includes(text))
    await eventually(() => expect(found().length).toBeGreaterThanOrEqual(times), 20_000)
    return found().at(-1)!
  }

  async client(): Promise<UdpClient> {
    const { addresses } = await this.said('answering')
    return UdpClient.open(addresses![0]!)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }
}
