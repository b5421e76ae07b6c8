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

/** Who probes: the scheduler's word. */
export interface Assignment {
  readonly agents: readonly string[]
  readonly quorum: Quorum
  /** At which it was written; 0: there is none. */
  readonly revision: number
}

export const NO_ASSIGNMENT: Assignment = Object.freeze({ agents: [], quorum: NO_QUORUM, revision: 0 })

/** What makes no sense is read as if it were not there: it comes from etcd, where anybody may write. */
export function parseAssignment(value: Buffer | undefined, revision: number): Assignment {
  const fields = value && parseStatus(value)
  if (fields === undefined) return NO_ASSIGNMENT
  const agents = fields['agents']
  return {
    agents: Array.isArray(agents) ? agents.filter((agent) => typeof agent === 'string') : [],
    quorum: isQuorum(fields['quorum']) ? fields['quorum'] : NO_QUORUM,
    revision,
  }
}

export function assignmentText(agents: readonly string[], quorum: Quorum): string {
  return JSON.stringify(quorum.agents === 1 ? { agents } : { agents, quorum })
}

function isQuorum(given: unknown): given is Quorum {
  if (typeof given !== 'object' || given === null) return false
  const { agents, down } = given as { agents?: unknown; down?: unknown }
  const isCount = (each: unknown): each is number => Number.isInteger(each) && (each as number) >= 1
  return isCount(agents) && isCount(down) && down <= agents && agents <= MAX_QUORUM
}
