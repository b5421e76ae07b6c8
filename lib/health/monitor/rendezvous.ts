import { createHash } from 'node:crypto'

/**
 * Which of the agents an address belongs to (rendezvous hashing): the one whose name makes the largest hash with it. When one of n comes or goes, 1/n of the
 * addresses move, and no others; everybody who knows the names comes to the same result. Undefined without agents.
 */
export function ownerOf(address: string, agents: readonly string[]): string | undefined {
  let owner: string | undefined
  let highest = -1
  for (const agent of agents) {
    const score = scoreOf(agent, address)
    if (score < highest || (score === highest && owner! < agent)) continue
    owner = agent
    highest = score
  }
  return owner
}

/** Cryptographic for its evenness; 48 bits of it fit a number. */
function scoreOf(agent: string, address: string): number {
  return createHash('md5').update(`${agent}\0${address}`).digest().readUIntBE(0, 6)
}
