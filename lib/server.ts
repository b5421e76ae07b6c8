import { setTimeout as delay } from 'node:timers/promises'
import { EventEmitter } from 'eventemitter3'
import { type Bounds, numberWithin, refuseUnknownKeys } from './bounds.js'
import { type Clock, systemClock } from './clock.js'
import type {
  Cache,
  CloseOptions,
  ContainerDns,
  ContainerDnsEvents,
  QueryOptions,
  ReloadOptions,
  Stats,
} from './container-dns.js'
import { ContainerDnsError } from './errors.js'
import { publishEvent } from './event-channels.js'
import { refuseOwnListeners } from './forward/own-listeners.js'
import type { Health } from './health/health.js'
import type { TopClient, TopName } from './metrics/measurements.js'
import { type ContainerDnsOptions, type ParsedOptions, parseOptions } from './options.js'
import type { Records } from './publish/records.js'
import { type OptionsInUse, optionsInUse, type ReloadableOptions } from './reloaded-options.js'
import { NO_CLIENTS } from './server/answer-policies.js'
import { reloadableParts } from './server/reloadable-parts.js'
import { ServerParts } from './server/server-parts.js'
import { ServerReload } from './server/server-reload.js'
import { serverStats } from './server/server-stats.js'
import { throwIfAborted, withinTime } from './server/start-limits.js'
import type { RecordStore } from './store/record-store.js'
import type { BoundAddress } from './transport/datagram-transport.js'
import { openSockets, type ServerSockets } from './transport/open-sockets.js'
import type { DnsResponse } from './wire/packet.js'
import type { RecordType } from './wire/rdata/record-type.js'

/** For what the kernel was about to queue when it was told not to any more: it is microseconds. */
const IN_FLIGHT_MS = 10

const DRAIN_MS: Bounds = { default: 0, min: 0, max: 3_600_000, unit: 'milliseconds' }

/**
 * Starts a DNS server: binds at once, and resolves when the store's first load is answered from.
 *
 * Rejects with a `ContainerDnsError`, and then nothing is left open: bad options (CDNS_OPTION_…, CDNS_ZONE_INVALID), sockets
 * (CDNS_PORT_IN_USE, …), threads (CDNS_THREAD_FAILED), the store (CDNS_STORE_…, CDNS_START_TIMEOUT), the signal (CDNS_ABORTED).
 */
export async function createContainerDns(options: ContainerDnsOptions = {}): Promise<ContainerDns> {
  const parsed = parseOptions(options)
  throwIfAborted(parsed.signal)
  const sockets = await openSockets({
    kind: parsed.transport,
    ...(parsed.xdp === undefined ? {} : { xdp: parsed.xdp }),
    listen: parsed.listen,
    threads: parsed.workers,
    logger: parsed.logger,
  })
  const server = putTogether(optionsInUse(options, parsed), sockets)
  try {
    await server.start()
  } catch (error) {
    await server.close()
    throw error
  }
  return server
}

function putTogether(options: OptionsInUse, sockets: ServerSockets): Server {
  try {
    const { forward } = options.parsed
    if (forward !== undefined) refuseOwnListeners([forward, ...forward.zones], sockets.addresses)
    return new Server(options, sockets, systemClock)
  } catch (error) {
    sockets.close()
    throw error
  }
}

/** Main thread: a server's life, from its start to its end, and what its host may ask of it. `server/` has the parts. */
class Server extends EventEmitter<ContainerDnsEvents> implements ContainerDns {
  readonly addresses: readonly BoundAddress[]
  readonly records: Records
  readonly views: readonly string[]
  readonly store: RecordStore
  readonly health: Health
  readonly cache: Cache
  readonly #sockets: ServerSockets
  readonly #parts: ServerParts
  readonly #reload: ServerReload
  readonly #onAbort = () => void this.close()
  #ready = false
  #hasStore = false
  #closing: Promise<void> | undefined

  constructor(inUse: OptionsInUse, sockets: ServerSockets, clock: Clock) {
    super()
    const options = inUse.parsed
    const isClosed = () => this.#closing !== undefined
    const parts = new ServerParts({ options, sockets, clock, server: this, isClosed })
    this.#sockets = sockets
    this.#parts = parts
    this.#reload = new ServerReload({ inUse, parts: reloadableParts(parts), isClosed })
    this.addresses = sockets.addresses
    this.records = parts.records
    this.views = options.views.names
    this.store = options.store
    this.health = parts.health
    this.cache = { flush: (name) => parts.queries.flush(name) }
  }

  /** Whoever watches the process is told as well. */
  override emit<Event extends keyof ContainerDnsEvents>(
    event: Event,
    ...values: EventEmitter.EventArgs<ContainerDnsEvents, Event>
  ): boolean {
    publishEvent(this, event, values[0])
    return super.emit(event, ...values)
  }

  /** A reload may bring others. */
  get zones(): readonly string[] {
    return this.#parts.zones.names
  }

  /** Likewise. */
  get viewClients(): ReadonlyMap<string, readonly string[]> {
    return this.#options.views.clients
  }

  get ready(): boolean {
    return this.#ready
  }

  get #options(): ParsedOptions {
    return this.#reload.options
  }

  async start(): Promise<void> {
    const { signal, startTimeoutMs, store } = this.#options
    // Opening the sockets took a while. Of what was aborted before one listens, no event comes.
    throwIfAborted(signal)
    const started = this.#sockets.isShared ? this.#startBeside(store) : this.#startAlone(store)
    const timeout = () => this.#startTimeout(startTimeoutMs)
    await withinTime(started, { signal, timeoutMs: startTimeoutMs, timeout })
    await this.#takeViewClients()
    throwIfAborted(signal)
    signal?.addEventListener('abort', this.#onAbort)
    this.#ready = true
    // Whoever awaits the start has the server by then, and has had the time to listen.
    setImmediate(() => this.emit('ready'))
  }

  /** Until the load is there, whoever asks is told to wait: SERVFAIL. */
  async #startAlone(store: RecordStore): Promise<void> {
    const { supervisor, probes } = this.#parts
    await Promise.all([supervisor.start(), this.#openStore(store), probes?.start()])
    await this.#setLoaded()
  }

  /** The others answer until we can. */
  async #startBeside(store: RecordStore): Promise<void> {
    const { supervisor, probes } = this.#parts
    await Promise.all([this.#openStore(store), probes?.start()])
    await this.#setLoaded()
    await supervisor.start()
    // A start that was given up has closed the sockets by now.
    if (this.#closing === undefined) this.#sockets.join()
  }

  /** What the store has found meanwhile, and finds while that is taken. */
  async #takeViewClients(): Promise<void> {
    const { policies } = this.#parts
    for (let taken = NO_CLIENTS; taken !== policies.viewClients; ) {
      taken = policies.viewClients
      await this.reload({})
    }
  }

  async #setLoaded(): Promise<void> {
    void this.#parts.publisher.follow()
    await this.#parts.publisher.setLoaded()
  }

  query(name: string, type: RecordType, options: QueryOptions = {}): Promise<DnsResponse> {
    return this.#parts.queries.query(name, type, options)
  }

  stats(): Stats {
    return serverStats(this.#parts, this.#ready)
  }

  reload(changes: ReloadableOptions, options: ReloadOptions = {}): Promise<void> {
    return this.#reload.reload(changes, options)
  }

  topNames(n?: number): TopName[] {
    return this.#parts.measurements.topNames(n)
  }

  topClients(n?: number): TopClient[] {
    return this.#parts.measurements.topClients(n)
  }

  nameQueries(name: string): TopName | undefined {
    return this.#parts.measurements.nameQueries(name)
  }

  reopenLogs(): void {
    this.#parts.export?.reopen()
  }

  async close(options: CloseOptions = {}): Promise<void> {
    refuseUnknownKeys('close', options, ['drainMs'])
    const drainMs = numberWithin('drainMs', options.drainMs, DRAIN_MS)
    this.#closing ??= this.#close(drainMs)
    await this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #startTimeout(timeoutMs: number): ContainerDnsError {
    const cause = this.#parts.storeFailure
    const why = cause === undefined ? '' : `: ${cause.message}`
    return new ContainerDnsError('CDNS_START_TIMEOUT', `the store had not loaded within ${timeoutMs} ms${why}`, {
      cause,
    })
  }

  async #close(drainMs: number): Promise<void> {
    const parts = this.#parts
    const sockets = this.#sockets
    this.#ready = false
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    const reloads = this.#reload.close()
    parts.policies.close()
    parts.supervisor.drain()
    sockets.streams?.leave()
    if (drainMs > 0) await delay(drainMs)
    sockets.leave()
    await delay(IN_FLIGHT_MS)
    const ends = [
      this.#hasStore ? this.store.close() : undefined,
      parts.supervisor.stop(),
      parts.probes?.close(),
      parts.alerts?.close(),
    ]
    const results = await Promise.allSettled(ends)
    parts.queries.close()
    parts.export?.close()
    parts.forwarding?.close()
    parts.publisher.close()
    await reloads
    sockets.close()
    parts.counters.stop()
    parts.measurements.stop()
    parts.host.stop()
    parts.hooks.close()
    // Everything is closed by now, whoever failed to.
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** A store that belongs to another server must not be closed by us. */
  async #openStore(store: RecordStore): Promise<void> {
    this.#hasStore = true
    try {
      await store.open(this.#parts.publisher)
    } catch (error) {
      if ((error as Partial<ContainerDnsError>).code === 'CDNS_STORE_IN_USE') this.#hasStore = false
      throw error
    }
  }
}
