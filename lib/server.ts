import { randomInt } from 'node:crypto'
import { EventEmitter } from 'eventemitter3'
import { type Bounds, numberWithin, refuseUnknownKeys } from './bounds.js'
import { type Clock, systemClock } from './clock.js'
import type { AnsweringTask } from './cluster/answering.js'
import type { DnsThreadTask } from './cluster/dns-thread.js'
import type { StreamThreadTask } from './cluster/stream-thread.js'
import { Supervisor, type ThreadPlan, type ThreadStatus, type WorkerRestart } from './cluster/supervisor.js'
import type { ThreadTask } from './cluster/thread-life.js'
import { ContainerDnsError } from './errors.js'
import { CounterSampler, type CounterTotals } from './metrics/counter-totals.js'
import { COUNTER_ROW_WORDS, createCounterRows } from './metrics/counters.js'
import { type ContainerDnsOptions, type ParsedOptions, parseOptions } from './options.js'
import { Publisher } from './publish/publisher.js'
import { PublishedRecords, type Records } from './publish/records.js'
import { serialAfter } from './publish/serial.js'
import { QueryPipeline } from './query/pipeline.js'
import { Zone, ZoneTable } from './query/zone.js'
import { type RecordIndexSize, RecordIndexWriter } from './record-index/record-index-writer.js'
import type { Segment } from './shared-table/segments.js'
import type { BadRecord, RecordStore, StoreStatus } from './store/record-store.js'
import type { BoundAddress, TransportKind } from './transport/datagram-transport.js'
import { openSockets, type ServerSockets } from './transport/open-sockets.js'
import { MAX_MESSAGE_SIZE } from './wire/constants.js'
import { FoldedName } from './wire/folded-name.js'
import { nameToText } from './wire/name.js'
import { type DnsResponse, decodeResponse } from './wire/packet.js'
import { queryMessage } from './wire/query-message.js'
import { type RecordType, typeCode } from './wire/rdata/record-type.js'

/** What a server tells its host. */
export interface ContainerDnsEvents {
  /** The first load is answered from. `createContainerDns` resolves at the same time. */
  ready: () => void
  /** Records of a name have changed, through this server or in the store. */
  change: (change: { readonly name: string }) => void
  workerRestart: (restart: WorkerRestart) => void
  /** The store is out of reach; answers go on from what is known. */
  storeDown: (cause: Error) => void
  storeUp: () => void
  badRecord: (bad: BadRecord) => void
  /** Something failed that no caller waits for, and that the server lives on with. */
  error: (error: Error) => void
}

/** A snapshot of what a server is and has done. */
export interface Stats {
  readonly ready: boolean
  readonly transport: { readonly kind: TransportKind; readonly reason: string }
  /** Sums over all threads since the start. */
  readonly counters: CounterTotals
  /** Connections that are open now; the counters tell what became of the others. */
  readonly tcp: { readonly open: number }
  readonly threads: readonly ThreadStatus[]
  readonly index: RecordIndexSize & { readonly serial: number }
  readonly store: StoreStatus & { readonly kind: string }
  /** Addresses that the store's health checks have found down. */
  readonly health: { readonly unhealthy: number }
}

/** A running server. Made by `createContainerDns`. */
export interface ContainerDns extends EventEmitter<ContainerDnsEvents> {
  /** Where it answers, in the order of `listen`; of each of its entries, udp first. */
  readonly addresses: readonly BoundAddress[]
  readonly records: Records
  /** Whether the first load is answered from, and the server is not closing. */
  readonly ready: boolean
  /** Asks the answering code directly, without a socket. Rejects with CDNS_NAME_INVALID, CDNS_TYPE_UNSUPPORTED or CDNS_CLOSED. */
  query(name: string, type: RecordType): Promise<DnsResponse>
  stats(): Stats
  /**
   * Stops answering, closes the store, and leaves no handle behind. May be called twice. `drainMs` goes on answering for so
   * long with `ready` false, for whoever watches it to look elsewhere; default 0.
   */
  close(options?: CloseOptions): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface CloseOptions {
  drainMs?: number
}

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
  const server = putTogether(parsed, sockets)
  try {
    await server.start()
  } catch (error) {
    await server.close()
    throw error
  }
  return server
}

function putTogether(options: ParsedOptions, sockets: ServerSockets): Server {
  try {
    return new Server(options, sockets, systemClock)
  } catch (error) {
    sockets.close()
    throw error
  }
}

/** Main thread: puts sockets, index, store and threads together, and takes them apart again. */
class Server extends EventEmitter<ContainerDnsEvents> implements ContainerDns {
  readonly addresses: readonly BoundAddress[]
  readonly records: Records
  readonly #options: ParsedOptions
  readonly #sockets: ServerSockets
  readonly #threads: number
  readonly #index: RecordIndexWriter
  readonly #publisher: Publisher
  readonly #counterRows: SharedArrayBuffer
  readonly #counters: CounterSampler
  readonly #supervisor: Supervisor
  readonly #zones: ZoneTable
  readonly #pipeline: QueryPipeline
  readonly #onAbort = () => void this.close()
  /** For `#placeOf`, which is asked for each of a million names. */
  readonly #placeName = new FoldedName()
  #ready = false
  #hasStore = false
  /** Why the store was last out of reach, for a start that is given up. */
  #storeFailure: Error | undefined
  #closing: Promise<void> | undefined

  constructor(options: ParsedOptions, sockets: ServerSockets, clock: Clock) {
    super()
    this.#options = options
    this.#sockets = sockets
    this.addresses = sockets.addresses
    const threads = sockets.datagrams.threads + (sockets.streams === undefined ? 0 : 1)
    this.#threads = threads
    this.#counterRows = createCounterRows(threads)
    this.#counters = new CounterSampler(this.#counterRows)
    this.#index = new RecordIndexWriter({
      // One more than there are threads: for a store that reads everything.
      readers: threads + 1,
      seed: randomInt(2 ** 32),
      serial: serialAfter(0, clock.wallMs()),
      onSegment: (segment) => this.#postSegment(segment),
    })
    const zones = options.zones.map((zone) => new Zone(zone, options.negativeTtl))
    this.#zones = new ZoneTable(zones, this.#index.reader.seed)
    this.#pipeline = this.#createPipeline()
    this.#publisher = this.#createPublisher(clock)
    this.records = new PublishedRecords({
      index: this.#index,
      publisher: this.#publisher,
      store: options.store,
      isClosed: () => this.#closing !== undefined,
    })
    this.#supervisor = this.#createSupervisor(clock)
  }

  get ready(): boolean {
    return this.#ready
  }

  async start(): Promise<void> {
    const { signal, startTimeoutMs, store } = this.#options
    // Opening the sockets took a while. Of what was aborted before one listens, no event comes.
    throwIfAborted(signal)
    const loaded = Promise.all([this.#supervisor.start(), this.#openStore(store)])
    await withinTime(loaded, signal, startTimeoutMs, () => this.#startTimeout(startTimeoutMs))
    this.#index.setLoaded()
    await this.#publisher.settled()
    throwIfAborted(signal)
    signal?.addEventListener('abort', this.#onAbort)
    this.#ready = true
    // Whoever awaits the start has the server by then, and has had the time to listen.
    setImmediate(() => this.emit('ready'))
  }

  async query(name: string, type: RecordType): Promise<DnsResponse> {
    if (this.#closing !== undefined) throw new ContainerDnsError('CDNS_CLOSED', 'the server has been closed')
    const request = queryMessage(name, typeCode(type), 0)
    // No epoch is entered: nothing here waits, and on this thread nothing is written or reused meanwhile.
    const response = new Uint8Array(MAX_MESSAGE_SIZE)
    this.#pipeline.take(0, request, 0, request.length)
    const length = this.#pipeline.answerStream(0, response, 0, response.length)
    return decodeResponse(response.subarray(0, length))
  }

  stats(): Stats {
    const { kind, reason } = this.#sockets.datagrams
    const counters = this.#counters.read()
    return {
      ready: this.#ready,
      transport: { kind, reason },
      counters,
      tcp: { open: counters.tcpAccepted - counters.tcpClosed },
      threads: this.#supervisor.threads,
      index: { ...this.#index.size, serial: this.#index.reader.serial },
      store: { kind: this.#options.store.kind, ...this.#options.store.status() },
      health: { unhealthy: this.#publisher.unhealthyCount },
    }
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
    const cause = this.#storeFailure
    const why = cause === undefined ? '' : `: ${cause.message}`
    return new ContainerDnsError('CDNS_START_TIMEOUT', `the store had not loaded within ${timeoutMs} ms${why}`, {
      cause,
    })
  }

  async #close(drainMs: number): Promise<void> {
    this.#ready = false
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    if (drainMs > 0) await new Promise((resolve) => setTimeout(resolve, drainMs))
    const ends = [this.#hasStore ? this.#options.store.close() : undefined, this.#supervisor.stop()]
    const results = await Promise.allSettled(ends)
    this.#publisher.close()
    this.#sockets.close()
    this.#counters.stop()
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

  #createPipeline(): QueryPipeline {
    const { negativeTtl, udpPayloadSize } = this.#options
    const settings = { index: this.#index.reader, zones: this.#zones, negativeTtl, udpPayloadSize }
    // Queries of the host itself are not part of the statistics.
    return new QueryPipeline(settings, new Uint32Array(COUNTER_ROW_WORDS), randomInt(1, 2 ** 31), 1)
  }

  #createPublisher(clock: Clock): Publisher {
    return new Publisher({
      index: this.#index,
      defaultTtl: this.#options.defaultTtl,
      loaderFile: this.#options.workerFiles.loader,
      readerSlot: this.#threads,
      placeOf: (name) => this.#placeOf(name),
      logger: this.#options.logger,
      clock,
      onChange: (name) => {
        // A million names of a first load need no text if nobody listens.
        if (this.listenerCount('change') > 0) this.emit('change', { name: nameToText(name) })
      },
      onBadRecord: (bad) => this.emit('badRecord', bad),
      onDown: (cause) => {
        this.#storeFailure = cause
        this.emit('storeDown', cause)
      },
      onUp: () => this.emit('storeUp'),
      onError: (error) => this.emit('error', error),
    })
  }

  #createSupervisor(clock: Clock): Supervisor {
    return new Supervisor({
      plans: this.#threadPlans(),
      onDeath: (thread) => this.#index.releaseReader(thread),
      onRestart: (restart) => this.emit('workerRestart', restart),
      onError: (error) => this.emit('error', error),
      onCertificate: (file, failure) => this.#onCertificate(file, failure),
      logger: this.#options.logger,
      clock,
    })
  }

  /** The DNS threads, then the stream thread. Thread i has row i of the counters, and reader slot i of the index. */
  #threadPlans(): ThreadPlan[] {
    const { tcp, workerFiles } = this.#options
    const { datagrams, streams, services } = this.#sockets
    const plans = Array.from({ length: datagrams.threads }, (_, thread): ThreadPlan => {
      const endpoints = datagrams.endpoints(thread)
      const task = (): Unsupervised<DnsThreadTask> => ({ ...this.#answeringTask(thread), endpoints })
      return { role: 'dns', workerFile: workerFiles.dns, task, wake: () => datagrams.wake(thread) }
    })
    if (streams !== undefined) {
      const { endpoints } = streams
      const thread = plans.length
      const task = (): Unsupervised<StreamThreadTask> => ({
        ...this.#answeringTask(thread),
        endpoints,
        services,
        limits: tcp,
      })
      // Its event loop looks often enough by itself.
      plans.push({ role: 'stream', workerFile: workerFiles.stream, task, wake: () => {} })
    }
    return plans
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

  #answeringTask(thread: number): Unsupervised<AnsweringTask> {
    const { zones, negativeTtl, udpPayloadSize } = this.#options
    return { counters: this.#counterRows, index: this.#index.handle(thread), zones, udpPayloadSize, negativeTtl }
  }

  /** The first segments come while the server is put together; threads are given those when they start. */
  #postSegment(segment: Segment): void {
    this.#supervisor?.postSegment(segment)
    this.#publisher?.postSegment(segment)
  }

  #placeOf(name: Uint8Array): 'apex' | 'inside' | 'outside' {
    const folded = this.#placeName
    folded.read(name, 0, name.length, this.#index.reader.seed)
    const zone = this.#zones.match(folded)
    if (zone === undefined) return 'outside'
    return zone.labelCount === folded.labelCount ? 'apex' : 'inside'
  }
}

/** A task, but for what the supervisor adds. */
type Unsupervised<Task extends ThreadTask> = Omit<Task, keyof ThreadTask>

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal)
}

function aborted(signal: AbortSignal): ContainerDnsError {
  return new ContainerDnsError('CDNS_ABORTED', 'the signal that was passed in has been aborted', {
    cause: signal.reason,
  })
}

/** Rejects with CDNS_START_TIMEOUT or CDNS_ABORTED when that comes first. */
async function withinTime(
  work: Promise<unknown>,
  signal: AbortSignal | undefined,
  timeoutMs: number,
  timeout: () => Error,
): Promise<void> {
  let cleanUp = () => {}
  const limit = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(timeout()), timeoutMs)
    const onAbort = () => reject(aborted(signal!))
    signal?.addEventListener('abort', onAbort)
    cleanUp = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  })
  try {
    await Promise.race([work, limit])
  } finally {
    cleanUp()
    // When the limit was first, closing makes this fail too, and nobody waits for it any more.
    work.catch(() => {})
  }
}
