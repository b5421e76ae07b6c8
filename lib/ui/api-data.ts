import type { Stats } from '../container-dns.js'
import type { TopName } from '../metrics/measurements.js'

// What the API gives, as the page reads it.

/** Without a server in the API's process there is its store, and nothing else. */
export type PageStats = Pick<Stats, 'ready' | 'store'> & Partial<Stats>

export interface Principal {
  /** Left out: there are no tokens. */
  readonly name?: string
  readonly admin: boolean
  readonly verbs: readonly string[]
}

export interface RRset {
  readonly name: string
  readonly type: string
  readonly ttl?: number
  readonly data: readonly unknown[]
  readonly view?: string
  readonly selection?: object
  readonly fallback?: readonly unknown[]
  readonly owner?: string
}

export interface Backend {
  readonly address: string
  readonly state: 'healthy' | 'unhealthy' | 'unknown'
}

export interface BackendChange {
  readonly at: string
  readonly state: Backend['state']
  readonly previous: Backend['state']
  readonly source: 'program' | 'store' | 'probe'
  readonly reason?: string
}

/** Times are text in JSON. */
export type TopNameRow = Pick<TopName, 'name' | 'queries'> & { readonly firstSeen: string; readonly lastSeen: string }
