import { isAgentName } from './monitor-keys.js'
import { parseStatus } from './status-value.js'

/** Of the agents that an address belongs to, how many must find it down before it is. */
export interface Quorum {
  /** How many agents probe each address. */
  readonly agents: number
  /** How many of them must say so. */
  readonly down: number
}

/** Each probes alone, and its word counts. */
export const NO_QUORUM: Quorum = Object.freeze({ agents: 1, down: 1 })
/** Each is one more probe of each address. */
export const MAX_QUORUM = 16

/** Agents that share the addresses: with more, it would take long to work out whose each is. Others wait until there is room. */
export const MAX_AGENTS = 250

/** Who probes: the scheduler's word. */
export interface Assignment {
  readonly agents: readonly string[]
  readonly quorum: Quorum
  /** At which its writer had become the leader; 0: nobody knows. */
  readonly term: number
  /** At which it was written; 0: there is none. */
  readonly revision: number
}

export const NO_ASSIGNMENT: Assignment = Object.freeze({ agents: [], quorum: NO_QUORUM, term: 0, revision: 0 })

/** What makes no sense is read as if it were not there: it comes from etcd, where anybody may write. */
export function parseAssignment(value: Buffer | undefined, revision: number): Assignment {
  const fields = value && parseStatus(value)
  if (fields === undefined) return NO_ASSIGNMENT
  const { agents, quorum, term } = fields
  const isAgent = (agent: unknown): agent is string => typeof agent === 'string' && isAgentName(agent)
  return {
    agents: Array.isArray(agents) ? [...new Set(agents.slice(0, MAX_AGENTS).filter(isAgent))] : [],
    quorum: isQuorum(quorum) ? quorum : NO_QUORUM,
    term: Number.isSafeInteger(term) && (term as number) > 0 ? (term as number) : 0,
    revision,
  }
}

/** `term` tells whoever looks later that its writer led when it was written. */
export function assignmentText(agents: readonly string[], quorum: Quorum, term: number): string {
  return JSON.stringify(quorum.agents === 1 ? { agents, term } : { agents, quorum, term })
}

/** Whether it says the same of who probes, whoever has written it. */
export function isSameAssignment(assignment: Assignment, agents: readonly string[], quorum: Quorum): boolean {
  const { agents: before, quorum: quorumBefore, revision } = assignment
  const isSameQuorum = quorumBefore.agents === quorum.agents && quorumBefore.down === quorum.down
  return (
    revision !== 0 && isSameQuorum && before.length === agents.length && before.every((each, i) => each === agents[i])
  )
}

function isQuorum(given: unknown): given is Quorum {
  if (typeof given !== 'object' || given === null) return false
  const { agents, down } = given as { agents?: unknown; down?: unknown }
  const isCount = (each: unknown): each is number => Number.isInteger(each) && (each as number) >= 1
  return isCount(agents) && isCount(down) && down <= agents && agents <= MAX_QUORUM
}
