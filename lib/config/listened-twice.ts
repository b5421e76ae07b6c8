import { ContainerDnsError, type DetailedError } from '../errors.js'
import type { ContainerDnsOptions } from '../options.js'
import type { ListenAddress } from '../transport/open-sockets.js'
import { parseListen } from '../transport/options.js'
import type { ConfigDraft } from './config-draft.js'
import type { ConfigSource } from './config-fault.js'

/** The entries of `listen` that want a socket which an entry before them has; the system would refuse it, and name only one of them. */
export function listenedTwice(
  { listen }: ContainerDnsOptions,
  draft: ConfigDraft,
  source: ConfigSource,
): readonly DetailedError[] {
  if (!Array.isArray(listen)) return []
  const faults: DetailedError[] = []
  // What stands in for something wrong is nobody's wish.
  const entries = parseListen(listen).map((address, i) => ({ address, place: draft.placeOf(['listen', i]) }))
  const said = entries.filter(({ place }) => !draft.isChanged(place))
  for (const [i, { address, place }] of said.entries()) {
    const before = said.slice(0, i).find((each) => isSameSocket(each.address, address))
    if (before === undefined) continue
    const { host, port, protocols } = address
    const where = `${host}, port ${port}, ${protocols.join(' and ')}`
    const message = `listen[${place[1]}] is where listen[${before.place[1]}] is: ${where}`
    faults.push(source.fault(place, message, new ContainerDnsError('CDNS_OPTION_INVALID', message)))
  }
  return faults
}

function isSameSocket(one: ListenAddress, other: ListenAddress): boolean {
  // 0 is another port each time; those that share want to be there together.
  if (one.port === 0 || one.port !== other.port || (one.share && other.share)) return false
  return canonical(one.host) === canonical(other.host) && one.protocols.some((each) => uses(other, each))
}

/** All but `udp` are TCP to the system. */
function uses({ protocols }: ListenAddress, protocol: string): boolean {
  return protocols.some((each) => (each === 'udp') === (protocol === 'udp'))
}

/** `::1` has other spellings. */
function canonical(host: string): string {
  return host.includes(':') ? new URL(`http://[${host}]`).hostname : host
}
