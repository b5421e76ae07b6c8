import type { Verb } from './access.js'
import type { Caller } from './record-edits.js'

// Routes are data: the plugin registers them, the OpenAPI document is made from them, and a test goes through all of them
// with tokens that are not enough.

export const METHODS = ['GET', 'PUT', 'PATCH', 'POST', 'DELETE'] as const
export type Method = (typeof METHODS)[number]

export type JsonSchema = { readonly [keyword: string]: unknown }

/** A request that has passed authentication and its schema. */
export interface Call extends Caller {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, unknown>>
  /** undefined without one. */
  readonly body: unknown
  /** A header by its name in lower case. */
  header(name: string): string | undefined
}

export interface Reply {
  readonly status: number
  /** Text and octets are sent as they are, undefined as nothing, all else as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface RouteSchema {
  readonly summary: string
  readonly description?: string
  readonly tags: readonly string[]
  readonly params?: JsonSchema
  readonly querystring?: JsonSchema
  readonly body?: JsonSchema
  /** By status: a schema, or the content by type. */
  readonly response: Readonly<Record<string, JsonSchema>>
}

export interface Route {
  readonly method: Method
  /** With parameters as `:name`. */
  readonly path: string
  /** What a token must be for; `open` needs none, `any` needs one for whatever, `admin` an admin's. */
  readonly access: Verb | 'open' | 'any' | 'admin'
  /** How errors look: as RFC 9457 has it, or the texts of ContainerDNS and KDNS. Default: the first. */
  readonly errors?: 'problem' | 'origin'
  readonly schema: RouteSchema
  handle(call: Call): Reply | Promise<Reply>
}

export function ok(body: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status: 200, body, headers }
}
