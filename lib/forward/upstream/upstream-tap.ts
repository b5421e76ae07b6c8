import type { UpstreamAddress } from '../upstream-address.js'

/** Whoever is shown what upstreams are asked, and what they answer. Throws nothing, and waits for nobody. */
export interface UpstreamTap {
  /** Whether it wants to be shown the query that is sent next, and what is answered to it. */
  takes(): boolean
  sent(upstream: UpstreamAddress, isOverStream: boolean, bytes: Uint8Array, length: number): void
  /** A message that belongs to a query that was sent at `sentMs`, as `performance.now()` has it; whether it is a good one is not known yet. */
  received(upstream: UpstreamAddress, isOverStream: boolean, sentMs: number, bytes: Uint8Array, length: number): void
}
