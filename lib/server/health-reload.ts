import { isDeepStrictEqual } from 'node:util'
import { ServerAlerts } from '../health/alerts/server-alerts.js'
import type { ServerParts } from './server-parts.js'
import type { ReloadablePart } from './server-reload.js'

/** Other people to tell, or in another way; who was told of what is remembered. */
export function alerts(parts: ServerParts): ReloadablePart {
  return {
    prepare: ({ before, next }) => {
      const { alerts } = next.health
      return async () => {
        if (isDeepStrictEqual(before.health.alerts, alerts)) return
        const { alerts: running } = parts
        if (alerts !== undefined && running !== undefined) running.use(alerts)
        else parts.alerts = alerts && new ServerAlerts(alerts, next.logger, parts.clock)
        if (alerts === undefined) await running?.close()
      }
    },
  }
}
