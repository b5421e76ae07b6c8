import { createHash } from 'node:crypto'

/**
 * Which agents an address belongs to (rendezvous hashing): those whose names make the largest hashes with it, the largest first. When one of n agents comes or
 * goes, it alone takes or leaves its places, 1/n of all there are; everybody who knows the names comes to the same result.
 */
export function ownersOf(address: string, agents: readonly string[], count = 1): string[] {
  return agents
    .map((agent) => ({ agent, score: scoreOf(agent, address) }))
    .sort((a, b) => b.score - a.score || (a.agent < b.agent ? -1 : 1))
    .slice(0, count)
    .map(({ agent }) => agent)
}

/** Cryptographic for its evenness; 48 bits of it fit a number. */
function scoreOf(agent: string, address: string): number {
  return createHash('md5').update(`${agent}\0${address}`).digest().readUIntBE(0, 6)
}
