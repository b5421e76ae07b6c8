import { Etcd3 } from 'etcd3'
import type { Bench } from '../bench.js'
import { freePort } from '../processes/free-port.js'
import type { RunningProcess } from '../processes/processes.js'

const TRIES = 100
const TRY_EVERY_MS = 100

/** An etcd of one member, with its data in a temporary folder. */
export class RunningEtcd implements AsyncDisposable {
  readonly url: string
  readonly client: Etcd3
  readonly #process: RunningProcess

  private constructor(url: string, client: Etcd3, running: RunningProcess) {
    this.url = url
    this.client = client
    this.#process = running
  }

  /** Bound to one core, if one is given. */
  static async start(bench: Bench, core?: number): Promise<RunningEtcd> {
    const folder = bench.folders.make('etcd')
    const url = `http://127.0.0.1:${await freePort()}`
    const peerUrl = `http://127.0.0.1:${await freePort()}`
    const flags = {
      'data-dir': `${folder}/data`,
      'listen-client-urls': url,
      'advertise-client-urls': url,
      'listen-peer-urls': peerUrl,
      'initial-advertise-peer-urls': peerUrl,
      'initial-cluster': `default=${peerUrl}`,
      'log-level': 'error',
    }
    const running = bench.processes.start(
      'etcd',
      Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
      core === undefined ? { folder } : { folder, core },
    )
    const client = new Etcd3({ hosts: url })
    const ended = running.ended.then((end) => Promise.reject(running.failure(end)))
    await Promise.race([untilHealthy(client), ended])
    return new RunningEtcd(url, client, running)
  }

  get pid(): number {
    return this.#process.pid
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close()
    await this.#process.end()
  }
}

async function untilHealthy(client: Etcd3): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await client.maintenance.status()
      return
    } catch (error) {
      if (tries === TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS))
    }
  }
}
