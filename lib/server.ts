import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { EventEmitter } from 'eventemitter3'
import { type Bounds, numberWithin, refuseUnknownKeys } from './bounds.js'
import { type Clock, systemClock } from './clock.js'
import type { PostedPolicy } from './cluster/answering.js'
import { ownAddresses } from './cluster/own-addresses.js'
import { Supervisor } from './cluster/supervisor.js'
import { type AnsweringOf, exportPlan, threadCount, threadPlans } from './cluster/thread-plans.js'
import type {
  Cache,
  CloseOptions,
  ContainerDns,
  ContainerDnsEvents,
  QueryOptions,
  ReloadOptions,
  Stats,
} from './container-dns.js'
import { ContainerDnsError, callHost } from './errors.js'
import { isWatched, publishEvent } from './event-channels.js'
import { QueryExport } from './export/query-export.js'
import { refuseOwnListeners } from './forward/own-listeners.js'
import { type ForwardStats, ServerForwarding } from './forward/server-forwarding.js'
import { type Health, type HealthChange, TableHealth } from './health/health.js'
import { HealthTable } from './health/health-table.js'
import { ServerHooks } from './hooks/server-hooks.js'
import { HostQueries } from './host-queries.js'
import { CookieSecrets, SECRET_LIFE_MS } from './limits/cookie-secrets.js'
import { createRateLimits } from './limits/create-rate-limits.js'
import type { ParsedRateLimitOptions } from './limits/rate-limit-options.js'
import type { RateLimitHandle } from './limits/rate-limits.js'
import { CounterSampler } from './metrics/counter-totals.js'
import { createCounterRows } from './metrics/counters.js'
import { HostProcess } from './metrics/host-process.js'
import { Measurements, type TopClient, type TopName } from './metrics/measurements.js'
import { type ContainerDnsOptions, type ParsedOptions, parseOptions } from './options.js'
import { PACKAGE_VERSION } from './package-version.js'
import { Publisher } from './publish/publisher.js'
import { PublishedRecords, type Records } from './publish/records.js'
import { serialAfter } from './publish/serial.js'
import type { AnswerPolicy } from './query/settings.js'
import { type ParsedZone, Zone, ZoneTable } from './query/zone.js'
import { RecordIndexWriter } from './record-index/record-index-writer.js'
import { type OptionsInUse, optionsInUse, type ReloadableOptions, reloadedOptions } from './reloaded-options.js'
import { ServerProbes } from './server-probes.js'
import type { Segment } from './shared-table/segments.js'
import { throwIfAborted, withinTime } from './start-limits.js'
import type { RecordStore } from './store/record-store.js'
import type { BoundAddress } from './transport/datagram-transport.js'
import { openSockets, type ServerSockets } from './transport/open-sockets.js'
import { FoldedName } from './wire/folded-name.js'
import { nameToText } from './wire/name.js'
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

/** The limits of a policy, and what they were made of. */
interface LimitsInUse {
  readonly options: ParsedRateLimitOptions
  readonly handle: RateLimitHandle | undefined
}

/** Main thread: puts sockets, index, store and threads together, and takes them apart again. */
class Server extends EventEmitter<ContainerDnsEvents> implements ContainerDns {
  readonly addresses: readonly BoundAddress[]
  readonly records: Records
  zones: readonly string[]
  readonly views: readonly string[]
  readonly store: RecordStore
  readonly health: Health
  /** Those of the start, or of the last reload. */
  #inUse: OptionsInUse
  readonly cache: Cache
  readonly #sockets: ServerSockets
  readonly #threads: number
  readonly #index: RecordIndexWriter
  readonly #healthTable: HealthTable
  readonly #publisher: Publisher
  readonly #probes: ServerProbes | undefined
  readonly #counterRows: SharedArrayBuffer
  readonly #counters: CounterSampler
  readonly #measurements: Measurements
  readonly #host = new HostProcess()
  readonly #supervisor: Supervisor
  readonly #hooks: ServerHooks
  readonly #forwarding: ServerForwarding | undefined
  /** Left out where nobody is told of queries. */
  readonly #export: QueryExport | undefined
  readonly #cookieSecrets = new CookieSecrets()
  readonly #secretTimer: NodeJS.Timeout
  #policy: AnswerPolicy
  readonly #queries: HostQueries
  readonly #onAbort = () => void this.close()
  /** In which zones records may be: those that are answered, but for a moment of a reload. */
  #places: ZoneTable
  /** One reload at a time. */
  #reloading: Promise<void> = Promise.resolve()
  /** For `#placeOf`, which is asked for each of a million names. */
  readonly #placeName = new FoldedName()
  #ready = false
  #hasStore = false
  /** Why the store was last out of reach, for a start that is given up. */
  #storeFailure: Error | undefined
  #closing: Promise<void> | undefined

  constructor(inUse: OptionsInUse, sockets: ServerSockets, clock: Clock) {
    super()
    const options = inUse.parsed
    this.#inUse = inUse
    this.#sockets = sockets
    this.addresses = sockets.addresses
    const threads = threadCount(sockets, options.forward !== undefined)
    this.zones = options.zones.map(({ name }) => name)
    this.views = options.views.names
    this.store = options.store
    this.#threads = threads
    this.#counterRows = createCounterRows(threads)
    this.#measurements = new Measurements(threads, options.zones, options.metrics, clock)
    this.#counters = new CounterSampler(this.#counterRows, this.#measurements, this.#host)
    this.#index = new RecordIndexWriter({
      // One more than there are threads: for a store that reads everything.
      readers: threads + 1,
      seed: randomInt(2 ** 32),
      serial: serialAfter(0, clock.wallMs()),
      onSegment: (segment) => this.#postSegment(segment),
    })
    // One reader more than threads: this one.
    this.#healthTable = new HealthTable({
      readers: threads + 1,
      seed: randomInt(2 ** 32),
      onSegment: (segment) => this.#postHealthSegment(segment),
    })
    const health = new TableHealth(this.#healthTable, (change) => this.#onHealthChange(change))
    this.health = health
    this.#secretTimer = setInterval(() => this.#cookieSecrets.roll(), SECRET_LIFE_MS).unref()
    this.#policy = this.#createPolicy(options, undefined)
    this.#hooks = new ServerHooks({
      hooks: options.hooks,
      timeoutMs: options.hookTimeoutMs,
      threads,
      views: options.views.names,
      logger: options.logger,
      onOff: (cause) => callHost(() => this.emit('hooksOff', cause)),
    })
    this.#forwarding = this.#createForwarding()
    this.#export = this.#createExport()
    this.#queries = new HostQueries({
      index: this.#index.reader,
      health: this.#healthTable.handle(threads),
      policy: this.#policy,
      hooks: this.#hooks,
      forwarding: this.#forwarding?.forHost(),
      isClosed: () => this.#closing !== undefined,
    })
    this.#places = this.#queries.zones
    this.cache = { flush: (name) => this.#queries.flush(name) }
    this.#probes = this.#createProbes(clock, health)
    this.#publisher = this.#createPublisher(clock, health)
    this.records = new PublishedRecords({
      index: this.#index,
      publisher: this.#publisher,
      store: options.store,
      isClosed: () => this.#closing !== undefined,
    })
    this.#supervisor = this.#createSupervisor(clock)
  }

  /** Whoever watches the process is told as well. */
  override emit<Event extends keyof ContainerDnsEvents>(
    event: Event,
    ...values: EventEmitter.EventArgs<ContainerDnsEvents, Event>
  ): boolean {
    publishEvent(this, event, values[0])
    return super.emit(event, ...values)
  }

  /** A reload may have brought others. */
  get viewClients(): ReadonlyMap<string, readonly string[]> {
    return this.#options.views.clients
  }

  get ready(): boolean {
    return this.#ready
  }

  get #options(): ParsedOptions {
    return this.#inUse.parsed
  }

  async start(): Promise<void> {
    const { signal, startTimeoutMs, store } = this.#options
    // Opening the sockets took a while. Of what was aborted before one listens, no event comes.
    throwIfAborted(signal)
    const started = this.#sockets.isShared ? this.#startBeside(store) : this.#startAlone(store)
    const timeout = () => this.#startTimeout(startTimeoutMs)
    await withinTime(started, { signal, timeoutMs: startTimeoutMs, timeout })
    throwIfAborted(signal)
    signal?.addEventListener('abort', this.#onAbort)
    this.#ready = true
    // Whoever awaits the start has the server by then, and has had the time to listen.
    setImmediate(() => this.emit('ready'))
  }

  /** Until the load is there, whoever asks is told to wait: SERVFAIL. */
  async #startAlone(store: RecordStore): Promise<void> {
    await Promise.all([this.#supervisor.start(), this.#openStore(store), this.#probes?.start()])
    await this.#setLoaded()
  }

  /** The others answer until we can. */
  async #startBeside(store: RecordStore): Promise<void> {
    await Promise.all([this.#openStore(store), this.#probes?.start()])
    await this.#setLoaded()
    await this.#supervisor.start()
    // A start that was given up has closed the sockets by now.
    if (this.#closing === undefined) this.#sockets.join()
  }

  async #setLoaded(): Promise<void> {
    void this.#publisher.follow()
    await this.#publisher.setLoaded()
  }

  query(name: string, type: RecordType, options: QueryOptions = {}): Promise<DnsResponse> {
    return this.#queries.query(name, type, options)
  }

  stats(): Stats {
    const { kind, reason } = this.#sockets.datagrams
    const counters = this.#counters.read()
    const figures = this.#measurements.read()
    return {
      version: PACKAGE_VERSION,
      ready: this.#ready,
      addresses: this.addresses,
      transport: { kind, reason },
      counters,
      ...figures,
      tcp: { open: counters.tcpAccepted - counters.tcpClosed },
      threads: this.#supervisor.threads.map((status, thread) => ({
        ...status,
        ...this.#counters.ofThread(thread),
        durations: this.#measurements.durationsOf(thread),
      })),
      index: { ...this.#index.size, serial: this.#index.reader.serial },
      store: { kind: this.#options.store.kind, ...this.#options.store.status() },
      ...(this.#export === undefined ? {} : { export: this.#export.stats() }),
      health: {
        unhealthy: this.#healthTable.unhealthyCount,
        ...this.#healthTable.size,
        ...(this.#probes && { probes: this.#probes.status }),
      },
      forward: this.#forwarding?.stats(),
      host: this.#host.read(),
    }
  }

  reload(changes: ReloadableOptions, options: ReloadOptions = {}): Promise<void> {
    const done = this.#reloading.then(() => this.#reload(changes, options))
    this.#reloading = done.catch(() => {})
    return done
  }

  topNames(n?: number): TopName[] {
    return this.#measurements.topNames(n)
  }

  topClients(n?: number): TopClient[] {
    return this.#measurements.topClients(n)
  }

  nameQueries(name: string): TopName | undefined {
    return this.#measurements.nameQueries(name)
  }

  reopenLogs(): void {
    this.#export?.reopen()
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

  /** Everything that can fail comes first, and what has been done by then is undone. */
  async #reload(changes: ReloadableOptions, options: ReloadOptions): Promise<void> {
    refuseUnknownKeys('the options of reload', options, ['load'])
    this.#refuseClosed()
    const next = reloadedOptions(this.#inUse, changes)
    const services = await this.#sockets.readServices(next.parsed.listen)
    await this.#loadFor(next.parsed, options.load)
    this.#refuseClosed()
    const before = this.#options.rateLimit
    this.#policy = this.#createPolicy(next.parsed, { options: before, handle: this.#policy.rateLimits })
    this.#inUse = next
    this.#queries.use(this.#policy)
    this.#places = this.#queries.zones
    this.zones = next.parsed.zones.map(({ name }) => name)
    this.#sockets.setServices(services)
    await this.#supervisor.postPolicy({ policy: this.#policy, services } satisfies PostedPolicy)
    this.#options.logger.info({ options: Object.keys(changes) }, 'options have been reloaded')
  }

  /** Records are checked by the zones and the TTL to come; with them in place, nothing can fail any more. */
  async #loadFor(next: ParsedOptions, load: ReloadOptions['load']): Promise<void> {
    const { defaultTtl } = this.#options
    this.#refuseOtherReverseZones(next)
    const reads = load ?? this.#rereads(next)
    if (reads === undefined) return
    this.#places = new ZoneTable(
      next.zones.map(({ name, selection }) => new Zone(name, next.negativeTtl, selection)),
      this.#index.reader.seed,
    )
    this.#publisher.defaultTtl = next.defaultTtl
    try {
      await reads()
    } catch (error) {
      this.#places = this.#queries.zones
      this.#publisher.defaultTtl = defaultTtl
      throw error
    }
  }

  /** Where nothing follows the source of the records, they are read again for other zones and another TTL. */
  #rereads({ zones, defaultTtl }: ParsedOptions): (() => Promise<void>) | undefined {
    const { store, ...now } = this.#options
    const hasOtherTtl = defaultTtl !== now.defaultTtl
    if (store.reload === undefined) {
      if (!hasOtherTtl) return undefined
      const wanted = `defaultTtl is another, which takes a restart with a store of ${store.kind}; nothing was changed`
      throw new ContainerDnsError('CDNS_RESTART_NEEDED', wanted)
    }
    return hasOtherTtl || hasOtherNames(zones, now.zones) ? () => store.reload!() : undefined
  }

  /** PTR records are made as addresses are written. */
  #refuseOtherReverseZones({ zones }: ParsedOptions): void {
    if (!this.#options.synthesizePtr || !hasOtherNames(zones, this.#options.zones)) return
    const wanted = 'zones have other names, which takes a restart with synthesizePtr; nothing was changed'
    throw new ContainerDnsError('CDNS_RESTART_NEEDED', wanted)
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) throw new ContainerDnsError('CDNS_CLOSED', 'the server has been closed')
  }

  #startTimeout(timeoutMs: number): ContainerDnsError {
    const cause = this.#storeFailure
    const why = cause === undefined ? '' : `: ${cause.message}`
    return new ContainerDnsError('CDNS_START_TIMEOUT', `the store had not loaded within ${timeoutMs} ms${why}`, {
      cause,
    })
  }

  async #close(drainMs: number): Promise<void> {
    this.#ready = false
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    clearInterval(this.#secretTimer)
    this.#supervisor.drain()
    this.#sockets.streams?.leave()
    if (drainMs > 0) await delay(drainMs)
    this.#sockets.leave()
    await delay(IN_FLIGHT_MS)
    const ends = [
      this.#hasStore ? this.#options.store.close() : undefined,
      this.#supervisor.stop(),
      this.#probes?.close(),
    ]
    const results = await Promise.allSettled(ends)
    this.#queries.close()
    this.#export?.close()
    this.#forwarding?.close()
    this.#publisher.close()
    this.#sockets.close()
    this.#counters.stop()
    this.#measurements.stop()
    this.#host.stop()
    this.#hooks.close()
    // Everything is closed by now, whoever failed to.
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** A store that belongs to another server must not be closed by us. */
  async #openStore(store: RecordStore): Promise<void> {
    this.#hasStore = true
    try {
      await store.open(this.#publisher)
    } catch (error) {
      if ((error as Partial<ContainerDnsError>).code === 'CDNS_STORE_IN_USE') this.#hasStore = false
      throw error
    }
  }

  /** What clients have had of their limits stays known while the limits stay the same. */
  #createPolicy(options: ParsedOptions, limits: LimitsInUse | undefined): AnswerPolicy {
    const { zones, negativeTtl, edns, health, identity, srvWeights, tcp, listen, views, acl, rateLimit } = options
    const isSame = limits !== undefined && isDeepStrictEqual(limits.options, rateLimit)
    return {
      zones,
      zoneNumbers: this.#measurements.zoneNumbers(zones),
      negativeTtl,
      ...edns,
      allUnhealthy: health.allUnhealthy,
      cookieSecrets: this.#cookieSecrets.buffer,
      acl,
      views: views.table,
      rateLimits: isSame ? limits.handle : createRateLimits(rateLimit, randomInt(2 ** 32)),
      amplification: options.amplification,
      identity,
      normalizesSrvWeights: srvWeights === 'normalized',
      ownAddresses: ownAddresses(listen.map(({ host }) => host)),
      // RFC 7828 §3.1: in units of 100 ms, in 16 bits.
      keepaliveTimeout: Math.min(Math.floor(tcp.idleTimeoutMs / 100), 0xffff),
    }
  }

  #createForwarding(): ServerForwarding | undefined {
    const { forward } = this.#options
    if (forward === undefined) return undefined
    return new ServerForwarding({
      forward,
      datagrams: this.#sockets.datagrams,
      threads: this.#threads,
      seed: this.#index.reader.seed,
      listeners: this.addresses,
      onRing: (thread, ring) => this.#supervisor?.postTo(this.#forwarding!.thread, { type: 'ring', thread, ring }),
      onUpstreams: (forward) => this.#supervisor.postTo(this.#forwarding!.thread, { type: 'upstreams', forward }),
    })
  }

  #createProbes(clock: Clock, health: TableHealth): ServerProbes | undefined {
    const { health: given, hooks, workerFiles, logger } = this.#options
    if (given.probes === undefined) return undefined
    return new ServerProbes({
      probes: given.probes,
      checkHealth: hooks.checkHealth,
      workerFile: workerFiles.probe,
      health,
      logger,
      clock,
      read: (name) => this.#index.read(name),
      isFollowed: (name) => this.#publisher.isFollowed(name),
      follow: () => void this.#publisher.follow(),
      onError: (error) => callHost(() => this.emit('error', error)),
    })
  }

  #createPublisher(clock: Clock, health: TableHealth): Publisher {
    return new Publisher({
      index: this.#index,
      defaultTtl: this.#options.defaultTtl,
      synthesizesPtr: this.#options.synthesizePtr,
      loaderFile: this.#options.workerFiles.loader,
      readerSlot: this.#threads,
      placeOf: (name) => this.#placeOf(name),
      zoneNames: () => this.#options.zones.map(({ name }) => name),
      logger: this.#options.logger,
      clock,
      views: this.#options.views.names,
      ...(this.#probes && { follower: this.#probes.follower }),
      onChange: (name, view) => {
        // A million names of a first load need no text if nobody listens.
        if (this.listenerCount('change') === 0 && !isWatched('change')) return
        const ofView = view === 0 ? {} : { view: this.#options.views.names[view]! }
        this.emit('change', { name: nameToText(name), ...ofView })
      },
      onHealth: (address, state) => health.setFrom('store', address, state),
      onBadRecord: (bad) => this.emit('badRecord', bad),
      onDown: (cause) => {
        this.#storeFailure = cause
        this.emit('storeDown', cause)
      },
      onUp: () => this.emit('storeUp'),
      onError: (error) => this.emit('error', error),
    })
  }

  #createExport(): QueryExport | undefined {
    const { queryLog, dnstap } = this.#options.export
    if (queryLog === undefined && dnstap === undefined) return undefined
    return new QueryExport({
      export: this.#options.export,
      threads: this.#threads,
      logger: this.#options.logger,
      isWatched: () => isWatched('query'),
      onQuery: (query) => publishEvent(this, 'query', query),
    })
  }

  #createSupervisor(clock: Clock): Supervisor {
    const queries = this.#export
    const plans = threadPlans(
      this.#sockets,
      this.#options,
      (thread) => this.#answeringOf(thread),
      this.#forwarding && (() => this.#forwarding!.forwarderTask()),
    )
    if (queries !== undefined) {
      const handle = () => queries.handle(!this.#ready)
      plans.push(exportPlan(this.#options, { handle, end: () => queries.end() }))
    }
    return new Supervisor({
      plans,
      onExportState: (sink, failure) => queries?.onState(sink, failure),
      onExported: (exported) => queries?.onQueries(exported),
      onDeath: (thread) => {
        // It reads neither of the two tables.
        if (thread === this.#threads) return queries?.onDeath()
        this.#index.releaseReader(thread)
        this.#healthTable.release(thread)
        this.#hooks.onDeath(thread)
        this.#forwarding?.onDeath(thread)
      },
      onHookFault: (hook, error) => this.#hooks.onFault(hook, error),
      onHooksLost: (error) => this.emit('error', error),
      onForwardStats: (stats) => this.#forwarding?.onStats(stats as Omit<ForwardStats, 'cache'>),
      onRestart: (restart) => this.emit('workerRestart', restart),
      onError: (error) => this.emit('error', error),
      onCertificate: (file, failure) => this.#onCertificate(file, failure),
      logger: this.#options.logger,
      clock,
    })
  }

  #answeringOf(thread: number): ReturnType<AnsweringOf> {
    const { datagrams } = this.#sockets
    const wake = thread < datagrams.threads ? () => datagrams.wake(thread) : () => {}
    const hooks = this.#hooks.taskFor(thread, !this.#ready, wake)
    const forwarding = thread === this.#forwarding?.thread ? undefined : this.#forwarding?.taskFor(thread)
    return {
      ...this.#policy,
      counters: this.#counterRows,
      meter: this.#measurements.handle(thread),
      index: this.#index.handle(thread),
      health: this.#healthTable.handle(thread),
      ...(hooks === undefined ? {} : { hooks }),
      ...(forwarding === undefined ? {} : { forwarding }),
      ...(this.#export === undefined ? {} : { tap: this.#export.tapFor(thread) }),
    }
  }

  #onCertificate(file: string, failure: Error | undefined): void {
    const { logger } = this.#options
    if (failure === undefined) {
      logger.info({ file }, 'a certificate has been replaced')
      return
    }
    logger.error({ file, err: failure }, 'a certificate is broken, the one before stays')
    this.emit('error', failure)
  }

  /** The first segments come while the server is put together; readers are given those when they start. */
  #postSegment(segment: Segment): void {
    this.#supervisor?.postSegment({ table: 'records', segment })
    this.#publisher?.postSegment(segment)
  }

  /** Everybody who wants to know of a change is told from here. */
  #onHealthChange(change: HealthChange): void {
    this.emit('health', change)
    this.#hooks.onHealthChange(change)
  }

  /** The same for the health of addresses. */
  #postHealthSegment(segment: Segment): void {
    this.#queries?.postHealthSegment(segment)
    this.#supervisor?.postSegment({ table: 'health', segment })
  }

  #placeOf(name: Uint8Array): 'apex' | 'inside' | 'outside' {
    const folded = this.#placeName
    folded.read(name, 0, name.length, this.#index.reader.seed)
    const zone = this.#places.match(folded)
    if (zone === undefined) return 'outside'
    return zone.labelCount === folded.labelCount ? 'apex' : 'inside'
  }
}

function hasOtherNames(zones: readonly ParsedZone[], others: readonly ParsedZone[]): boolean {
  const names = (given: readonly ParsedZone[]) => given.map(({ name }) => name)
  return !isDeepStrictEqual(names(zones), names(others))
}
