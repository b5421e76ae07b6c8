import type { PostedPolicy } from '../cluster/answering.js'
import { alerts, probes } from './health-reload.js'
import { RecordsReload } from './records-reload.js'
import type { ServerParts } from './server-parts.js'
import type { ReloadablePart } from './server-reload.js'

/**
 * Whatever takes other options while a server runs. A new one goes before the records: those are in the store when they are ready, and
 * nothing takes them out again when a part after them fails.
 */
export function reloadableParts(parts: ServerParts): readonly ReloadablePart[] {
  return [certificates(parts), upstreams(parts), alerts(parts), probes(parts), new RecordsReload(parts), answers(parts)]
}

/** Posted to the threads with the policy. */
function certificates({ sockets }: ServerParts): ReloadablePart {
  return {
    async prepare({ next }) {
      const services = await sockets.readServices(next.listen)
      return () => sockets.setServices(services)
    },
  }
}

/** Told to the threads with the policy; what can be wrong about them is found out before. */
function upstreams({ forwarding }: ServerParts): ReloadablePart {
  return {
    prepare({ next }) {
      if (next.forward !== undefined) forwarding?.refuseOwn(next.forward)
      return () => {}
    },
  }
}

/** How queries are answered: last, since it is what the threads are told. */
function answers({ forwarding, policies, queries, sockets, supervisor }: ServerParts): ReloadablePart {
  return {
    prepare({ next }) {
      const policy = policies.create(next)
      return async () => {
        policies.use(policy, next)
        queries.use(policy)
        const posted = { policy, services: sockets.services } satisfies PostedPolicy
        if (forwarding === undefined || next.forward === undefined) return supervisor.postPolicy(posted)
        const told = { ...posted, forwarding: forwarding.use(next.forward) } satisfies PostedPolicy
        // What is handed over has to be forwarded by the same options.
        await supervisor.postPolicy(told, forwarding.thread)
        queries.useForwarding(forwarding.hostPolicy)
      }
    },
  }
}
