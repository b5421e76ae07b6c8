import type { Logger } from '../../log.js'
import type { Compare } from '../../store/etcd/messages.js'
import type { MonitorKeys } from './monitor-keys.js'
import type { MonitorSession } from './monitor-session.js'
import type { Status } from './status-value.js'
import { WriteLanes } from './write-lanes.js'

export interface VerdictWriterOptions {
  readonly session: Pick<MonitorSession, 'lease' | 'transact'>
  readonly keys: MonitorKeys
  /** Ours. */
  readonly name: string
  readonly logger: Logger
  /** That our own key is there still; undefined while it is not. */
  readonly conditions: () => readonly Compare[] | undefined
}

/** `none` takes a word back. */
export interface OwnVerdict {
  readonly status: Status | 'none'
  readonly reason: string
}

/** Writes what this agent says of addresses, under its lease: its word goes when it does. */
export class VerdictWriter {
  readonly #options: VerdictWriterOptions
  readonly #lanes: WriteLanes<OwnVerdict>
  /** What we have said last, or want to. */
  readonly #said = new Map<string, Status>()

  constructor(options: VerdictWriterOptions) {
    this.#options = options
    const attempt = (address: string, verdict: OwnVerdict) => this.#attempt(address, verdict)
    this.#lanes = new WriteLanes({ logger: options.logger, attempt })
  }

  said(address: string): Status | undefined {
    return this.#said.get(address)
  }

  say(address: string, status: Status, reason: string): void {
    if (this.#said.get(address) === status) return
    this.#said.set(address, status)
    this.#lanes.write(address, { status, reason })
  }

  takeBack(address: string): void {
    if (this.#said.delete(address)) this.#lanes.write(address, { status: 'none', reason: '' })
  }

  /** Our lease is over, and with it every word of ours. */
  lost(): void {
    for (const address of this.#said.keys()) this.#lanes.drop(address)
    this.#said.clear()
  }

  close(): void {
    this.#lanes.close()
  }

  async #attempt(address: string, { status, reason }: OwnVerdict): Promise<boolean> {
    const { session, keys, name, conditions } = this.#options
    const compare = conditions()
    const { lease } = session
    // Without a lease there is no word of ours to be taken back, and none to be said.
    if (compare === undefined || lease === undefined) return status === 'none'
    const key = Buffer.from(keys.verdict(address, name))
    const value = Buffer.from(JSON.stringify(reason === '' ? { status } : { status, reason }))
    const change = status === 'none' ? { request_delete_range: { key } } : { request_put: { key, value, lease } }
    return (await session.transact(compare, [change])) !== undefined
  }
}
