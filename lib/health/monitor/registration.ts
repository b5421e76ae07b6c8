import type { Logger } from '../../log.js'
import type { Compare } from '../../store/etcd/messages.js'
import type { MonitorKeys } from './monitor-keys.js'
import type { MonitorSession } from './monitor-session.js'

export interface RegistrationOptions {
  readonly session: Pick<MonitorSession, 'lease' | 'claim' | 'transact'>
  readonly keys: MonitorKeys
  /** Ours. */
  readonly name: string
  readonly logger: Logger
  /** There is a key of ours. */
  readonly onMade: () => void
}

/** How long after its key was found taken a scanner asks again: the one before may have died with it. The same when etcd did not answer. */
const RETRY_MS = 1_000

/** The key by which a scanner says that it is alive, under its lease. Of two of one name the first has it, and the other does nothing. */
export class Registration {
  readonly #options: RegistrationOptions
  /** The revision at which we have made our key. */
  #revision: number | undefined
  #timer: NodeJS.Timeout | undefined
  #isTaken = false
  /** We may have made our key and never heard so. */
  #isUnsure = false
  /** Whether we cannot reach our references; and whether our key says so, undefined while we do not know what etcd has heard. */
  #isBlind = false
  #saysBlind: boolean | undefined = false
  #isClosed = false

  constructor(options: RegistrationOptions) {
    this.#options = options
  }

  /** That there is a key of ours, as far as we have heard, and our lease is not over. */
  get isHeld(): boolean {
    return this.#revision !== undefined && this.#options.session.lease !== undefined
  }

  /** That etcd still has our key as we have made it; undefined while we have none. */
  get conditions(): readonly Compare[] | undefined {
    if (!this.isHeld) return undefined
    const key = Buffer.from(this.#options.keys.agent(this.#options.name))
    return [{ key, target: 'Create', result: 'Equal', create_revision: this.#revision! }]
  }

  /** Makes our key, and has it say what is so. Rejects when etcd cannot be asked; it is tried again then. */
  async make(): Promise<void> {
    try {
      await this.#make()
    } catch (error) {
      // The connection may live on, and nothing else ask for it.
      this.#makeLater()
      throw error
    }
  }

  /** Says whether we can see: others are given the addresses of one who cannot. Rejects as `make` does. */
  async sayBlind(isBlind: boolean): Promise<void> {
    this.#isBlind = isBlind
    if (this.#revision !== undefined) await this.make()
  }

  /** The key is gone: with our lease, or somebody has deleted it. */
  lose(): void {
    this.#revision = undefined
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  async #make(): Promise<void> {
    const { session, keys, name, logger } = this.#options
    if (session.lease === undefined || this.#isClosed) return
    if (this.#revision !== undefined) {
      await this.#say()
      return
    }
    const isBlind = this.#isBlind
    const wasUnsure = this.#isUnsure
    this.#isUnsure = true
    this.#revision = await session.claim(keys.agent(name), agentValue(name, isBlind))
    this.#isUnsure = false
    if (this.#revision === undefined && !this.#isTaken) {
      logger.warn({ scanner: name }, 'there is a scanner of this name; this one does nothing as long as that is alive')
    }
    this.#isTaken = this.#revision === undefined
    if (this.#isTaken) this.#makeLater()
    else {
      this.#saysBlind = wasUnsure ? undefined : isBlind
      this.#options.onMade()
      await this.#say()
    }
  }

  async #say(): Promise<void> {
    const { session, keys, name } = this.#options
    while (this.#saysBlind !== this.#isBlind) {
      const { conditions } = this
      const { lease } = session
      if (conditions === undefined || lease === undefined) return
      const isBlind = this.#isBlind
      const value = Buffer.from(JSON.stringify(agentValue(name, isBlind)))
      const put = { key: Buffer.from(keys.agent(name)), value, lease }
      this.#saysBlind = undefined
      // Without the key, its loss is on its way to us, and with that a new one.
      if ((await session.transact(conditions, [{ request_put: put }])) === undefined) return
      this.#saysBlind = isBlind
    }
  }

  #makeLater(): void {
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    this.#timer = setTimeout(() => {
      // The session tells of what fails.
      this.make().catch(() => {})
    }, RETRY_MS)
  }
}

function agentValue(name: string, isBlind: boolean): object {
  return isBlind ? { name, blind: true } : { name }
}
