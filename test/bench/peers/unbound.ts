import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hostAddress, hostName, TTL_SECONDS, ZONE } from '../names.js'
import type { Peer } from './peer.js'

/** A resolver, with the hosts as local data: nothing is ever asked of others. */
export const unbound: Peer = {
  name: 'Unbound',
  program: 'unbound',
  prepare({ folder, port, names }) {
    const records = Array.from(
      { length: names },
      (_, host) => `  local-data: "${hostName(host)}. ${TTL_SECONDS} IN A ${hostAddress(host)}"`,
    )
    writeFileSync(
      join(folder, 'unbound.conf'),
      `server:
  interface: 127.0.0.1@${port}
  num-threads: 1
  do-daemonize: no
  use-syslog: no
  verbosity: 0
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: "${folder}/unbound.pid"
  module-config: "iterator"
  minimal-responses: yes
  local-zone: "${ZONE}." static
${records.join('\n')}
remote-control:
  control-enable: no
`,
    )
    return ['-d', '-c', join(folder, 'unbound.conf')]
  },
}
