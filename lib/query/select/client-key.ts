import { hashClient } from '../../clients/client-address.js'
import type { Affinity } from '../../records/selection-options.js'

/** The same everywhere and always: all threads, nodes and restarts must pick the same backend for a client. */
const SEED = 0x5e1ec7

/** As for response rate limits: a host changes its address within these. */
const SUBNET_IPV4_PREFIX = 24
const SUBNET_IPV6_PREFIX = 56

/**
 * What `clientHash` knows a client by; its address stands at `at`.
 *
 * For `ecs` pass the address that a trusted source has sent, zeros behind its prefix; where there is none, the client's own.
 */
export function clientKey(affinity: Affinity, words: Int32Array, at: number): number {
  if (affinity === 'subnet') return hashClient(words, at, SUBNET_IPV4_PREFIX, SUBNET_IPV6_PREFIX, SEED)
  return hashClient(words, at, 32, 128, SEED)
}
