import type { Logger } from '../../log.js'
import type { Compare } from '../../store/etcd/messages.js'
import type { HealthState } from '../layout.js'
import type { Assignment } from './assignment.js'
import type { MonitorKeys } from './monitor-keys.js'
import type { MonitorSession } from './monitor-session.js'
import { ownersOf } from './rendezvous.js'
import type { Status } from './status-value.js'
import type { StatusWriter } from './status-writer.js'
import { VerdictWriter } from './verdict-writer.js'
import { type Decision, Verdicts } from './verdicts.js'

export interface VotingOptions {
  readonly session: Pick<MonitorSession, 'lease' | 'transact'>
  readonly keys: MonitorKeys
  /** Ours. */
  readonly name: string
  readonly logger: Logger
  readonly writer: StatusWriter
  readonly assignment: () => Assignment
  /** That our own key is there still; undefined while it is not. */
  readonly conditions: () => readonly Compare[] | undefined
}

/**
 * The part of a scanner where several probe each address. Each writes what it finds to a key of its own, where all see it; the first of an address'
 * owners counts, and writes the status. That is written on the condition that the verdicts it rests on are still there as they were counted,
 * so that no address is down on the word of fewer than it takes.
 */
export class Voting {
  readonly #options: VotingOptions
  readonly #verdicts = new Verdicts()
  readonly #own: VerdictWriter
  /** What we find of the addresses that we probe. */
  readonly #found = new Map<string, Status>()

  constructor(options: VotingOptions) {
    this.#options = options
    this.#own = new VerdictWriter(options)
  }

  /** All verdicts are about to be told anew. */
  onLoad(): void {
    this.#verdicts.clear()
  }

  onVerdict(address: string, agent: string, value: Buffer | undefined, revision: number): void {
    this.#verdicts.saw(address, agent, value, revision)
    this.weigh(address)
  }

  /** What the probes of this agent have found out. In panic nobody is down. */
  onFound(address: string, state: HealthState, reason: string): void {
    const status = state === 'unhealthy' ? 'DOWN' : 'UP'
    this.#found.set(address, status)
    if (status === 'UP' && this.#options.writer.seen(address) === 'UP') this.#own.takeBack(address)
    else this.#own.say(address, status, reason)
  }

  /** What the status key of an address says by now. */
  onStatus(address: string, status: unknown): void {
    if (this.#found.get(address) !== 'UP') return
    if (status === 'UP') this.#own.takeBack(address)
    // Whoever has called it down without us may hear that we disagree. Somebody's own word, an operator's say, is left alone.
    else if (this.#verdicts.downs(address, this.#owners(address)) >= this.#quorum.down) this.#own.say(address, 'UP', '')
  }

  /** An address that we do not probe any more. */
  forget(address: string): void {
    this.#found.delete(address)
    this.#own.takeBack(address)
    this.#options.writer.forget(address)
  }

  /** Our lease is over. */
  onLeaseLost(): void {
    this.#own.lost()
  }

  /** Counts what has been said of an address, if that is ours to do, and has its status written. */
  weigh(address: string): void {
    const { writer } = this.#options
    const decision = this.#decide(address)
    if (decision === undefined) writer.forget(address)
    else writer.write(address, decision.status, decision.status === 'DOWN' ? this.#verdicts.reasons(address) : '')
  }

  /** That the verdicts on which a status rests are there still; undefined where it would not be so decided now. */
  conditionsFor(address: string, status: Status): readonly Compare[] | undefined {
    const decision = this.#decide(address)
    if (decision?.status !== status) return undefined
    return decision.voices.map(({ agent, revision }) => ({
      key: Buffer.from(this.#options.keys.verdict(address, agent)),
      target: 'Mod',
      result: 'Equal',
      mod_revision: revision,
    }))
  }

  close(): void {
    this.#own.close()
  }

  get #quorum() {
    return this.#options.assignment().quorum
  }

  #owners(address: string): readonly string[] {
    const { agents, quorum } = this.#options.assignment()
    return ownersOf(address, agents, quorum.agents)
  }

  /** Undefined where another counts, nobody votes, or nothing is decided. */
  #decide(address: string): Decision | undefined {
    if (this.#quorum.agents === 1 || this.#options.conditions() === undefined) return undefined
    const owners = this.#owners(address)
    return owners[0] === this.#options.name ? this.#verdicts.decide(address, owners, this.#quorum.down) : undefined
  }
}
