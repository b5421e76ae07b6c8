import { createHash } from 'node:crypto'
import { Ajv } from 'ajv'
import { type ContainerDns, type ContainerDnsOptions, createContainerDns } from 'containerdns'
import { type RunningApi, type StartApiOptions, startApi, type TokenOptions } from 'containerdns/api'
import { expect } from 'vitest'

export function token(principal: string, rest: Omit<TokenOptions, 'principal' | 'hash'> = {}): TokenOptions {
  return { principal, hash: `sha256:${createHash('sha256').update(`${principal}-secret`).digest('hex')}`, ...rest }
}

export const TOKENS: readonly TokenOptions[] = [
  token('root', { admin: true }),
  token('alice', { verbs: ['read', 'write'] }),
  token('bob', { verbs: ['read', 'write'], zones: ['team.example'] }),
  token('reader'),
  token('nobody', { verbs: [] }),
]

interface OpenApi {
  readonly paths: Record<string, Record<string, Operation>>
}

interface Operation {
  readonly security: readonly object[]
  readonly summary?: string
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> }
  readonly parameters?: readonly { name: string; in: string; schema: object }[]
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: object }> }>
}

export interface Answer {
  readonly status: number
  readonly etag: string | null
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it, it states.
  readonly body: any
}

export interface RequestOptions {
  readonly as?: string | undefined
  readonly headers?: Record<string, string>
}

/** An API under test. Every response is held against the OpenAPI document that the API itself gives. */
export class ApiClient {
  readonly url: string
  readonly document: OpenApi
  readonly #ajv = new Ajv({ strict: false })

  private constructor(url: string, document: OpenApi) {
    this.url = url
    this.document = document
  }

  static async open(url: string): Promise<ApiClient> {
    const response = await fetch(`${url}/v1/openapi.json`)
    return new ApiClient(url, (await response.json()) as OpenApi)
  }

  /** `as` is a principal whose secret is its name and `-secret`; undefined sends no token. */
  async ask(
    method: string,
    path: string,
    body?: unknown,
    { as = 'root', headers = {} }: RequestOptions = {},
  ): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(as === '' ? {} : { authorization: `Bearer ${as}-secret` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    const answer: Answer = {
      ...{ status: response.status, etag: response.headers.get('etag'), headers: response.headers, text },
      body: isJson && text !== '' ? JSON.parse(text) : undefined,
    }
    this.#validate(method, path, answer)
    return answer
  }

  operations(): { path: string; method: string; operation: Operation }[] {
    return Object.entries(this.document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
    )
  }

  #validate(method: string, path: string, { status, body, headers, text }: Answer): void {
    const [plain] = path.split('?')
    const operation = this.operations().find(
      (each) => each.method === method && new RegExp(`^${each.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(plain!),
    )?.operation
    if (operation === undefined) {
      expect([401, 403, 404, 405, 429]).toContain(status)
      return
    }
    const response = operation.responses[status] ?? operation.responses[`${Math.floor(status / 100)}XX`]
    expect(response, `${method} ${path} has ${status} in its document`).toBeDefined()
    const type = (headers.get('content-type') ?? '').split(';')[0]!
    if (text === '') return
    const schema = response!.content?.[type]?.schema
    expect(schema, `${method} ${path} ${status} has ${type} in its document`).toBeDefined()
    if (body === undefined) return
    const validate = this.#ajv.compile(schema!)
    expect(validate(body) ? [] : validate.errors, `${method} ${path} ${status}`).toEqual([])
  }
}

/** A server and the API in this process, with `TOKENS`. */
export class ApiUnderTest implements AsyncDisposable {
  readonly dns: ContainerDns
  readonly api: RunningApi
  readonly client: ApiClient

  private constructor(dns: ContainerDns, api: RunningApi, client: ApiClient) {
    this.dns = dns
    this.api = api
    this.client = client
  }

  static async start(
    options: ContainerDnsOptions = {},
    api: Omit<StartApiOptions, 'server'> = {},
  ): Promise<ApiUnderTest> {
    const dns = await createContainerDns({
      ...{
        zones: ['example', 'team.example'],
        listen: { port: 0 },
        workers: 1,
        views: [{ name: 'office', clients: ['127.0.0.9'] }],
      },
      ...options,
    })
    try {
      const running = await startApi({ server: dns, tokens: TOKENS, listen: { port: 0 }, ...api })
      return new ApiUnderTest(dns, running, await ApiClient.open(running.url))
    } catch (error) {
      await dns.close()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api.close()
    await this.dns.close()
  }
}
