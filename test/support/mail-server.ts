import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  readonly isSecure: boolean
  readonly user: unknown
  readonly subject: string
  readonly text: string
  readonly headers: string
}

export interface MailServerOptions extends SMTPServerOptions {
  /** For each mail: what the server answers instead of taking it, such as 451 or 554. */
  readonly refuse?: () => number | undefined
}

/** A real SMTP server on 127.0.0.1 that keeps what it is sent. */
export class MailServer implements AsyncDisposable {
  readonly received: ReceivedMail[] = []
  /** Mails that were offered, taken or not. */
  offered = 0
  readonly #server: SMTPServer

  private constructor({ refuse = () => undefined, ...options }: MailServerOptions) {
    this.#server = new SMTPServer({
      disabledCommands: ['AUTH'],
      hideSTARTTLS: true,
      logger: false,
      closeTimeout: 100,
      ...options,
      onData: (stream, session, callback) => {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          this.offered++
          const code = refuse()
          if (code !== undefined) {
            callback(Object.assign(new Error('not now'), { responseCode: code }))
            return
          }
          const { mailFrom, rcptTo } = session.envelope
          const [headers = '', ...body] = Buffer.concat(chunks).toString('utf8').split('\r\n\r\n')
          this.received.push({
            from: mailFrom === false ? '' : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            isSecure: session.secure,
            user: session.user,
            subject: /^Subject: (.*(?:\r\n\s.*)*)/m.exec(headers)![1]!.replace(/\r\n/g, ''),
            text: body.join('\r\n\r\n'),
            headers,
          })
          callback()
        })
      },
    })
    // A client that goes away in the middle is part of a test.
    this.#server.on('error', () => {})
  }

  static async start(options: MailServerOptions = {}): Promise<MailServer> {
    const server = new MailServer(options)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server.server, 'listening')
    return server
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}
