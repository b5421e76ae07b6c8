import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeNsdConfig } from '../../support/nsd-config.js'
import { ZONE, zoneFile } from '../names.js'
import type { Peer } from './peer.js'

/** One server process, no rate limit. It has a second process for transfers, which stays idle. */
export const nsd: Peer = {
  name: 'NSD',
  program: 'nsd',
  prepare({ folder, port, names }) {
    writeFileSync(join(folder, 'zone'), zoneFile(names))
    return writeNsdConfig({ folder, port }, [{ name: ZONE, file: 'zone' }])
  },
}
