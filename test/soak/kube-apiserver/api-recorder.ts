import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { request as requestSecure } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { KubeApiserver } from '../../support/kube-apiserver.js'

/** A proxy before an API server, over plain HTTP, that notes what goes through it, and holds it up on demand. It changes nothing. */
export class ApiRecorder implements AsyncDisposable {
  /** Bookmarks that have been told. */
  bookmarks = 0
  /** What the API server has said with 410: of lists, by a status, and of watches, by an event. */
  readonly goneLists: string[] = []
  readonly goneWatches: string[] = []
  /** Waited for before a request goes on. */
  before: ((url: URL) => Promise<void> | undefined) | undefined
  readonly #target: KubeApiserver
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #held: Promise<void> | undefined
  #release: () => void = () => {}

  private constructor(target: KubeApiserver) {
    this.#target = target
    this.#server = createServer((request, response) => void this.#forward(request, response))
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  static async start(target: KubeApiserver): Promise<ApiRecorder> {
    const recorder = new ApiRecorder(target)
    recorder.#server.listen(0, '127.0.0.1')
    await once(recorder.#server, 'listening')
    return recorder
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Cuts what there is, and holds up what comes until `release`: nobody is refused, and nobody hears anything. */
  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#release = resolve
    })
    for (const socket of this.#sockets) socket.destroy()
  }

  release(): void {
    this.#held = undefined
    this.#release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release()
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await once(this.#server, 'close')
  }

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#held
    const url = new URL(request.url!, this.#target.url)
    await this.before?.(url)
    const { host: _, ...headers } = request.headers
    const onward = requestSecure(url, { method: request.method!, headers, ca: this.#target.authority })
    response.once('close', () => onward.destroy())
    onward.once('error', () => response.destroy())
    onward.once('response', (answer: IncomingMessage) => {
      response.writeHead(answer.statusCode!, answer.headers)
      response.flushHeaders()
      this.#note(answer, url.searchParams.has('watch'))
      answer.pipe(response)
      answer.once('error', () => response.destroy())
    })
    request.pipe(onward)
  }

  #note(answer: IncomingMessage, isWatch: boolean): void {
    if (!isWatch && answer.statusCode !== 410) return
    let text = ''
    const take = (line: string) => {
      const { type, code, message, object } = JSON.parse(line) as {
        [field: string]: unknown
        object?: { code?: unknown; message?: unknown }
      }
      if (type === 'BOOKMARK') this.bookmarks++
      if (code === 410) this.goneLists.push(String(message))
      if (object?.code === 410) this.goneWatches.push(String(object.message))
    }
    answer.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
      const lines = text.split('\n')
      text = lines.pop()!
      for (const line of lines) if (line !== '') take(line)
    })
    answer.once('end', () => {
      if (text !== '') take(text)
    })
  }
}
