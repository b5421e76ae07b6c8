import type { Audit } from './audit.js'
import { ok, type Route } from './route.js'
import { listOf, objectOf, PROBLEMS } from './schemas.js'
import { notHere, whoAndWhen } from './v1-server.js'

/** What a reload has done. */
export interface ReloadReport {
  /** What says something else than before: keys of a config, or options. */
  readonly changed: readonly string[]
  /** Files of records that were read again. */
  readonly files?: readonly string[]
}

/** Reads again what the server runs by: all of it or nothing. What it rejects with goes to whoever has asked, if it is a ContainerDnsError. */
export type ReloadFunction = () => Promise<ReloadReport>

const TEXTS = listOf({ type: 'string' })

/** `POST /v1/reload`. */
export function reloadRoute(reload: ReloadFunction | undefined, audit: Audit): Route {
  return {
    ...{ method: 'POST', path: '/v1/reload', access: 'admin' },
    schema: {
      ...{ summary: 'Reads the config and the files of records again, as SIGHUP does', tags: ['server'] },
      description:
        'All or nothing. 409 says in `needsRestart` what takes a restart; 422 has the `file` and the `line` of the first fault, and all in `faults`. Without a config: 501.',
      response: { 200: objectOf({ changed: TEXTS, files: TEXTS }, ['changed']), ...PROBLEMS },
    },
    handle: async (call) => {
      if (reload === undefined) throw notHere('config to read again')
      const { changed, files } = await reload()
      audit.record({ ...whoAndWhen(call), action: 'reload', after: changed.join(', ') })
      return ok({ changed, ...(files === undefined ? {} : { files }) })
    },
  }
}
