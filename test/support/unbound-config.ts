import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface UnboundPlace {
  readonly port: number
  readonly folder: string
}

/** Writes Unbound's configuration, for one thread on 127.0.0.1 without validation; returns the arguments to run it with. */
export function writeUnboundConfig(
  { port, folder }: UnboundPlace,
  { server, clauses = [] }: { readonly server: readonly string[]; readonly clauses?: readonly string[] },
): string[] {
  const config = join(folder, 'unbound.conf')
  const lines = server.map((line) => `  ${line}`)
  writeFileSync(
    config,
    `server:
  interface: 127.0.0.1@${port}
  num-threads: 1
  do-daemonize: no
  use-syslog: no
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: "${folder}/unbound.pid"
  module-config: "iterator"
  minimal-responses: yes
${lines.join('\n')}
remote-control:
  control-enable: no
${clauses.join('\n')}
`,
  )
  return ['-d', '-c', config]
}
