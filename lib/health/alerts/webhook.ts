import { type Alert, AlertRefused, type AlertSender, type RefusedRecipient } from './alert.js'
import type { ParsedWebhook } from './options.js'

/** Statuses that may be others in a while, though they are the client's fault by their number: RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429])

/** Posts alerts as JSON. A redirect is a failure: the body is for whom it was meant. */
export class Webhook implements AlertSender {
  readonly kind = 'webhook'
  readonly #options: ParsedWebhook
  readonly #name: string

  constructor(options: ParsedWebhook, name: string) {
    this.#options = options
    this.#name = name
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs
  }

  async send(alerts: readonly Alert[], signal: AbortSignal): Promise<readonly RefusedRecipient[]> {
    const { url, headers } = this.#options
    const { ok, status, body } = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      signal,
      headers: { ...headers, 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify({ name: this.#name, alerts: alerts.map(bodyOf) }),
    })
    // Nobody reads it, and the connection is not to wait for that.
    await body?.cancel()
    if (ok) return []
    const failure = `the webhook has answered with ${status}`
    if (status >= 300 && status < 500 && !PASSING.has(status)) throw new AlertRefused(failure)
    throw new Error(failure)
  }
}

function bodyOf({ address, state, at, reason, isRepeated }: Alert): object {
  return {
    address,
    state,
    at: new Date(at).toISOString(),
    ...(reason === undefined ? {} : { reason }),
    repeated: isRepeated,
  }
}
