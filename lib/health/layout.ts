import { mixWord } from '../clients/client-address.js'
import { hashEnd } from '../wire/name.js'

// What readers and the writer of the health table agree on: the key is an address, four or sixteen bytes; the payload is one word,
// its state, changed in place and only through Atomics. An address that is not there is `unknown`.
//
// Control words: | magic | addresses that are unhealthy |

export type HealthState = 'healthy' | 'unhealthy' | 'unknown'

export const HEALTH_STATES: readonly HealthState[] = ['unknown', 'healthy', 'unhealthy']
export const STATE_UNKNOWN = HEALTH_STATES.indexOf('unknown')
export const STATE_UNHEALTHY = HEALTH_STATES.indexOf('unhealthy')

export const HEALTH_MAGIC = 0x43444e48
export const CONTROL_MAGIC = 0
export const CONTROL_UNHEALTHY = CONTROL_MAGIC + 1
export const CONTROL_WORDS = CONTROL_UNHEALTHY + 1
export const PAYLOAD_BYTES = 4

/** The hash of an address of four or sixteen bytes, as rdata holds it. */
export function hashAddress(seed: number, bytes: Uint8Array, start: number, length: number): number {
  let hash = seed
  for (let at = start; at < start + length; at += 4) {
    hash = mixWord(hash, bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
  }
  return hashEnd(hash ^ length)
}
