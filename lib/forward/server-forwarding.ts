import { AnswerCacheMemory, type AnswerCacheSize } from '../answer-cache/answer-cache-memory.js'
import { createBell } from '../handoff/bell.js'
import { createHandoff } from '../handoff/layout.js'
import { type DatagramSockets, kernelEndpoints } from '../transport/datagram-transport.js'
import { DescriptorList } from '../transport/descriptor-list.js'
import { type Libc, loadLibc } from '../transport/libc.js'
import { openWakeFd } from '../transport/wake-fd.js'
import type { ParsedForward } from './options.js'
import { type Listener, refuseOwnListeners } from './own-listeners.js'
import type { ForwardRing } from './thread/desk.js'
import { BATCH_RING, DGRAM_RING, HOST_RING, type RingShape, STREAM_RING } from './thread/forward-slot.js'
import type { ForwarderTask } from './thread/forwarder-task.js'
import type { ForwardingPolicy, ForwardingTask } from './thread/thread-forwarding.js'
import type { UpstreamStats } from './upstream/upstream.js'

/** What is known of forwarding, as the forward thread has last told it, up to a second ago. */
export interface ForwardStats {
  readonly upstreams: readonly UpstreamStats[]
  /** Questions that upstreams have been asked and not answered yet, and the queries that wait for them. */
  readonly inFlight: { readonly questions: number; readonly queries: number }
  readonly cache: AnswerCacheSize
}

export interface ServerForwardingOptions {
  readonly forward: ParsedForward
  readonly datagrams: DatagramSockets
  /** All threads, the forward thread among them as the last one. */
  readonly threads: number
  /** That of the record index, with which the names of questions are hashed. */
  readonly seed: number
  /** Where this server answers. */
  readonly listeners: readonly Listener[]
  /** Tells the forward thread, if there is one, of a ring that has come or gone. */
  readonly onRing: (thread: number, ring: ForwardRing | undefined) => void
}

/** What a reload tells the threads. A plain object: it is posted to them. */
export interface ReloadedForwarding {
  /** For the forward thread. */
  readonly forward: ParsedForward
  /** For those that answer. */
  readonly policy: ForwardingPolicy
}

/** More than `Upstreams` opens sockets. */
const MAX_DESCRIPTORS = 8192
/** A slot is held for as long as a query may take, and a moment longer, in which the forward thread would have said so itself. */
const PATIENCE_BEYOND_MS = 1_000

/** Forwarding as the main thread has it: the memory that threads share, and what each of them is told. */
export class ServerForwarding {
  /** The number of the forward thread. */
  readonly thread: number
  readonly #options: ServerForwardingOptions
  readonly #memory: AnswerCacheMemory
  readonly #bell = createBell()
  /** By the threads that park in them. */
  readonly #rings = new Map<number, ForwardRing>()
  /** Of the forward thread's sockets, where they are the kernel's. */
  readonly #descriptors: SharedArrayBuffer | undefined
  /** By which that thread is woken while it waits for those; below 0 for none. */
  readonly #wakeFd: number
  #forward: ParsedForward
  readonly #libc: Libc | undefined
  #told: Omit<ForwardStats, 'cache'> = { upstreams: [], inFlight: { questions: 0, queries: 0 } }

  constructor(options: ServerForwardingOptions) {
    const { forward, seed, threads } = options
    this.#options = options
    this.#forward = forward
    this.thread = threads - 1
    this.#libc = options.datagrams.kind === 'dgram' ? undefined : loadLibc()
    this.#descriptors = this.#libc && DescriptorList.create(MAX_DESCRIPTORS)
    this.#wakeFd = this.#libc === undefined ? -1 : openWakeFd(this.#libc)
    // One reader more than threads: the main thread.
    this.#memory = new AnswerCacheMemory({ ...forward.cache, readers: threads + 1, seed })
  }

  /** For the next life of a thread that answers. */
  taskFor(thread: number): ForwardingTask {
    const { datagrams } = this.#options
    const { allow } = this.#forward
    const isDatagram = thread < datagrams.threads
    const endpoints = isDatagram ? kernelEndpoints(datagrams.endpoints(thread)) : undefined
    if (endpoints !== undefined) return this.#task(thread, BATCH_RING, allow, endpoints)
    return this.#task(thread, isDatagram ? DGRAM_RING : STREAM_RING, allow)
  }

  /** For queries of the host's own, all of which may be forwarded. Called once. */
  forHost(): ForwardingTask {
    return this.#task(this.#options.threads, HOST_RING, undefined)
  }

  /** For the next life of the forward thread. */
  forwarderTask(): ForwarderTask {
    const { datagrams, listeners } = this.#options
    return {
      forward: this.#forward,
      cache: this.#memory.handle(this.thread),
      rings: [...this.#rings.values()],
      bell: this.#bell,
      listeners: listeners.map(({ host, port }) => ({ host, port })),
      transport: datagrams.kind === 'dgram' ? 'dgram' : 'batch',
      ...(this.#descriptors === undefined ? {} : { descriptors: this.#descriptors }),
      ...this.#wake,
    }
  }

  /** Throws CDNS_UPSTREAM_INVALID where one of the upstreams is this server. */
  refuseOwn(forward: ParsedForward): void {
    refuseOwnListeners([forward, ...forward.zones], this.#options.listeners)
  }

  /** Threads that are run from now on forward by these options; those that run are told what is returned. */
  use(forward: ParsedForward): ReloadedForwarding {
    this.#forward = forward
    return { forward, policy: this.#policy(forward.allow) }
  }

  /** For queries of the host's own, after `use`. */
  get hostPolicy(): ForwardingPolicy {
    return this.#policy(undefined)
  }

  onStats(told: Omit<ForwardStats, 'cache'>): void {
    this.#told = told
  }

  /** What a dead thread had parked is of no use to anybody. What the forward thread leaves is its successor's. */
  onDeath(thread: number): void {
    this.#memory.release(thread)
    if (thread === this.thread) this.#closeDescriptors()
    if (!this.#rings.delete(thread)) return
    this.#options.onRing(thread, undefined)
  }

  /** Once all threads have ended. */
  close(): void {
    this.#closeDescriptors()
    if (this.#wakeFd >= 0) this.#libc!.close(this.#wakeFd)
  }

  stats(): ForwardStats {
    return { ...this.#told, cache: this.#memory.size }
  }

  /** The forward thread is dead, or has closed them itself. */
  #closeDescriptors(): void {
    if (this.#libc !== undefined) new DescriptorList(this.#descriptors!).closeAll(this.#libc)
  }

  #task(
    thread: number,
    { slotCount, bodyBytes }: RingShape,
    allow: Int32Array | undefined,
    sockets?: ForwardRing['sockets'],
  ): ForwardingTask {
    const ring = createHandoff(slotCount, bodyBytes, this.#bell)
    const known = { thread, ring, ...(sockets === undefined ? {} : { sockets }) }
    this.#rings.set(thread, known)
    this.#options.onRing(thread, known)
    return { policy: this.#policy(allow), ring, cache: this.#memory.handle(thread), ...this.#wake }
  }

  get #wake(): { wakeFd?: number } {
    return this.#wakeFd < 0 ? {} : { wakeFd: this.#wakeFd }
  }

  #policy(allow: Int32Array | undefined): ForwardingPolicy {
    const forward = this.#forward
    return {
      zones: forward.zones.map(({ zone }) => zone),
      hasDefault: forward.upstreams.length > 0 || forward.resolvConf !== undefined,
      allow,
      patienceMs: forward.timeoutMs + PATIENCE_BEYOND_MS,
      renewsPopular: forward.cache.prefetch,
    }
  }
}
