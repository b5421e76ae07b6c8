import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ZONE, zoneFile } from '../names.js'
import type { Peer, PeerPlace } from './peer.js'

/** One UDP worker; no rate limit unless its module is loaded. */
export const knot: Peer = knotWith('Knot', ({ host = '127.0.0.1', port }) => `server:\n  listen: ${host}@${port}`)

/** The same over AF_XDP, with one worker as the interface has one queue; the socket that it needs for the rest is on loopback. */
export function knotOverXdp(name: string, interfaceName: string): Peer {
  const listeners = ({ port }: PeerPlace) =>
    `xdp:\n  listen: ${interfaceName}@${port}\nserver:\n  listen: 127.0.0.1@${port}`
  return knotWith(name, listeners)
}

function knotWith(name: string, listeners: (place: PeerPlace) => string): Peer {
  return {
    name,
    program: 'knotd',
    prepare(place) {
      const { folder, names } = place
      writeFileSync(join(folder, 'zone'), zoneFile(names))
      writeFileSync(
        join(folder, 'knot.conf'),
        `${listeners(place)}
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
}
