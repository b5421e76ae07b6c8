import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { type HttpCheck, type OnOutcome, outcomeOf, type ProbeOutcome, type RunningProbe } from './check.js'
import { isServerName } from './check-options.js'

/** Of a body, this much is looked through; a backend that goes on for ever costs no more. */
const MAX_BODY_BYTES = 64 * 1024

/** Asks with GET. A redirect is an answer like any other: following it, a backend could have us ask whom it likes. */
export function probeHttp(address: string, check: HttpCheck, onOutcome: OnOutcome): RunningProbe {
  return new HttpProbe(address, check, onOutcome)
}

class HttpProbe implements RunningProbe {
  readonly #check: HttpCheck
  readonly #onOutcome: OnOutcome
  readonly #request: ClientRequest
  #isDone = false

  constructor(address: string, check: HttpCheck, onOutcome: OnOutcome) {
    this.#check = check
    this.#onOutcome = onOutcome
    this.#request = (check.tls ? httpsRequest : httpRequest)({
      host: address,
      port: check.port,
      path: check.path,
      headers: {
        host: check.host ?? (address.includes(':') ? `[${address}]` : address),
        'user-agent': 'containerdns-probe',
        connection: 'close',
      },
      // A connection of its own: one that is kept would say nothing about whether the backend takes new ones.
      agent: false,
      ...(check.tls && { rejectUnauthorized: check.verifyCertificate }),
      ...(check.tls && isServerName(check.host) && { servername: check.host }),
    })
    this.#request.on('response', (response) => this.#onResponse(response))
    // Without a listener, a status of 101 would end in silence.
    this.#request.on('upgrade', (response, socket) => {
      socket.on('error', () => {}).destroy()
      this.#onResponse(response)
    })
    this.#request.on('error', (error: NodeJS.ErrnoException) => {
      this.#finish(outcomeOf(error.code), error.code ?? error.message)
    })
    this.#request.end()
  }

  cancel(): void {
    this.#isDone = true
    this.#request.destroy()
  }

  #onResponse(response: IncomingMessage): void {
    const { statuses, body } = this.#check
    const status = response.statusCode ?? 0
    const isWanted = statuses === undefined ? status >= 200 && status <= 299 : statuses.includes(status)
    if (!isWanted) this.#finish('dead', `status ${status}`)
    else if (body === undefined) this.#finish('alive', '')
    else this.#readBody(response, Buffer.from(body))
  }

  #readBody(response: IncomingMessage, wanted: Buffer): void {
    const chunks: Buffer[] = []
    let size = 0
    const decide = () => {
      const isThere = Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).includes(wanted)
      this.#finish(isThere ? 'alive' : 'dead', isThere ? '' : 'the body is another')
    }
    response.on('data', (chunk: Buffer) => {
      if (this.#isDone) return
      chunks.push(chunk)
      size += chunk.length
      if (size >= MAX_BODY_BYTES) decide()
    })
    response.on('end', decide)
    response.on('error', (error: NodeJS.ErrnoException) => this.#finish('dead', error.code ?? error.message))
  }

  #finish(outcome: ProbeOutcome, reason: string): void {
    if (this.#isDone) return
    this.cancel()
    this.#onOutcome(outcome, reason)
  }
}
