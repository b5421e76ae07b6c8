import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface NsdPlace {
  readonly port: number
  readonly folder: string
}

/** Writes NSD's configuration, for one server process on 127.0.0.1 without a rate limit; returns the arguments to run it with. */
export function writeNsdConfig({ port, folder }: NsdPlace, zones: readonly { name: string; file: string }[]): string[] {
  const config = join(folder, 'nsd.conf')
  const zoneLines = zones.map(({ name, file }) => `zone:\n  name: "${name}"\n  zonefile: "${file}"`)
  writeFileSync(
    config,
    `server:
  ip-address: 127.0.0.1@${port}
  server-count: 1
  rrl-ratelimit: 0
  minimal-responses: yes
  refuse-any: no
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
${zoneLines.join('\n')}
`,
  )
  return ['-d', '-c', config]
}
