import { writeUnboundConfig } from '../../support/unbound-config.js'
import { hostAddress, hostName, TTL_SECONDS, ZONE } from '../names.js'
import type { Peer } from './peer.js'

/** A resolver, with the hosts as local data: nothing is ever asked of others. */
export const unbound: Peer = {
  name: 'Unbound',
  program: 'unbound',
  prepare({ folder, port, names }) {
    const records = Array.from(
      { length: names },
      (_, host) => `local-data: "${hostName(host)}. ${TTL_SECONDS} IN A ${hostAddress(host)}"`,
    )
    return writeUnboundConfig(
      { folder, port },
      { server: ['verbosity: 0', `local-zone: "${ZONE}." static`, ...records] },
    )
  },
}
