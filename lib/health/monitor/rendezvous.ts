import { hashEnd, hashStep } from '../../wire/name.js'

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

/** Whether an agent is among these: as `ownersOf`, without a list for each address. */
export function isOwner(name: string, address: string, agents: readonly string[], count = 1): boolean {
  if (!agents.includes(name)) return false
  const own = scoreOf(name, address)
  let better = 0
  for (const agent of agents) {
    const score = scoreOf(agent, address)
    if ((score > own || (score === own && agent < name)) && ++better === count) return false
  }
  return true
}

const SEED = 0x811c9dc5
/** Tells the second half of a score from the first. */
const OTHER_HALF = 0x01000193
const SEPARATOR = 0xffff
const TWO_TO_21 = 2 ** 21

/**
 * 53 bits, which a number holds. Even, and a hundredth of the time that a cryptographic hash takes: it is worked out for each pair of
 * 100 000 addresses and dozens of agents whenever one of these comes or goes. Agents of different versions must agree on it.
 */
function scoreOf(agent: string, address: string): number {
  const hash = hashOn(hashOn(SEED, agent), address)
  return (hashEnd(hash) >>> 0) * TWO_TO_21 + (hashEnd(hash ^ OTHER_HALF ^ hashOn(hash, agent)) >>> 11)
}

function hashOn(start: number, text: string): number {
  let hash = hashStep(start, SEPARATOR)
  for (let i = 0; i < text.length; i++) hash = hashStep(hash, text.charCodeAt(i))
  return hash
}
