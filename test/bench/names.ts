// The records that every server is given: host-0 to host-(n-1), one address each.

export const ZONE = 'bench.example'
/** What no server has, and forwarders ask for elsewhere. As long as the other one. */
export const FOREIGN_ZONE = 'other.example'
export const TTL_SECONDS = 30

export function hostName(host: number, zone = ZONE): string {
  return `host-${host}.${zone}`
}

/** A different one for each host, up to 16 million of them. */
export function hostAddress(host: number): string {
  return `10.${(host >>> 16) & 0xff}.${(host >>> 8) & 0xff}.${host & 0xff}`
}

/** The records as the text of a zone, for servers that read those. */
export function zoneFile(names: number): string {
  const lines = [
    `$ORIGIN ${ZONE}.`,
    `$TTL ${TTL_SECONDS}`,
    `@ SOA ns.dns.${ZONE}. hostmaster.${ZONE}. 1 7200 1800 86400 30`,
    `@ NS ns.dns.${ZONE}.`,
    'ns.dns A 127.0.0.1',
  ]
  for (let host = 0; host < names; host++) lines.push(`host-${host} A ${hostAddress(host)}`)
  return `${lines.join('\n')}\n`
}
