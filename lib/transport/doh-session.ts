import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { DohAnswer, DohAnswers } from './doh-answers.js'
import { DohBody } from './doh-body.js'
import { type DohMemory, type MemoryHolder, REQUEST_BYTES } from './doh-memory.js'
import { DNS_MESSAGE, readDohRequest } from './doh-request.js'
import type { HeldConnection } from './held-connection.js'
import type { StreamConnections } from './stream-connections.js'

/** What all sessions of a server share. */
export interface DohSetting {
  readonly path: string
  readonly connections: StreamConnections
  readonly answers: DohAnswers
  readonly memory: DohMemory
  /** Requests whose body has not come whole, oldest first, with the time of their beginning. */
  readonly unfinished: Map<ServerHttp2Stream, number>
}

/** One client's HTTP/2 session. Whatever it sends, nothing throws. */
export class DohSession implements MemoryHolder {
  heldBytes = 0
  readonly #held: HeldConnection
  readonly #setting: DohSetting

  constructor(session: ServerHttp2Session, held: HeldConnection, setting: DohSetting) {
    this.#held = held
    this.#setting = setting
    // RFC 9113 §9.1: a server says so before it closes.
    held.sayGoodbye = () => session.goaway(constants.NGHTTP2_NO_ERROR)
    held.finish = () => session.close()
    // Its connection closes next, and is what is counted.
    session.on('error', () => {})
    session.on('stream', (stream, headers) => this.#onRequest(stream, headers))
  }

  evict(): void {
    this.#setting.connections.evict(this.#held)
  }

  #onRequest(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { memory, path } = this.#setting
    let heldBytes = REQUEST_BYTES
    memory.hold(this, heldBytes)
    // A client that takes its request back, or breaks the rules: 'close' comes next.
    stream.on('error', () => {})
    stream.on('close', () => memory.release(this, heldBytes))
    const hold = (size: number) => {
      heldBytes += size
      if (size > 0) memory.hold(this, size)
    }
    const respond = (message: Uint8Array) => this.#answer(stream, message, headers[':method'] === 'HEAD', hold)
    const request = readDohRequest(headers, path)
    switch (request.kind) {
      case 'message':
        respond(request.message)
        return
      case 'body':
        this.#readBody(stream, respond)
        return
      case 'refused':
        refuse(stream, request.status)
    }
  }

  #readBody(stream: ServerHttp2Stream, onMessage: (message: Uint8Array) => void): void {
    const { unfinished } = this.#setting
    const body = new DohBody()
    unfinished.set(stream, performance.now())
    stream.on('data', (chunk: Buffer) => {
      if (stream.headersSent || body.add(chunk)) return
      unfinished.delete(stream)
      refuse(stream, 413)
    })
    stream.on('end', () => {
      if (unfinished.delete(stream)) onMessage(body.message)
    })
    stream.on('close', () => unfinished.delete(stream))
  }

  /** `hold` is told how many bytes wait to be written. */
  #answer(stream: ServerHttp2Stream, message: Uint8Array, isHead: boolean, hold: (size: number) => void): void {
    const { answers, connections } = this.#setting
    if (stream.destroyed || stream.closed) return
    answers.to(this.#held, message, (response) => {
      // It may have come later than the client had the patience for.
      if (stream.destroyed || stream.closed || stream.headersSent) return
      if (response === undefined) {
        refuse(stream, 400)
        return
      }
      connections.onMessages(this.#held)
      this.#send(stream, response, isHead)
      if (!isHead) hold(response.bytes.length)
    })
  }

  #send(stream: ServerHttp2Stream, response: DohAnswer, isHead: boolean): void {
    const headers = {
      ':status': 200,
      'content-type': DNS_MESSAGE,
      'content-length': response.bytes.length,
      'cache-control': `max-age=${response.freshness}`,
    }
    stream.respond(headers, { endStream: isHead })
    if (!isHead) stream.end(response.bytes)
    closeUnread(stream)
  }
}

/** Says no, and reads no more of what the client has to send. */
export function refuse(stream: ServerHttp2Stream, status: number): void {
  if (stream.destroyed || stream.closed || stream.headersSent) return
  const allow = status === 405 ? { allow: 'GET, HEAD, POST' } : {}
  stream.respond({ ':status': status, 'content-length': 0, ...allow }, { endStream: true })
  closeUnread(stream)
}

/** RFC 9113 §8.1: a server that has answered and needs no more of a request says so, without an error. */
function closeUnread(stream: ServerHttp2Stream): void {
  if (!stream.endAfterHeaders && !stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR)
}
