/** What somebody is told of an address. */
export interface Alert {
  readonly address: string
  readonly state: 'unhealthy' | 'healthy'
  /** Milliseconds since 1970. */
  readonly at: number
  /** What the last probe has failed with, where that is known. */
  readonly reason?: string
  /** It has been told of before, and is still down. */
  readonly isRepeated: boolean
}

/** A way to tell people. */
export interface AlertSender {
  readonly kind: 'webhook' | 'mail'
  /** How long it may take. */
  readonly timeoutMs: number
  /** Resolves with those who were not told though others were. Rejects when nobody has been told; with an `AlertRefused`, when trying again would not help. */
  send(alerts: readonly Alert[], signal: AbortSignal): Promise<readonly RefusedRecipient[]>
}

/** Whom a mail server would not take a mail for. */
export interface RefusedRecipient {
  readonly recipient: string
  readonly reason: string
}

/** Trying again would not help. */
export class AlertRefused extends Error {}
