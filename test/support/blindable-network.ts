import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ScannerOptions } from '../../lib/health/monitor/options.js'

const REFERENCE = '127.0.7.7'

/** What a scanner needs whose network a test can cut, but for the way to etcd: a reference of its own, and a check that connects while there is a network. */
export class BlindableNetwork implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'containerdns-network-'))
  readonly #cut = join(this.#folder, 'cut')
  #reference: Server | undefined
  #port = 0

  static async create(): Promise<BlindableNetwork> {
    const network = new BlindableNetwork()
    await network.mend()
    return network
  }

  /** For a scanner in a process of its own. */
  get options(): { readonly probes: ScannerOptions['probes']; readonly checkHealth: string } {
    return {
      probes: { references: [{ address: REFERENCE, port: this.#port }] },
      checkHealth: `data:text/javascript,${encodeURIComponent(CHECK.replace('CUT', JSON.stringify(this.#cut)))}`,
    }
  }

  /** The program of a process that runs a scanner with the options that it is given. */
  static readonly program = `
    const { startScanner } = await import(${JSON.stringify(fileURLToPath(new URL('../../dist/health.js', import.meta.url)))})
    await startScanner(JSON.parse(process.argv[1]))
  `

  async cut(): Promise<void> {
    writeFileSync(this.#cut, '')
    this.#reference?.close()
    if (this.#reference !== undefined) await once(this.#reference, 'close')
    this.#reference = undefined
  }

  async mend(): Promise<void> {
    rmSync(this.#cut, { force: true })
    this.#reference = createServer((socket) => socket.on('error', () => {}).destroy()).listen(this.#port, REFERENCE)
    await once(this.#reference, 'listening')
    this.#port = (this.#reference.address() as { port: number }).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut()
    rmSync(this.#folder, { recursive: true })
  }
}

const CHECK = `
  import { existsSync } from 'node:fs'
  import { connect } from 'node:net'
  export const checkHealth = ({ address, ports }, signal) => existsSync(CUT) ? 'unhealthy' : new Promise((resolve) => {
    const socket = connect(ports[0], address, () => { socket.destroy(); resolve('healthy') })
    socket.on('error', () => resolve('unhealthy'))
    signal.addEventListener('abort', () => socket.destroy())
  })
`
