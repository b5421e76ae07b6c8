import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

const LISTEN = `
  const server = require('node:net').createServer((socket) => socket.on('error', () => {}))
  server.listen(Number(process.argv[2]), process.argv[1], () => console.log(server.address().port))
`

/** A backend as a process of its own, that takes TCP connections. */
export class ListeningProcess implements AsyncDisposable {
  readonly address: string
  port = 0
  #process: ChildProcess | undefined

  private constructor(address: string) {
    this.address = address
  }

  /** Port 0: any free one. */
  static async start(address: string, port = 0): Promise<ListeningProcess> {
    const backend = new ListeningProcess(address)
    await backend.restart(port)
    return backend
  }

  /** On the port that it had, if none is named. */
  async restart(port = this.port): Promise<void> {
    const process = spawn(globalThis.process.execPath, ['-e', LISTEN, this.address, String(port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#process = process
    const kill = () => void process.kill('SIGKILL')
    globalThis.process.once('exit', kill)
    process.once('exit', () => globalThis.process.off('exit', kill))
    const [line] = (await once(process.stdout!.setEncoding('utf8'), 'data')) as [string]
    this.port = Number(line)
  }

  async kill(): Promise<void> {
    const process = this.#process
    this.#process = undefined
    if (process === undefined || process.exitCode !== null) return
    const exited = once(process, 'exit')
    process.kill('SIGKILL')
    await exited
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}
