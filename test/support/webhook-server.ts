import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Posted {
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: { readonly name: string; readonly alerts: readonly PostedAlert[] }
}

export interface PostedAlert {
  readonly address: string
  readonly state: string
  readonly at: string
  readonly reason?: string
  readonly repeated: boolean
}

/** A real HTTP server on 127.0.0.1 that keeps what is posted to it. */
export class WebhookServer implements AsyncDisposable {
  readonly posted: Posted[] = []
  readonly #server: Server

  /** `answer`: the status for each request, by its number from 0; undefined for no answer at all. */
  private constructor(answer: (request: number) => number | undefined) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const status = answer(this.posted.length)
        const body = request.method === 'POST' ? JSON.parse(Buffer.concat(chunks).toString('utf8')) : undefined
        this.posted.push({ url: request.url!, headers: request.headers, body })
        if (status !== undefined) response.writeHead(status, { location: '/elsewhere' }).end('a body that nobody reads')
      })
    })
  }

  static async start(answer: (request: number) => number | undefined = () => 204): Promise<WebhookServer> {
    const server = new WebhookServer(answer)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`
  }

  /** All alerts, in the order in which they came, as `address state` with `again` for one that is repeated. */
  get alerts(): string[] {
    return this.posted.flatMap(({ body }) =>
      body.alerts.map(({ address, state, repeated }) => `${address} ${state}${repeated ? ' again' : ''}`),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
