import type { Health } from '../health/health.js'
import type { TopName } from '../metrics/measurements.js'
import type { Records } from '../publish/records.js'
import type { RecordStore } from '../store/record-store.js'

/** What the API works on: a server, or a store without one. */
export interface Source {
  readonly zones: readonly string[]
  readonly views: readonly string[]
  /** The networks of each view but the default one. */
  readonly viewClients: ReadonlyMap<string, readonly string[]>
  readonly store: RecordStore
  readonly records: Records
  readonly health: Health
  readonly ready: boolean
  /** The rest is a DNS server's. */
  stats?(): object
  readonly cache?: { flush(name?: string): Promise<number> }
  topNames?(count?: number): readonly TopName[]
  nameQueries?(name: string): TopName | undefined
}
