import { isDeepStrictEqual } from 'node:util'
import { type Bounds, numberWithin, refuseUnknownKeys } from '../bounds.js'
import type { ReloadOptions } from '../container-dns.js'
import { ContainerDnsError } from '../errors.js'
import type { ParsedOptions } from '../options.js'
import { type OptionsInUse, RELOADABLE_NAMES, type ReloadableOptions, reloadedOptions } from '../reloaded-options.js'

/** Until all parts of a reload are ready: a million names are read from files in a minute. */
const TIMEOUT_MS: Bounds = { default: 300_000, min: 1, max: 3_600_000, unit: 'milliseconds' }

/** One reload, as each part sees it. */
export interface OptionsChange {
  readonly before: ParsedOptions
  readonly next: ParsedOptions
  readonly load: ReloadOptions['load']
  /** What ends that which a part has got ready and holds open, in case that another part fails. */
  readonly onFailure: (undo: () => Promise<void>) => void
}

/** A part of a server that takes other options while it runs. */
export interface ReloadablePart {
  /**
   * Does whatever can fail, and returns what makes the change. When it rejects, all is as it was. What it has got ready holds nothing open, or
   * ends by `onFailure`: a part after it may fail, and then it is forgotten.
   */
  prepare(change: OptionsChange): Apply | Promise<Apply>
}

/** Makes the change, at once; cannot fail. What it returns is waited for. */
export type Apply = () => void | Promise<void>

export interface ServerReloadOptions {
  /** Those of the start. */
  readonly inUse: OptionsInUse
  /** In the order in which they get ready, and make their changes. */
  readonly parts: readonly ReloadablePart[]
  readonly isClosed: () => boolean
}

/** The options of a server, and how it takes others: all of its parts or none, one reload at a time. */
export class ServerReload {
  readonly #options: ServerReloadOptions
  #inUse: OptionsInUse
  #last: Promise<void> = Promise.resolve()
  /** Ends the wait for parts that get ready. */
  #giveUp: (error: Error) => void = () => {}

  constructor(options: ServerReloadOptions) {
    this.#options = options
    this.#inUse = options.inUse
  }

  /** Those of the start, or of the last reload. */
  get options(): ParsedOptions {
    return this.#inUse.parsed
  }

  /** As `ContainerDns.reload`. */
  reload(changes: ReloadableOptions, options: ReloadOptions): Promise<void> {
    const done = this.#last.then(() => this.#reload(changes, options))
    this.#last = done.catch(() => {})
    return done
  }

  /**
   * The server is being closed: parts that get ready are not waited for, which may be the host's `load` and take for ever. Resolves when all
   * reloads have come to an end, and what they had got ready is closed.
   */
  async close(): Promise<void> {
    this.#giveUp(closed())
    await this.#last
  }

  async #reload(changes: ReloadableOptions, options: ReloadOptions): Promise<void> {
    refuseUnknownKeys('the options of reload', options, ['load', 'timeoutMs'])
    const timeoutMs = numberWithin('reload.timeoutMs', options.timeoutMs, TIMEOUT_MS)
    this.#refuseClosed()
    const next = reloadedOptions(this.#inUse, changes)
    const applies = await this.#prepareInTime(timeoutMs, next.parsed, options.load)
    const changed = changedNames(this.#inUse, next)
    this.#inUse = next
    await Promise.all(applies.map((apply) => apply()))
    const { logger } = this.options
    if (changed.length > 0) logger.info({ options: changed }, 'options have been reloaded')
    else logger.debug({}, 'a reload has changed no option')
  }

  async #prepareInTime(timeoutMs: number, next: ParsedOptions, load: ReloadOptions['load']): Promise<Apply[]> {
    const timer = setTimeout(() => this.#giveUp(overdue(timeoutMs)), timeoutMs)
    try {
      return await this.#prepare(next, load)
    } finally {
      clearTimeout(timer)
    }
  }

  async #prepare(next: ParsedOptions, load: ReloadOptions['load']): Promise<Apply[]> {
    const undos: (() => Promise<void>)[] = []
    const change = { before: this.options, next, load, onFailure: (undo: () => Promise<void>) => void undos.push(undo) }
    const applies: Apply[] = []
    const givenUp = new Promise<never>((_, reject) => {
      this.#giveUp = reject
    })
    try {
      for (const part of this.#options.parts) applies.push(await Promise.race([part.prepare(change), givenUp]))
      this.#refuseClosed()
      return applies
    } catch (error) {
      for (const undo of undos) await undo()
      throw error
    } finally {
      this.#giveUp = () => {}
    }
  }

  #refuseClosed(): void {
    if (this.#options.isClosed()) throw closed()
  }
}

function closed(): ContainerDnsError {
  return new ContainerDnsError('CDNS_CLOSED', 'the server has been closed')
}

function overdue(timeoutMs: number): ContainerDnsError {
  return new ContainerDnsError(
    'CDNS_RELOAD_TIMEOUT',
    `the reload was not ready within ${timeoutMs} milliseconds; nothing has changed`,
  )
}

/** Options that mean something else than before, however they are written. */
function changedNames(before: OptionsInUse, next: OptionsInUse): string[] {
  return RELOADABLE_NAMES.filter((name) => {
    if (isDeepStrictEqual(before.given[name], next.given[name])) return false
    const parsed = name as keyof ParsedOptions
    // Some are parts of others once they are parsed.
    return !Object.hasOwn(next.parsed, name) || !isDeepStrictEqual(before.parsed[parsed], next.parsed[parsed])
  })
}
