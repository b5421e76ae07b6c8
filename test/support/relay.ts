import { createServer, type Server, Socket } from 'node:net'

/** A wire between the store and etcd that can be cut, mended and blocked. */
export class Relay implements AsyncDisposable {
  readonly #server: Server
  readonly #target: URL
  readonly #sockets = new Set<Socket>()
  #mode: 'open' | 'cut' | 'hanging' = 'open'

  private constructor(server: Server, target: string) {
    this.#server = server
    this.#target = new URL(target)
    server.on('connection', (socket) => this.#connect(socket))
  }

  static async start(target: string): Promise<Relay> {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    return new Relay(server, target)
  }

  get host(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  cut(): void {
    this.#mode = 'cut'
    for (const socket of this.#sockets) socket.destroy()
  }

  mend(): void {
    this.#mode = 'open'
  }

  /** New connections are taken, and nothing is done with them. */
  hang(): void {
    this.#mode = 'hanging'
  }

  /** As `hang`, and the connections that there are stay open while whatever comes over them is lost: a peer that is gone without a word. */
  swallow(): void {
    this.#mode = 'hanging'
    for (const socket of this.#sockets) {
      socket.unpipe()
      socket.resume()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #connect(socket: Socket): void {
    this.#keep(socket)
    if (this.#mode === 'cut') socket.destroy()
    if (this.#mode !== 'open') return
    const upstream = new Socket()
    upstream.connect(Number(this.#target.port), this.#target.hostname)
    this.#keep(upstream)
    socket.pipe(upstream).pipe(socket)
    socket.on('close', () => upstream.destroy())
    upstream.on('close', () => socket.destroy())
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
  }
}
