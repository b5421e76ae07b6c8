/** What the API refuses, or that it does not answer: then `status` is 0. */
export class ApiProblem extends Error {
  readonly status: number

  constructor(status: number, detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.name = 'ApiProblem'
    this.status = status
  }
}

export interface Answer<T> {
  readonly body: T
  readonly etag: string | undefined
}

export interface AskOptions {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** The API that the page came from, asked with one token, or with none. `onUnauthenticated` hears why a token is not taken. */
export class ApiClient {
  readonly #token: string | undefined
  readonly #onUnauthenticated: (reason?: string) => void

  constructor(token: string | undefined, onUnauthenticated: (reason?: string) => void) {
    this.#token = token
    this.#onUnauthenticated = onUnauthenticated
  }

  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return (await this.ask<T>(path, signal === undefined ? {} : { signal })).body
  }

  /** `path` as in `v1/zones`: the API may be below a prefix. Rejects with an ApiProblem, and with the reason of the signal. */
  async ask<T>(path: string, { method = 'GET', body, headers = {}, signal }: AskOptions = {}): Promise<Answer<T>> {
    const response = await fetch(new URL(`../${path}`, document.baseURI), {
      method,
      // A response that somebody kept is no news, and cookies are nobody's here.
      ...{ cache: 'no-store', credentials: 'omit', signal: signal ?? null },
      headers: {
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      if (signal?.aborted) throw cause
      throw new ApiProblem(0, 'the server does not answer', { cause })
    })
    if (!response.ok) {
      const problem = await problemIn(response)
      // Whoever has sent no token has done nothing wrong yet.
      if (problem.status === 401) this.#onUnauthenticated(this.#token === undefined ? undefined : problem.message)
      throw problem
    }
    const text = await response.text()
    return { body: (text === '' ? undefined : JSON.parse(text)) as T, etag: response.headers.get('etag') ?? undefined }
  }
}

async function problemIn(response: Response): Promise<ApiProblem> {
  const body = (await response.json().catch(() => ({}))) as { detail?: unknown }
  const detail = typeof body.detail === 'string' ? body.detail : `the server answers with status ${response.status}`
  return new ApiProblem(response.status, detail)
}

/** What went wrong, in words for a person. */
export function wordsFor(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
