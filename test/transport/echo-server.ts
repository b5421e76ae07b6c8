import { Worker } from 'node:worker_threads'
import { silentLogger } from '../../lib/log.js'
import type {
  DatagramAddress,
  DatagramSockets,
  OpenOptions,
  TransportKind,
} from '../../lib/transport/datagram-transport.js'
import { openDatagramSockets } from '../../lib/transport/open-datagram-sockets.js'
import { TEST_WORKERS } from '../support/build-for-tests.js'
import { eventually } from '../support/eventually.js'
import { type EchoThreadData, WORD, WORD_COUNT } from './echo-protocol.js'

/** Opens sockets on port 0 of each host and starts an echo thread for each thread that the transport can have. */
export async function startEchoServer(
  transport: TransportKind | Pick<OpenOptions, 'kind' | 'xdp'>,
  hosts: readonly string[],
  threads = 1,
): Promise<EchoServer> {
  const { kind, xdp } = typeof transport === 'string' ? { kind: transport } : transport
  const addresses: DatagramAddress[] = hosts.map((host) => ({ host, port: 0, share: false }))
  const sockets = await openDatagramSockets({ kind, ...(xdp && { xdp }), addresses, threads, logger: silentLogger })
  const server = new EchoServer(sockets)
  await server.start()
  return server
}

export class EchoServer {
  readonly sockets: DatagramSockets
  threads: EchoThread[] = []

  constructor(sockets: DatagramSockets) {
    this.sockets = sockets
  }

  async start(): Promise<void> {
    this.threads = Array.from({ length: this.sockets.threads }, (_, i) => new EchoThread(this.sockets, i))
    await Promise.all(this.threads.map((thread) => thread.started()))
  }

  async stop(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.stop()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    this.sockets.close()
  }
}

/** One echo thread, and what it shares with the test. */
export class EchoThread {
  readonly worker: Worker
  readonly ended: Promise<number>
  readonly #sockets: DatagramSockets
  readonly #index: number
  readonly #words = new Int32Array(new SharedArrayBuffer(WORD_COUNT * Int32Array.BYTES_PER_ELEMENT))

  constructor(sockets: DatagramSockets, index: number) {
    this.#sockets = sockets
    this.#index = index
    const workerData: EchoThreadData = { endpoints: sockets.endpoints(index), shared: this.#words.buffer }
    this.worker = new Worker(new URL('echo.worker.js', TEST_WORKERS), { workerData })
    this.ended = new Promise((resolve, reject) => {
      this.worker.once('exit', resolve)
      this.worker.once('error', reject)
    })
    this.ended.catch(() => {})
  }

  read(word: number): number {
    return Atomics.load(this.#words, word)
  }

  async started(): Promise<void> {
    await Promise.race([
      eventually(() => this.read(WORD.ticks) > 0),
      this.ended.then((code) => Promise.reject(new Error(`the thread ended with ${code} before it served`))),
    ])
  }

  /** Resolves with the milliseconds that it took. */
  async stop(): Promise<number> {
    const from = performance.now()
    Atomics.store(this.#words, WORD.stop, 1)
    Atomics.notify(this.#words, WORD.stop)
    this.#sockets.wake(this.#index)
    await this.ended
    return performance.now() - from
  }
}
