import type { Audit } from './audit.js'
import { kdnsRoutes } from './kdns.js'
import { originRecordRoutes } from './origin-records.js'
import { originStatsRoutes } from './origin-stats.js'
import { RecordEdits } from './record-edits.js'
import { METHODS, type Method, type Route } from './route.js'
import { uiRoutes } from './ui-files.js'
import { bulkRoutes } from './v1-bulk.js'
import { principalRoute } from './v1-principal.js'
import { noSuch, recordRoutes } from './v1-records.js'
import { type ReloadFunction, reloadRoute } from './v1-reload.js'
import { type ServerRoutesOptions, serverRoutes } from './v1-server.js'

export interface RoutesOptions extends ServerRoutesOptions {
  readonly audit: Audit
  readonly bulkLimit: number
  /** Whether the page is served. */
  readonly ui: boolean
  readonly reload: ReloadFunction | undefined
}

/** Every route of the API. */
export function allRoutes(options: RoutesOptions): Route[] {
  const { source, audit, bulkLimit } = options
  const edits = new RecordEdits(source, audit)
  return [
    ...recordRoutes(source, edits),
    ...bulkRoutes(edits, bulkLimit),
    principalRoute(),
    ...serverRoutes(options),
    reloadRoute(options.reload, audit),
    ...(options.ui ? uiRoutes() : []),
    ...originRecordRoutes(source, edits),
    ...originStatsRoutes(source, audit),
    ...kdnsRoutes(source, edits, audit, bulkLimit),
  ]
}

/** The methods that a path has not: they are refused with a token, too, and say which there are. */
export function otherMethods(routes: readonly Route[]): { path: string; methods: Method[]; allowed: string }[] {
  const byPath = new Map<string, Set<Method>>()
  for (const { path, method } of routes) byPath.set(path, (byPath.get(path) ?? new Set()).add(method))
  return Array.from(byPath, ([path, has]) => ({
    path,
    methods: METHODS.filter((method) => !has.has(method)),
    allowed: [...has].join(', '),
  }))
}

/** Throws CDNS_NOT_FOUND. */
export function noSuchMethod(method: string, path: string): never {
  throw noSuch(`${path} has no ${method}`)
}
