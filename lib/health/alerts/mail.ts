import type { SendMailOptions, Transporter } from 'nodemailer'
import { type Alert, AlertRefused, type AlertSender, type RefusedRecipient } from './alert.js'
import { mailText } from './mail-text.js'
import type { ParsedMail } from './options.js'

/** Sends alerts by SMTP: one mail to all recipients, over a connection of its own. The one door to nodemailer. */
export class Mail implements AlertSender {
  readonly kind = 'mail'
  readonly #options: ParsedMail
  readonly #name: string
  #transport: Transporter | undefined

  constructor(options: ParsedMail, name: string) {
    this.#options = options
    this.#name = name
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs
  }

  async send(alerts: readonly Alert[], signal: AbortSignal): Promise<readonly RefusedRecipient[]> {
    const { from, to } = this.#options
    this.#transport ??= await this.#createTransport()
    const mail: SendMailOptions & { signal: AbortSignal } = {
      ...{ from, to: [...to], ...mailText(this.#name, alerts), signal },
      // RFC 3834 §5: nobody's absence is to answer it.
      headers: { 'Auto-Submitted': 'auto-generated' },
    }
    try {
      // Where a server takes a mail for some of its recipients, it is sent.
      return refusedIn((await this.#transport.sendMail(mail)) as SentMail)
    } catch (error) {
      const { responseCode } = error as { responseCode?: number }
      // RFC 5321 §4.2.1: 5yz is for good.
      if (responseCode === undefined || responseCode < 500) throw error
      throw new AlertRefused((error as Error).message, { cause: error })
    }
  }

  /** Imported when there is something to send: few ever do. */
  async #createTransport(): Promise<Transporter> {
    const { createTransport } = await import('nodemailer')
    const { host, port, tls, auth, verifyCertificate, timeoutMs } = this.#options
    return createTransport({
      host,
      port,
      secure: tls === 'implicit',
      requireTLS: tls === 'required',
      ignoreTLS: tls === 'off',
      ...(auth && { auth: { user: auth.username, pass: auth.password } }),
      tls: { rejectUnauthorized: verifyCertificate },
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    })
  }
}

/** What nodemailer says of a mail that was sent. */
interface SentMail {
  readonly rejected: readonly unknown[]
  readonly rejectedErrors?: readonly { readonly recipient: string; readonly response?: string }[]
}

function refusedIn({ rejectedErrors = [] }: SentMail): readonly RefusedRecipient[] {
  return rejectedErrors.map(({ recipient, response = '' }) => ({ recipient, reason: response }))
}
