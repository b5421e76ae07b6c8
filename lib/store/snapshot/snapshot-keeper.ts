import { ContainerDnsError } from '../../errors.js'
import { runLoader } from '../loader-thread.js'
import type { SnapshotStatus, StoreSink } from '../record-store.js'

export interface SnapshotOptions {
  readonly file: string
  /** At most this often. */
  readonly intervalMs: number
  /** Stands for the options that decide what a source's keys are turned into: with others the file is of no use. */
  readonly fingerprint: string
}

/** Where a store is: what a snapshot that is begun now holds for certain. */
export interface StorePlace {
  readonly source: string
  readonly revision: number
}

/** How long closing waits for a disk. A million names take a second. */
const CLOSE_TIMEOUT_MS = 10_000

/**
 * Keeps a file of what a store has published, for a start without its source. Knows no store: `place` says where it is, and
 * gives undefined as long as what is published may be older than what the file holds.
 */
export class SnapshotKeeper {
  readonly #sink: StoreSink
  readonly #options: SnapshotOptions
  readonly #place: () => StorePlace | undefined
  readonly #closing = new AbortController()
  #last: { readonly revision: number; readonly writtenAt: number } | undefined
  #isDirty = false
  #writtenAtMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #isClosed = false

  constructor(sink: StoreSink, options: SnapshotOptions, place: () => StorePlace | undefined) {
    this.#sink = sink
    this.#options = options
    this.#place = place
  }

  /** Of the newest file that we know of; undefined when there is none. */
  get status(): SnapshotStatus | undefined {
    if (this.#last === undefined) return undefined
    return { ...this.#last, ageMs: Math.max(0, this.#sink.clock.wallMs() - this.#last.writtenAt) }
  }

  /** Publishes what the file holds, and returns whether it could. A file that is of no use is reported, and the start goes on. */
  async restore(): Promise<boolean> {
    const { loaderFile, seed, logger } = this.#sink
    const { file, fingerprint } = this.#options
    try {
      const task = { kind: 'readSnapshot', file, fingerprint, seed } as const
      const read = await runLoader<'readSnapshot'>(loaderFile, task, this.#closing.signal)
      if (read === undefined) {
        logger.info({ file }, 'there is no snapshot yet')
        return false
      }
      await this.#sink.replaceAll(read.image, this.#closing.signal)
      const { revision, writtenAt, names } = read.description
      this.#last = { revision, writtenAt }
      logger.warn({ file, names, ...this.status }, 'answers come from the snapshot until the store is in touch')
      return true
    } catch (error) {
      if (!this.#isClosed) this.#sink.reportError(snapshotError(file, 'read', error))
      return false
    }
  }

  /** Something has been published. The file follows at once, or when the last one is old enough. */
  touch(): void {
    this.#isDirty = true
    if (this.#isClosed || this.#timer !== undefined || this.#writing !== undefined) return
    const waitMs = this.#writtenAtMs + this.#options.intervalMs - this.#sink.clock.monotonicMs()
    // No reason to keep a process alive: closing writes what is still to be written.
    this.#timer = setTimeout(() => this.#write(), Math.max(0, waitMs)).unref()
  }

  /** Writes what has not been written yet. Publishing must have ended. May be called twice. */
  async close(): Promise<void> {
    if (this.#isClosed) return this.#writing
    this.#isClosed = true
    clearTimeout(this.#timer)
    const deadline = setTimeout(() => this.#closing.abort(), CLOSE_TIMEOUT_MS)
    if (this.#place() === undefined && this.#writing === undefined) this.#closing.abort()
    await this.#writing
    if (this.#isDirty) await this.#write()
    clearTimeout(deadline)
    this.#closing.abort()
  }

  #write(): Promise<void> {
    this.#timer = undefined
    const place = this.#place()
    if (place === undefined) return Promise.resolve()
    this.#isDirty = false
    this.#writing = this.#writeFrom(place).finally(() => {
      this.#writing = undefined
      this.#writtenAtMs = this.#sink.clock.monotonicMs()
      if (this.#isDirty) this.touch()
    })
    return this.#writing
  }

  /** Never rejects: nobody waits for a snapshot. */
  async #writeFrom({ source, revision }: StorePlace): Promise<void> {
    const { file, fingerprint } = this.#options
    const { loaderFile, logger, clock } = this.#sink
    const writtenAt = clock.wallMs()
    const reader = this.#sink.openReader()
    const startedAt = clock.monotonicMs()
    try {
      const task = {
        kind: 'writeSnapshot',
        file,
        origin: { source, revision, writtenAt, fingerprint },
        index: reader.handle,
        port: reader.port,
      } as const
      const written = await runLoader<'writeSnapshot'>(loaderFile, task, this.#closing.signal, [reader.port])
      this.#last = { revision, writtenAt }
      logger.debug({ file, revision, ...written, tookMs: clock.monotonicMs() - startedAt }, 'wrote a snapshot')
    } catch (error) {
      this.#isDirty = true
      this.#sink.reportError(snapshotError(file, 'written', error))
    } finally {
      reader.close()
    }
  }
}

function snapshotError(file: string, verb: 'read' | 'written', error: unknown): ContainerDnsError {
  const { message } = error as Error
  if (error instanceof ContainerDnsError)
    return new ContainerDnsError(error.code, `${file}: ${message}`, { cause: error })
  return new ContainerDnsError('CDNS_SNAPSHOT_FAILED', `${file} could not be ${verb}: ${message}`, { cause: error })
}
