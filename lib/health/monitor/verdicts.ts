import { parseStatus, type Status } from './status-value.js'

/** What one agent has said of an address, and where that stands. */
interface Verdict {
  readonly status: Status
  readonly reason: string
  readonly revision: number
}

/** A verdict that a decision rests on. */
export interface Voice {
  readonly agent: string
  readonly revision: number
}

export interface Decision {
  readonly status: Status
  readonly voices: readonly Voice[]
}

/**
 * What agents have said of addresses that several of them probe. An agent that finds nothing wrong with an address that is up says nothing;
 * silence is nobody's word that an address is alive.
 */
export class Verdicts {
  readonly #byAddress = new Map<string, Map<string, Verdict>>()

  /** Undefined: it has taken its word back, or is dead. */
  saw(address: string, agent: string, value: Buffer | undefined, revision: number): void {
    const verdict = value && verdictIn(value, revision)
    const verdicts = this.#byAddress.get(address) ?? new Map<string, Verdict>()
    if (verdict !== undefined) verdicts.set(agent, verdict)
    else verdicts.delete(agent)
    if (verdicts.size > 0) this.#byAddress.set(address, verdicts)
    else this.#byAddress.delete(address)
  }

  clear(): void {
    this.#byAddress.clear()
  }

  of(address: string, agent: string): Status | undefined {
    return this.#byAddress.get(address)?.get(agent)?.status
  }

  /** How many of an address' owners say that it is down. */
  downs(address: string, owners: readonly string[]): number {
    return this.#voices(address, owners, 'DOWN').length
  }

  /** Why those who call an address down do so. */
  reasons(address: string): string {
    const downs = [...(this.#byAddress.get(address) ?? [])].filter(([, { status }]) => status === 'DOWN')
    return downs.map(([agent, { reason }]) => `${agent}: ${reason === '' ? 'down' : reason}`).join('; ')
  }

  /**
   * Down is what `down` of the owners call down, and up what so many call up that those who are silent could not make it down. In between
   * nothing is decided, and all stays as it is.
   */
  decide(address: string, owners: readonly string[], down: number): Decision | undefined {
    const downs = this.#voices(address, owners, 'DOWN')
    if (downs.length >= down) return { status: 'DOWN', voices: downs.slice(0, down) }
    const ups = this.#voices(address, owners, 'UP')
    const enough = Math.max(1, owners.length - down + 1)
    return ups.length >= enough ? { status: 'UP', voices: ups.slice(0, enough) } : undefined
  }

  #voices(address: string, owners: readonly string[], status: Status): Voice[] {
    const verdicts = this.#byAddress.get(address)
    if (verdicts === undefined) return []
    return owners.flatMap((agent) => {
      const verdict = verdicts.get(agent)
      return verdict?.status === status ? [{ agent, revision: verdict.revision }] : []
    })
  }
}

function verdictIn(value: Buffer, revision: number): Verdict | undefined {
  const fields = parseStatus(value)
  const status = fields?.['status']
  if (status !== 'UP' && status !== 'DOWN') return undefined
  const reason = fields!['reason']
  return { status, reason: typeof reason === 'string' ? reason : '', revision }
}
