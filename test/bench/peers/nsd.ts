import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ZONE, zoneFile } from '../names.js'
import type { Peer } from './peer.js'

/** One server process, no rate limit. It has a second process for transfers, which stays idle. */
export const nsd: Peer = {
  name: 'NSD',
  program: 'nsd',
  prepare({ folder, port, names }) {
    writeFileSync(join(folder, 'zone'), zoneFile(names))
    writeFileSync(
      join(folder, 'nsd.conf'),
      `server:
  ip-address: 127.0.0.1@${port}
  server-count: 1
  rrl-ratelimit: 0
  minimal-responses: yes
  username: ""
  chroot: ""
  database: ""
  zonesdir: "${folder}"
  pidfile: "${folder}/nsd.pid"
  zonelistfile: "${folder}/zone.list"
  xfrdfile: "${folder}/xfrd.state"
  xfrdir: "${folder}"
remote-control:
  control-enable: no
zone:
  name: ${ZONE}
  zonefile: zone
`,
    )
    return ['-d', '-c', join(folder, 'nsd.conf')]
  },
}
