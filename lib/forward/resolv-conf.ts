import { type FSWatcher, readFileSync, watch } from 'node:fs'
import { isIP } from 'node:net'
import { basename, dirname } from 'node:path'
import { ContainerDnsError } from '../errors.js'
import type { Logger } from '../log.js'
import { isOwnListener, type Listener } from './own-listeners.js'
import { MAX_UPSTREAMS, plainUpstream, type UpstreamAddress } from './upstream-address.js'

/** Writers replace a file in several steps, and those who write one after the other are to be followed once. */
const SETTLE_MS = 100
/** Events of the file system are lost over a network, and where a mount is put over the file. */
const POLL_MS = 5_000

/**
 * The addresses behind `nameserver`, as resolv.conf(5) has them, an interface behind `%` included; others are passed over.
 *
 * Its `options`, `search` and `domain` are for clients: times and attempts are those of `forward`.
 */
export function nameserversOf(text: string): string[] {
  const hosts = new Set<string>()
  for (const line of text.split('\n')) {
    const host = /^nameserver[ \t]+(\S+)/.exec(line)?.[1]
    if (host !== undefined && isIP(host) !== 0) hosts.add(host)
  }
  return [...hosts].slice(0, MAX_UPSTREAMS)
}

export interface ResolvConfNeeds {
  readonly logger: Logger
  /** Where this server answers: an upstream there is left out. */
  readonly listeners: readonly Listener[]
  /** The file says something else than before. */
  onChange(): void
}

/** The upstreams of a file, read again when it changes. What cannot be read, or names none, changes nothing. */
export class ResolvConf {
  readonly path: string
  upstreams: readonly UpstreamAddress[] = []
  readonly #needs: ResolvConfNeeds
  #text: string | undefined
  /** So that the same fault is told once. */
  #fault: string | undefined
  #watcher: FSWatcher | undefined
  #settling: NodeJS.Timeout | undefined
  readonly #poll: NodeJS.Timeout

  /** Reads it at once. */
  constructor(path: string, needs: ResolvConfNeeds) {
    this.path = path
    this.#needs = needs
    this.#read()
    this.#watch()
    this.#poll = setInterval(() => this.#look(), POLL_MS)
    this.#poll.unref()
  }

  close(): void {
    clearInterval(this.#poll)
    clearTimeout(this.#settling)
    this.#watcher?.close()
  }

  /** The folder and not the file, which is another one once it has been replaced. */
  #watch(): void {
    const name = basename(this.path)
    try {
      this.#watcher = watch(dirname(this.path), { persistent: false }, (_, changed) => {
        if (changed !== null && changed !== name) return
        clearTimeout(this.#settling)
        this.#settling = setTimeout(() => this.#look(), SETTLE_MS)
        this.#settling.unref()
      })
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch {
      // No such folder, or no watches left on this system: it is looked at every few seconds all the same.
    }
  }

  #look(): void {
    if (this.#read()) this.#needs.onChange()
  }

  /** Says whether the upstreams are others now. */
  #read(): boolean {
    let text: string
    try {
      text = readFileSync(this.path, 'utf8')
    } catch (error) {
      this.#tell((error as Error).message)
      return false
    }
    if (text === this.#text) return false
    this.#text = text
    const hosts = nameserversOf(text)
    const upstreams = hosts.map(plainUpstream).filter((upstream) => !isOwnListener(upstream, this.#needs.listeners))
    if (upstreams.length === 0) {
      this.#tell(hosts.length === 0 ? 'it has no nameserver' : 'all its nameservers are this server')
      return false
    }
    this.#fault = undefined
    const before = this.upstreams.map(({ text }) => text).join(' ')
    this.upstreams = upstreams
    return before !== upstreams.map((each) => each.text).join(' ')
  }

  #tell(fault: string): void {
    if (fault === this.#fault) return
    this.#fault = fault
    const error = new ContainerDnsError('CDNS_RESOLV_CONF_INVALID', `${this.path} names no upstreams: ${fault}`)
    this.#needs.logger.warn({ code: error.code, path: this.path }, error.message)
  }
}
