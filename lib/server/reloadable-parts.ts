import type { PostedPolicy } from '../cluster/answering.js'
import { RecordsReload } from './records-reload.js'
import type { ServerParts } from './server-parts.js'
import type { ReloadablePart } from './server-reload.js'

/**
 * Whatever takes other options while a server runs. A new one goes before the records: those are in the store when they are ready, and
 * nothing takes them out again when a part after them fails.
 */
export function reloadableParts(parts: ServerParts): readonly ReloadablePart[] {
  return [certificates(parts), new RecordsReload(parts), answers(parts)]
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

/** How queries are answered: last, since it is what the threads are told. */
function answers({ policies, queries, sockets, supervisor }: ServerParts): ReloadablePart {
  return {
    prepare({ next }) {
      const policy = policies.create(next)
      return () => {
        policies.use(policy, next)
        queries.use(policy)
        return supervisor.postPolicy({ policy, services: sockets.services } satisfies PostedPolicy)
      }
    },
  }
}
