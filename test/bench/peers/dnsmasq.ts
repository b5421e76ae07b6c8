import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hostAddress, hostName, TTL_SECONDS, ZONE } from '../names.js'
import type { Peer } from './peer.js'

/** A forwarder, with the hosts in a file: nothing is ever forwarded. It has one thread. */
export const dnsmasq: Peer = {
  name: 'dnsmasq',
  program: 'dnsmasq',
  prepare({ folder, port, names }) {
    const hosts = join(folder, 'hosts')
    writeFileSync(
      hosts,
      Array.from({ length: names }, (_, host) => `${hostAddress(host)} ${hostName(host)}\n`).join(''),
    )
    return [
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      `--port=${port}`,
      '--listen-address=127.0.0.1',
      '--bind-interfaces',
      '--no-resolv',
      '--no-hosts',
      `--addn-hosts=${hosts}`,
      `--local=/${ZONE}/`,
      `--local-ttl=${TTL_SECONDS}`,
      '--user=root',
      '--pid-file=',
    ]
  },
}
