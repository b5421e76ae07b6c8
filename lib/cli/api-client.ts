import { readFileSync } from 'node:fs'
import type { RRset } from '../records/rrset.js'
import { CommandFailure } from './outcome.js'

/** Where the API is, and who asks it. */
export interface ApiClientOptions {
  readonly server: string
  readonly token: string | undefined
  /** How a token is given, for whoever gave none. */
  readonly tokenHint?: string
}

/** What a request was answered with. */
export interface ApiResponse {
  readonly status: number
  readonly etag: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: the API's OpenAPI document says what it is.
  readonly body: any
}

/** How long an API may take for one answer. */
const TIMEOUT_MS = 30_000
const PAGE = 1000

/** Asks the REST API. Whatever is not done is a CommandFailure that says why. */
export class ApiClient {
  readonly #options: ApiClientOptions

  constructor(options: ApiClientOptions) {
    this.#options = options
  }

  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<ApiResponse> {
    const { server, token } = this.#options
    const response = await this.#send(`${server}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const etag = response.headers.get('etag') ?? undefined
    return { status: response.status, etag, body: await this.#read(response) }
  }

  /** The zone that a name is in. */
  async zoneOf(name: string): Promise<string> {
    const wanted = `.${canonical(name)}`
    const zones = (await this.ask('GET', '/v1/zones')).body.zones.map((zone: { name: string }) => zone.name) as string[]
    const found = zones
      .filter((zone) => zone === '.' || zone === '' || wanted.endsWith(`.${canonical(zone)}`))
      .sort((a, b) => b.length - a.length)[0]
    if (found !== undefined) return found
    throw new CommandFailure(`${name} is in none of the zones ${zones.join(', ')}`, 'CDNS_NAME_OUT_OF_ZONE')
  }

  /** The path of an RRset, or of all RRsets of a name. */
  async pathOf(name: string, type: string | undefined, view: string | undefined): Promise<string> {
    const steps = [
      '/v1/zones',
      await this.zoneOf(name),
      'rrsets',
      canonical(name),
      ...(type === undefined ? [] : [type.toUpperCase()]),
    ]
    return steps.map((step, i) => (i === 0 ? step : encodeURIComponent(step))).join('/') + queryOf({ view })
  }

  /** All pages, or as many as give `limit` RRsets. */
  async list(filter: Readonly<Record<string, string | undefined>>, limit = Number.POSITIVE_INFINITY): Promise<RRset[]> {
    const rrsets: RRset[] = []
    let cursor: string | undefined
    do {
      const page = String(Math.min(PAGE, limit - rrsets.length))
      const { body } = await this.ask('GET', `/v1/rrsets${queryOf({ ...filter, limit: page, cursor })}`)
      rrsets.push(...body.rrsets)
      cursor = body.cursor
    } while (cursor !== undefined && rrsets.length < limit)
    return rrsets
  }

  async #send(url: string, request: RequestInit): Promise<Response> {
    try {
      return await fetch(url, request)
    } catch (error) {
      const { message, cause } = error as Error
      const reason = reasonOf(cause) ?? message
      const isRefused = (cause as NodeJS.ErrnoException)?.code === 'ECONNREFUSED'
      const hint = isRefused ? '; a server has an API only with --api, or with api: in its config' : ''
      const sentence = `${this.#options.server} cannot be asked: ${reason}${hint}`
      throw new CommandFailure(sentence, 'CDNS_API_UNREACHABLE')
    }
  }

  async #read(response: Response): Promise<unknown> {
    const text = await response.text()
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '')
    const body = isJson && text !== '' ? (JSON.parse(text) as unknown) : text
    if (response.ok) return body
    const { detail, code, errors } = (isJson ? body : {}) as { detail?: string; code?: string; errors?: object[] }
    const { token, tokenHint } = this.#options
    const hint = response.status === 401 && token === undefined && tokenHint !== undefined ? `: ${tokenHint}` : ''
    const why = (detail ?? (text.trim().split('\n')[0] || response.statusText)) + hint
    const more = (errors ?? []).map((error) => `\n  ${JSON.stringify(error)}`).join('')
    throw new CommandFailure(`${why}${code === undefined ? ` (status ${response.status})` : ` (${code})`}${more}`, code)
  }
}

/** Parts that are undefined are left out. */
export function queryOf(parts: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parts).filter((part): part is [string, string] => part[1] !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}

/** What a file holds but for its last line break; a token must not be in the list of processes. */
export function tokenFrom(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new CommandFailure(`the token cannot be read: ${(error as Error).message}`)
  }
}

function reasonOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined
  // The Fetch Standard has a list of ports that no program is to ask over HTTP.
  if (cause.message === 'bad port') return 'the port is one that HTTP is never asked on; --server URL names another'
  return cause.message === '' ? (cause as NodeJS.ErrnoException).code : cause.message
}

function canonical(name: string): string {
  return name.toLowerCase().replace(/(?<=[^\\])\.$/, '')
}
