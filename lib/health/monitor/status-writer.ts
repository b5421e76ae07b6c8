import type { Logger } from '../../log.js'
import type { MonitorKeys } from './monitor-keys.js'
import type { MonitorSession } from './monitor-session.js'
import { parseStatus, withStatus } from './status-value.js'

export interface StatusWriterOptions {
  readonly session: Pick<MonitorSession, 'read' | 'transact'>
  readonly keys: MonitorKeys
  readonly name: string
  readonly logger: Logger
  /** The revision at which our key was made, on which each write depends; undefined while there is none. */
  readonly registration: () => number | undefined
}

type Status = 'UP' | 'DOWN'

/** Writes at a time. */
const LANES = 16
/** Until what has failed is tried again. */
const RETRY_MS = 500

/**
 * Writes the status of addresses, and nothing else of their values: each is read, changed in one field, and written on the condition that
 * nobody has written it since. What could not be written is tried again, with the latest word.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions
  /** What is to be written, the last word on each address. */
  readonly #wanted = new Map<string, Status>()
  readonly #writing = new Set<string>()
  /** What etcd has, as far as we have heard. */
  readonly #seen = new Map<string, unknown>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: StatusWriterOptions) {
    this.#options = options
  }

  write(address: string, status: Status): void {
    this.#wanted.set(address, status)
    if (this.#seen.get(address) === status && !this.#writing.has(address)) this.#wanted.delete(address)
    this.#fill()
  }

  /** What the watch tells of an address. */
  saw(address: string, status: unknown): void {
    this.#seen.set(address, status)
  }

  /** It is not ours any more. */
  forget(address: string): void {
    this.#wanted.delete(address)
  }

  /** It has no status any more. */
  gone(address: string): void {
    this.#wanted.delete(address)
    this.#seen.delete(address)
  }

  close(): void {
    this.#isClosed = true
    this.#wanted.clear()
    clearTimeout(this.#timer)
  }

  #fill(): void {
    for (const [address, status] of this.#wanted) {
      if (this.#writing.size >= LANES) return
      if (this.#writing.has(address)) continue
      void this.#writeOne(address, status)
    }
  }

  async #writeOne(address: string, status: Status): Promise<void> {
    this.#writing.add(address)
    let isDone = false
    try {
      isDone = await this.#attempt(address, status)
    } catch (error) {
      this.#options.logger.debug({ address, err: error }, 'a status could not be written; it is tried again')
    }
    this.#writing.delete(address)
    if (this.#isClosed) return
    if (isDone && this.#wanted.get(address) === status) this.#wanted.delete(address)
    if (isDone) this.#fill()
    else this.#timer ??= setTimeout(() => this.#retry(), RETRY_MS)
  }

  #retry(): void {
    this.#timer = undefined
    this.#fill()
  }

  /** Whether nothing is left to do: it is written, was so already, or is not there to be written. */
  async #attempt(address: string, status: Status): Promise<boolean> {
    const { session, keys, name, registration } = this.#options
    const key = Buffer.from(keys.status(address))
    const found = await session.read(keys.status(address))
    const fields = found && parseStatus(found.value)
    const value = fields && withStatus(fields, status)
    if (found === undefined || value === undefined) return true
    const registeredAt = registration()
    if (registeredAt === undefined) return false
    const revision = await session.transact(
      [
        { key, target: 'Mod', result: 'Equal', mod_revision: Number(found.mod_revision) },
        { key: Buffer.from(keys.agent(name)), target: 'Create', result: 'Equal', create_revision: registeredAt },
      ],
      [{ request_put: { key, value: Buffer.from(value) } }],
    )
    return revision !== undefined
  }
}
