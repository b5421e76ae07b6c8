import type { Logger } from '../../log.js'
import type { Alert } from './alert.js'
import { AlertChannel, type AlertCounts } from './alert-channel.js'
import { Mail } from './mail.js'
import type { ParsedAlerts } from './options.js'
import { Webhook } from './webhook.js'

/** What has become of alerts, by the way that they go; undefined where there is no such way. */
export interface AlertsStatus {
  readonly webhook: AlertCounts | undefined
  readonly mail: AlertCounts | undefined
}

/** Everybody who is to be told. Each way has a queue of its own, so that one that is shut does not hold up the other. */
export class Alerts {
  readonly #webhook: AlertChannel | undefined
  readonly #mail: AlertChannel | undefined

  constructor({ webhook, mail, name }: ParsedAlerts, logger: Logger) {
    this.#webhook = webhook && new AlertChannel({ sender: new Webhook(webhook, name), logger })
    this.#mail = mail && new AlertChannel({ sender: new Mail(mail, name), logger })
  }

  get status(): AlertsStatus {
    return { webhook: this.#webhook?.counts, mail: this.#mail?.counts }
  }

  /** Whether everything has been told, or given up. */
  get isIdle(): boolean {
    return [this.#webhook, this.#mail].every((channel) => (channel?.counts.waiting ?? 0) === 0)
  }

  add(alert: Alert): void {
    this.#webhook?.add(alert)
    this.#mail?.add(alert)
  }

  async close(): Promise<void> {
    await Promise.all([this.#webhook?.close(), this.#mail?.close()])
  }
}
