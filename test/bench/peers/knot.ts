import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ZONE, zoneFile } from '../names.js'
import type { Peer } from './peer.js'

/** One UDP worker; no rate limit unless its module is loaded. */
export const knot: Peer = {
  name: 'Knot',
  program: 'knotd',
  prepare({ folder, port, names }) {
    writeFileSync(join(folder, 'zone'), zoneFile(names))
    writeFileSync(
      join(folder, 'knot.conf'),
      `server:
  listen: 127.0.0.1@${port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  rundir: "${folder}"
database:
  storage: "${folder}"
log:
  - target: stderr
    any: warning
zone:
  - domain: ${ZONE}
    storage: "${folder}"
    file: zone
    zonefile-sync: -1
    journal-content: none
`,
    )
    return ['-c', join(folder, 'knot.conf')]
  },
}
