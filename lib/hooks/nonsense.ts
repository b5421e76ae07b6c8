import { ContainerDnsError } from '../errors.js'

/** What a hook has returned makes no sense. */
export function nonsense(message: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_HOOK_INVALID', message)
}
