import { hostname } from 'node:os'
import { type Bounds, describe, numberWithin, parseBoolean, refuseUnknownKeys } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'

/** Whom to tell when addresses go down and come back. */
export interface AlertsOptions {
  /** Posts JSON to a URL. */
  webhook?: WebhookOptions
  /** Sends mail. */
  mail?: MailOptions
  /** For so long after an address was told of, nobody is told of it again; one that is still down then is told of anew. Default 1800. 1 to 604800 seconds. */
  silentSeconds?: number
  /** Whether those that were told of are told of again when they are well; default true. */
  recoveries?: boolean
  /** What all this is called, for subjects and the JSON; default: the host's name. 1 to 100 characters. */
  name?: string
}

export interface WebhookOptions {
  /** `http:` or `https:`. Redirects are not followed. */
  url: string
  /** More headers, such as `authorization`. */
  headers?: Record<string, string>
  /** How long a request may take; default 10 000 ms. 100 to 60000. */
  timeoutMs?: number
}

export interface MailOptions {
  /** The SMTP server. */
  host: string
  /** Default 25; 465 with `tls: 'implicit'`, 587 with `auth`. */
  port?: number
  /** `auto` encrypts where the server offers it (STARTTLS), `required` insists on it, `implicit` is TLS from the start, `off` none. Default `required` with `auth`, else `auto`. */
  tls?: MailTls
  /** Default true. */
  verifyCertificate?: boolean
  auth?: { username: string; password: string }
  from: string
  to: string | string[]
  /** How long a mail may take; default 20 000 ms. 100 to 120000. */
  timeoutMs?: number
}

export const MAIL_TLS = ['auto', 'required', 'implicit', 'off'] as const
export type MailTls = (typeof MAIL_TLS)[number]

export const SILENT_SECONDS: Bounds = { default: 1_800, min: 1, max: 604_800, unit: 'seconds' }
export const WEBHOOK_TIMEOUT_MS: Bounds = { default: 10_000, min: 100, max: 60_000, unit: 'milliseconds' }
export const MAIL_TIMEOUT_MS: Bounds = { default: 20_000, min: 100, max: 120_000, unit: 'milliseconds' }
export const ALERTS_OPTION_NAMES = [
  'webhook',
  'mail',
  'silentSeconds',
  'recoveries',
  'name',
] as const satisfies readonly (keyof AlertsOptions)[]
const MAX_NAME = 100
const MAX_RECIPIENTS = 100

export interface ParsedWebhook {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

export interface ParsedMail {
  readonly host: string
  readonly port: number
  readonly tls: MailTls
  readonly verifyCertificate: boolean
  readonly auth: { readonly username: string; readonly password: string } | undefined
  readonly from: string
  readonly to: readonly string[]
  readonly timeoutMs: number
}

export interface ParsedAlerts {
  readonly webhook: ParsedWebhook | undefined
  readonly mail: ParsedMail | undefined
  readonly silentMs: number
  readonly recoveries: boolean
  readonly name: string
}

/** Throws CDNS_OPTION_UNKNOWN or CDNS_OPTION_INVALID. Undefined where nobody is to be told. */
export function parseAlerts(option: string, given: AlertsOptions | undefined): ParsedAlerts | undefined {
  if (given === undefined) return undefined
  refuseUnknownKeys(option, given, ALERTS_OPTION_NAMES)
  if (given.webhook === undefined && given.mail === undefined) throw invalid(option, 'webhook or mail', given)
  return Object.freeze({
    webhook: given.webhook && parseWebhook(`${option}.webhook`, given.webhook),
    mail: given.mail && parseMail(`${option}.mail`, given.mail),
    silentMs: 1_000 * numberWithin(`${option}.silentSeconds`, given.silentSeconds, SILENT_SECONDS),
    recoveries: parseBoolean(`${option}.recoveries`, given.recoveries ?? true),
    name: given.name === undefined ? hostname().slice(0, MAX_NAME) : line(`${option}.name`, given.name, MAX_NAME),
  })
}

function parseWebhook(option: string, given: WebhookOptions): ParsedWebhook {
  refuseUnknownKeys(option, given, ['url', 'headers', 'timeoutMs'])
  const { url, headers = {} } = given
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) throw invalid(`${option}.url`, 'a URL of http', url)
  if (parsed.username !== '' || parsed.password !== '') {
    // The URL itself is not shown: what is in it is a secret.
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `${option}.url must hold no user and no password; there are headers for that`,
    )
  }
  return Object.freeze({
    url: parsed.href,
    headers: parseHeaders(`${option}.headers`, headers),
    timeoutMs: numberWithin(`${option}.timeoutMs`, given.timeoutMs, WEBHOOK_TIMEOUT_MS),
  })
}

function parseHeaders(option: string, given: unknown): Readonly<Record<string, string>> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw invalid(option, 'an object', given)
  try {
    return Object.freeze(Object.fromEntries(new Headers(given as Record<string, string>)))
  } catch {
    // What is wrong is in the message of the platform, and with it the value, which may be a secret.
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `${option} must be names and values of HTTP headers`)
  }
}

function parseMail(option: string, given: MailOptions): ParsedMail {
  const known = ['host', 'port', 'tls', 'verifyCertificate', 'auth', 'from', 'to', 'timeoutMs']
  refuseUnknownKeys(option, given, known)
  const { auth } = given
  const tls = MAIL_TLS.find((each) => each === (given.tls ?? (auth === undefined ? 'auto' : 'required')))
  if (tls === undefined) throw invalid(`${option}.tls`, `one of ${MAIL_TLS.join(', ')}`, given.tls)
  const port = tls === 'implicit' ? 465 : auth === undefined ? 25 : 587
  if (typeof given.host !== 'string' || !/^[\w.:-]{1,253}$/.test(given.host)) {
    throw invalid(`${option}.host`, 'a name or an address', given.host)
  }
  return Object.freeze({
    host: given.host,
    port: numberWithin(`${option}.port`, given.port, { default: port, min: 1, max: 65_535 }),
    tls,
    verifyCertificate: parseBoolean(`${option}.verifyCertificate`, given.verifyCertificate ?? true),
    auth: auth && parseAuth(`${option}.auth`, auth),
    from: mailbox(`${option}.from`, given.from),
    to: parseRecipients(`${option}.to`, given.to),
    timeoutMs: numberWithin(`${option}.timeoutMs`, given.timeoutMs, MAIL_TIMEOUT_MS),
  })
}

function parseAuth(option: string, given: { username: string; password: string }) {
  refuseUnknownKeys(option, given, ['username', 'password'])
  for (const key of ['username', 'password'] as const) {
    if (typeof given[key] !== 'string' || given[key] === '') {
      throw new ContainerDnsError('CDNS_OPTION_INVALID', `${option}.${key} must be a string with something in it`)
    }
  }
  return Object.freeze({ username: given.username, password: given.password })
}

/** Several may stand in one string, with commas between. */
function parseRecipients(option: string, given: unknown): readonly string[] {
  const all = typeof given === 'string' ? given.split(',').map((each) => each.trim()) : given
  if (!Array.isArray(all) || all.length === 0 || all.length > MAX_RECIPIENTS) {
    throw invalid(option, `1 to ${MAX_RECIPIENTS} addresses of mail`, given)
  }
  return Object.freeze(all.map((each, i) => mailbox(`${option}[${i}]`, each)))
}

/** `a@b` alone: what a mail server makes of it is its own. */
function mailbox(option: string, given: unknown): string {
  if (typeof given === 'string' && given.length <= 254 && /^[^\s@<>,;:"()[\]\\]+@[^\s@<>,;:"()\\]+$/.test(given)) {
    return given
  }
  throw invalid(option, 'an address of mail such as "ops@example.org"', given)
}

function line(option: string, given: unknown, max: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be in it
  if (typeof given === 'string' && given.length >= 1 && given.length <= max && !/[\x00-\x1f\x7f]/.test(given)) {
    return given
  }
  throw invalid(option, `a line of 1 to ${max} characters`, given)
}

function invalid(option: string, wanted: string, given: unknown): ContainerDnsError {
  return new ContainerDnsError('CDNS_OPTION_INVALID', `${option} must be ${wanted}, got ${describe(given)}`)
}
