import type { Logger } from '../../log.js'
import type { Compare } from '../../store/etcd/messages.js'
import type { MonitorKeys } from './monitor-keys.js'
import type { MonitorSession } from './monitor-session.js'
import { parseStatus, type Status, withStatus } from './status-value.js'
import { WriteLanes } from './write-lanes.js'

export interface StatusWriterOptions {
  readonly session: Pick<MonitorSession, 'read' | 'transact'>
  readonly keys: MonitorKeys
  readonly logger: Logger
  /** What must be so in etcd for a write to be ours to make; undefined: it is not, now. Asked for each attempt. */
  readonly conditions: (address: string, status: Status) => readonly Compare[] | undefined
}

/** What is to be written of an address. */
interface Word {
  readonly status: Status
  /** Why it is so; empty where nobody says. For the log alone. */
  readonly reason: string
}

/**
 * Writes the status of addresses, and nothing else of their values: each is read, changed in one field, and written on the condition that
 * nobody has written it since. What could not be written is tried again, with the latest word.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions
  readonly #lanes: WriteLanes<Word>
  /** What etcd has, as far as we have heard. */
  readonly #seen = new Map<string, unknown>()

  constructor(options: StatusWriterOptions) {
    this.#options = options
    const attempt = (address: string, word: Word) => this.#attempt(address, word)
    this.#lanes = new WriteLanes({ logger: options.logger, attempt })
  }

  /** What the watch has told of an address last. */
  seen(address: string): unknown {
    return this.#seen.get(address)
  }

  write(address: string, status: Status, reason: string): void {
    if (this.#seen.get(address) === status && !this.#lanes.isWriting(address)) this.#lanes.drop(address)
    else this.#lanes.write(address, { status, reason })
  }

  /** What the watch tells of an address. */
  saw(address: string, status: unknown): void {
    this.#seen.set(address, status)
  }

  /** It is not ours any more. */
  forget(address: string): void {
    this.#lanes.drop(address)
  }

  /** It has no status any more. */
  gone(address: string): void {
    this.#lanes.drop(address)
    this.#seen.delete(address)
  }

  close(): void {
    this.#lanes.close()
  }

  /** Whether nothing is left to do: it is written, was so already, or is not there to be written. */
  async #attempt(address: string, { status, reason }: Word): Promise<boolean> {
    const { session, keys, conditions, logger } = this.#options
    const key = Buffer.from(keys.status(address))
    const found = await session.read(keys.status(address))
    const fields = found && parseStatus(found.value)
    const value = fields && withStatus(fields, status)
    if (found === undefined || value === undefined) return true
    const compare = conditions(address, status)
    if (compare === undefined) return false
    const revision = await session.transact(
      [{ key, target: 'Mod', result: 'Equal', mod_revision: Number(found.mod_revision) }, ...compare],
      [{ request_put: { key, value: Buffer.from(value) } }],
    )
    if (revision !== undefined)
      logger.info({ address, status, ...(reason !== '' && { reason }) }, 'an address is called otherwise')
    return revision !== undefined
  }
}
