import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { ContainerDnsError } from '../errors.js'

export type HostInterfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

/**
 * The host's network interfaces by name. The system needs a descriptor for the list, so a host that has none left is refused it.
 *
 * @throws ContainerDnsError `CDNS_SOCKET_FAILED`
 */
export function hostInterfaces(): HostInterfaces {
  try {
    return networkInterfaces()
  } catch (cause) {
    throw new ContainerDnsError('CDNS_SOCKET_FAILED', "the system does not list this host's interfaces", { cause })
  }
}
