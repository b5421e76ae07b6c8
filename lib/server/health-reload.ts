import { isDeepStrictEqual } from 'node:util'
import { ServerAlerts } from '../health/alerts/server-alerts.js'
import type { ServerProbes } from '../server-probes.js'
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

/** Other probes, or none: they serve before anything changes, and know what those before them have said. */
export function probes(parts: ServerParts): ReloadablePart {
  return {
    async prepare({ before, next, onFailure }) {
      if (isDeepStrictEqual(before.health.probes, next.health.probes)) return () => {}
      const probes = parts.createProbes(next)
      onFailure(async () => probes?.close())
      await probes?.start()
      return () => useProbes(parts, probes)
    },
  }
}

/** What was said of addresses stays until the others know better, or do not probe them. */
async function useProbes(parts: ServerParts, probes: ServerProbes | undefined): Promise<void> {
  const before = parts.probes
  parts.probes = probes
  parts.publisher.setFollower(probes?.follower)
  if (before !== undefined) {
    if (probes === undefined) before.withdraw()
    else probes.inherit(before)
    await before.close()
  }
  await parts.publisher.follow()
  probes?.dropOrphans()
}
