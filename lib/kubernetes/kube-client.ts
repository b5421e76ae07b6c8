import { type IncomingMessage, request as requestPlain } from 'node:http'
import { type RequestOptions, request as requestSecure } from 'node:https'
import type { KubeAccess } from './kube-access.js'

/** An answer of the API server that is no success. */
export class KubeStatusError extends Error {
  /** An HTTP status; 410 for a version of the resources that it has no longer. */
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'KubeStatusError'
    this.status = status
  }
}

/** Quiet watches are to be found out when their server is gone: TCP asks after this long, and each second from then on. */
const KEEP_ALIVE_MS = 10_000
/** What we read of an answer that is no success. */
const MAX_ERROR_BYTES = 4096

/** Reads from an API server. A connection for each request: there are few, and a watch keeps its own. */
export class KubeClient {
  readonly #access: KubeAccess

  constructor(access: KubeAccess) {
    this.#access = access
  }

  /** Where requests go, for logs. */
  get server(): string {
    return this.#access.server.origin
  }

  /**
   * The body of an answer. Rejects with KubeStatusError for any status but 200, with the reason of the signal, and when the server
   * is silent for `timeoutMs`; a watch may be silent for ever once it has begun.
   */
  async get(path: string, query: URLSearchParams, timeoutMs: number, signal: AbortSignal): Promise<IncomingMessage> {
    const isWatch = query.has('watch')
    const response = await this.#send(path, query, timeoutMs, signal)
    if (response.statusCode === 200) {
      if (isWatch) response.socket.setTimeout(0)
      response.socket.setKeepAlive(true, KEEP_ALIVE_MS)
      return response
    }
    throw new KubeStatusError(response.statusCode ?? 0, await statusMessage(response, path))
  }

  async #send(path: string, query: URLSearchParams, timeoutMs: number, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(this.#access.server)
    url.pathname = url.pathname.replace(/\/$/, '') + path
    url.search = query.toString()
    const { headers, ...access } = await this.#access.requestOptions()
    const options: RequestOptions = { ...access, headers: { ...headers, accept: 'application/json' }, signal }
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const request = (url.protocol === 'http:' ? requestPlain : requestSecure)(url, options, resolve)
      request.setTimeout(timeoutMs, () => {
        request.destroy(new Error(`the API server was silent for ${timeoutMs} ms`))
      })
      request.once('error', reject)
      request.end()
    })
  }
}

/** The API server explains itself in a Status object; what is in front of it may not. */
async function statusMessage(response: IncomingMessage, path: string): Promise<string> {
  let text = ''
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk
      if (text.length > MAX_ERROR_BYTES) break
    }
    text = String((JSON.parse(text) as { message?: unknown }).message ?? text)
  } catch {
    // Then the status has to do.
  }
  return `${path} was answered with ${response.statusCode}${text === '' ? '' : `: ${text.slice(0, 300)}`}`
}
