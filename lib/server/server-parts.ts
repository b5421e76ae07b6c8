import { randomInt } from 'node:crypto'
import type { Clock } from '../clock.js'
import type { Supervisor } from '../cluster/supervisor.js'
import { threadCount } from '../cluster/thread-plans.js'
import type { ContainerDns } from '../container-dns.js'
import { callHost } from '../errors.js'
import { isWatched, publishEvent } from '../event-channels.js'
import { QueryExport } from '../export/query-export.js'
import { ServerForwarding } from '../forward/server-forwarding.js'
import { ServerAlerts } from '../health/alerts/server-alerts.js'
import { type HealthChange, TableHealth } from '../health/health.js'
import { HealthTable } from '../health/health-table.js'
import { ServerHooks } from '../hooks/server-hooks.js'
import { CounterSampler } from '../metrics/counter-totals.js'
import { createCounterRows } from '../metrics/counters.js'
import { HostProcess } from '../metrics/host-process.js'
import { Measurements } from '../metrics/measurements.js'
import type { ParsedOptions } from '../options.js'
import { Publisher } from '../publish/publisher.js'
import { PublishedRecords } from '../publish/records.js'
import { firstSerial } from '../publish/serial.js'
import { RecordIndexWriter } from '../record-index/record-index-writer.js'
import { ServerProbes } from '../server-probes.js'
import type { Segment } from '../shared-table/segments.js'
import type { RecordStore } from '../store/record-store.js'
import type { ServerSockets } from '../transport/open-sockets.js'
import { nameToText } from '../wire/name.js'
import { AnswerPolicies } from './answer-policies.js'
import { FoundClients } from './found-clients.js'
import { HostQueries } from './host-queries.js'
import { createSupervisor } from './server-threads.js'
import { ServerZones } from './server-zones.js'

export interface ServerPartsOptions {
  /** Those of the start. */
  readonly options: ParsedOptions
  readonly sockets: ServerSockets
  readonly clock: Clock
  /** Whose parts they are: its listeners are told of what happens. */
  readonly server: Pick<ContainerDns, 'emit' | 'listenerCount' | 'ready' | 'reload'>
  readonly isClosed: () => boolean
}

/** The parts of one server on its main thread, made in an order in which each finds those that it needs. Nothing has been started. */
export class ServerParts {
  readonly sockets: ServerSockets
  readonly clock: Clock
  /** How many threads there are, but for the one that exports queries. */
  readonly threads: number
  readonly store: RecordStore
  readonly counterRows: SharedArrayBuffer
  readonly counters: CounterSampler
  readonly measurements: Measurements
  readonly host = new HostProcess()
  readonly index: RecordIndexWriter
  readonly healthTable: HealthTable
  readonly health: TableHealth
  readonly zones: ServerZones
  readonly policies: AnswerPolicies
  readonly hooks: ServerHooks
  readonly forwarding: ServerForwarding | undefined
  /** Left out where nobody is told of queries. */
  readonly export: QueryExport | undefined
  readonly queries: HostQueries
  /** A reload may bring others. */
  probes: ServerProbes | undefined
  /** Likewise. */
  alerts: ServerAlerts | undefined
  readonly publisher: Publisher
  readonly records: PublishedRecords
  readonly supervisor: Supervisor
  /** Why the store was last out of reach, for a start that is given up. */
  storeFailure: Error | undefined
  readonly #options: ParsedOptions
  readonly #server: ServerPartsOptions['server']

  constructor({ options, sockets, clock, server, isClosed }: ServerPartsOptions) {
    this.#options = options
    this.#server = server
    this.sockets = sockets
    this.clock = clock
    this.store = options.store
    this.threads = threadCount(sockets, options.forward !== undefined)
    this.counterRows = createCounterRows(this.threads)
    this.measurements = new Measurements(this.threads, options.zones, options.metrics, clock)
    this.counters = new CounterSampler(this.counterRows, this.measurements, this.host)
    this.index = new RecordIndexWriter({
      // One more than there are threads: for a store that reads everything.
      readers: this.threads + 1,
      seed: randomInt(2 ** 32),
      serial: firstSerial(clock.wallMs()),
      onSegment: (segment) => this.#postSegment(segment),
    })
    this.healthTable = new HealthTable({
      // One reader more than threads: this one.
      readers: this.threads + 1,
      seed: randomInt(2 ** 32),
      onSegment: (segment) => this.#postHealthSegment(segment),
    })
    this.health = new TableHealth(this.healthTable, (change) => {
      // Everybody who wants to know of a change is told from here.
      server.emit('health', change)
      this.#logHealth(change)
      this.hooks.onHealthChange(change)
      this.alerts?.onChange(change)
    })
    const { alerts } = options.health
    this.alerts = alerts && new ServerAlerts(alerts, options.logger, clock)
    this.zones = new ServerZones(options, this.index.reader.seed)
    this.policies = new AnswerPolicies(options, this.measurements)
    this.hooks = this.#createHooks()
    this.forwarding = this.#createForwarding()
    this.export = this.#createExport()
    this.queries = new HostQueries({
      index: this.index.reader,
      health: this.healthTable.handle(this.threads),
      policy: this.policies.current,
      hooks: this.hooks,
      forwarding: this.forwarding?.forHost(),
      isClosed,
    })
    this.probes = this.createProbes(options)
    this.publisher = this.#createPublisher()
    this.records = new PublishedRecords({
      index: this.index,
      publisher: this.publisher,
      store: options.store,
      isClosed,
    })
    this.supervisor = createSupervisor(this, server, options)
  }

  /** Not started yet; undefined where nothing is to be probed. */
  createProbes({ health, hooks, workerFiles, logger }: ParsedOptions): ServerProbes | undefined {
    if (health.probes === undefined) return undefined
    return new ServerProbes({
      probes: health.probes,
      checkHealth: hooks.checkHealth,
      workerFile: workerFiles.probe,
      health: this.health,
      logger,
      clock: this.clock,
      read: (name) => this.index.read(name),
      isFollowed: (name) => this.publisher.isFollowed(name),
      follow: () => void this.publisher.follow(),
      onError: (error) => callHost(() => this.#server.emit('error', error)),
    })
  }

  /** What a program says, it knows; of what others find out, whoever runs this wants to read when an address left the answers, and why. */
  #logHealth({ address, state, previous, source, reason }: HealthChange): void {
    if (source === 'program' || (state !== 'unhealthy' && previous !== 'unhealthy')) return
    this.#options.logger.info({ address, state, source, ...(reason !== undefined && { reason }) }, 'health has changed')
  }

  #createHooks(): ServerHooks {
    const { hooks, hookTimeoutMs, views, logger } = this.#options
    return new ServerHooks({
      hooks,
      timeoutMs: hookTimeoutMs,
      threads: this.threads,
      views: views.names,
      logger,
      onOff: (cause) => callHost(() => this.#server.emit('hooksOff', cause)),
    })
  }

  #createForwarding(): ServerForwarding | undefined {
    const { forward } = this.#options
    if (forward === undefined) return undefined
    return new ServerForwarding({
      forward,
      datagrams: this.sockets.datagrams,
      threads: this.threads,
      seed: this.index.reader.seed,
      listeners: this.sockets.addresses,
      // The first ring is made before there are threads.
      onRing: (thread, ring) => this.supervisor?.postTo(this.forwarding!.thread, { type: 'ring', thread, ring }),
    })
  }

  #createExport(): QueryExport | undefined {
    const { queryLog, dnstap } = this.#options.export
    if (queryLog === undefined && dnstap === undefined) return undefined
    return new QueryExport({
      export: this.#options.export,
      threads: this.threads,
      logger: this.#options.logger,
      isWatched: () => isWatched('query'),
      onQuery: (query) => publishEvent(this.#server, 'query', query),
    })
  }

  #createPublisher(): Publisher {
    const { defaultTtl, synthesizePtr, workerFiles, logger, views } = this.#options
    const server = this.#server
    const foundClients = new FoundClients({
      reload: () => server.reload({}),
      isReady: () => server.ready,
      onError: (error) => callHost(() => server.emit('error', error)),
    })
    return new Publisher({
      index: this.index,
      defaultTtl,
      synthesizesPtr: synthesizePtr,
      loaderFile: workerFiles.loader,
      readerSlot: this.threads,
      placeOf: (name) => this.zones.placeOf(name),
      zoneNames: () => this.zones.names,
      logger,
      clock: this.clock,
      views: views.names,
      ...(this.probes && { follower: this.probes.follower }),
      onChange: (name, view) => {
        // A million names of a first load need no text if nobody listens.
        if (server.listenerCount('change') === 0 && !isWatched('change')) return
        const ofView = view === 0 ? {} : { view: views.names[view]! }
        server.emit('change', { name: nameToText(name), ...ofView })
      },
      onHealth: (address, state) => this.health.setFrom('store', address, state),
      onViewClients: (clients) => {
        this.policies.viewClients = clients
        // What is found while the server starts is taken with the start.
        if (server.ready) foundClients.take()
      },
      onBadRecord: (bad) => server.emit('badRecord', bad),
      onDown: (cause) => {
        this.storeFailure = cause
        server.emit('storeDown', cause)
      },
      onUp: () => server.emit('storeUp'),
      onError: (error) => server.emit('error', error),
    })
  }

  /** The first segments come while the parts are put together; readers are given those when they start. */
  #postSegment(segment: Segment): void {
    this.supervisor?.postSegment({ table: 'records', segment })
    this.publisher?.postSegment(segment)
  }

  /** The same for the health of addresses. */
  #postHealthSegment(segment: Segment): void {
    this.queries?.postHealthSegment(segment)
    this.supervisor?.postSegment({ table: 'health', segment })
  }
}
