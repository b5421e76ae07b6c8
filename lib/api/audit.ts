import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { ContainerDnsError, callHost } from '../errors.js'
import type { Logger } from '../log.js'
import type { RRset } from '../records/rrset.js'

/** A change that was made through the API. */
export interface AuditEntry {
  /** When it was made, as ISO 8601 has it. */
  readonly at: string
  /** Whose token it was; missing where there are no tokens. */
  readonly principal?: string
  /** The address that the request came from. */
  readonly client: string
  readonly action: 'put' | 'delete' | 'health' | 'flush' | 'reload'
  /** A domain name; of `health`, an address. Missing for a flush of everything and a reload. */
  readonly name?: string
  readonly type?: string
  readonly view?: string
  /** What was there, and what is there now; of `health`, the state; of `reload`, what has changed. */
  readonly before?: RRset
  readonly after?: RRset | string
}

/** Tells of changes: a line in the log, one in a file, a call of the host's function. */
export class Audit {
  readonly #logger: Logger
  readonly #hook: ((entry: AuditEntry) => void) | undefined
  readonly #path: string | undefined
  #file: WriteStream | undefined

  constructor(logger: Logger, hook: ((entry: AuditEntry) => void) | undefined, file: string | undefined) {
    this.#logger = logger
    this.#hook = hook
    this.#path = file
    this.reopen()
  }

  /** Resolves once lines can be written. Rejects with CDNS_LOG_FILE_FAILED. */
  async opened(): Promise<void> {
    const file = this.#file
    if (file === undefined) return
    await once(file, 'open').catch((cause: Error) => {
      const message = `auditFile: ${this.#path} cannot be opened: ${cause.message}`
      throw new ContainerDnsError('CDNS_LOG_FILE_FAILED', message, { cause })
    })
  }

  /** Somebody has moved the file: what comes goes to a new one. */
  reopen(): void {
    const file = this.#path
    if (file === undefined) return
    this.#file?.end()
    this.#file = createWriteStream(file, { flags: 'a', mode: 0o600 })
    this.#file.on('error', (error) => this.#logger.error({ file, err: error }, 'the audit file cannot be written'))
  }

  record(entry: AuditEntry): void {
    this.#logger.info({ audit: entry }, 'a change through the API')
    this.#file?.write(`${JSON.stringify(entry)}\n`)
    const hook = this.#hook
    if (hook !== undefined) callHost(() => hook(entry))
  }

  /** Resolves when all is written. */
  async close(): Promise<void> {
    const file = this.#file
    if (file !== undefined) await new Promise<void>((resolve) => file.end(() => resolve()))
  }
}
