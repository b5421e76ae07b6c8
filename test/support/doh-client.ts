import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2'
import { buildQuery } from './build-query.js'

export interface HttpResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** One HTTP/2 session with a DoH server. */
export class DohClient implements AsyncDisposable {
  readonly session: ClientHttp2Session

  private constructor(session: ClientHttp2Session) {
    this.session = session
    session.on('error', () => {})
  }

  static async open(
    { host, port }: { host: string; port: number },
    options: SecureClientSessionOptions = {},
  ): Promise<DohClient> {
    const authority = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
    const client = new DohClient(connect(authority, { rejectUnauthorized: false, ...options }))
    await once(client.session, 'connect')
    return client
  }

  get(name: string, type = 'A', headers: OutgoingHttpHeaders = {}): Promise<HttpResponse> {
    return this.request({ ':path': getPath(buildQuery(name, type, { id: 0 })), ...headers })
  }

  post(message: Uint8Array, headers: OutgoingHttpHeaders = {}): Promise<HttpResponse> {
    return this.request({ ...POST, ...headers }, message)
  }

  /** One request, and all of its response. Rejects when the stream ends without one, or after twenty seconds. */
  async request(headers: OutgoingHttpHeaders, body?: Uint8Array): Promise<HttpResponse> {
    const stream = this.session.request(headers, { endStream: body === undefined })
    if (body !== undefined) stream.end(body)
    return responseOf(stream)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.session.destroyed) return
    const closed = once(this.session, 'close')
    this.session.destroy()
    await closed
  }
}

export const POST = { ':method': 'POST', ':path': '/dns-query', 'content-type': 'application/dns-message' }

export function getPath(message: Uint8Array): string {
  return `/dns-query?dns=${Buffer.from(message).toString('base64url')}`
}

export async function responseOf(stream: ClientHttp2Stream): Promise<HttpResponse> {
  const timer = setTimeout(() => stream.destroy(new Error('no response within 20 s')), 20_000)
  try {
    let headers: IncomingHttpHeaders | undefined
    const chunks: Buffer[] = []
    stream.on('response', (given) => {
      headers = given
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    await new Promise<void>((resolve, reject) => {
      // A server that has answered may break off what it did not want to read.
      stream.on('error', (error) => (headers === undefined ? reject(error) : resolve()))
      stream.on('close', resolve)
    })
    if (headers === undefined) throw new Error('the stream has ended without a response')
    return { status: Number(headers[':status']), headers, body: Buffer.concat(chunks) }
  } finally {
    clearTimeout(timer)
  }
}
