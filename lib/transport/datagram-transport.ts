import type { Logger } from '../log.js'
import type { ParsedXdp } from './xdp/options.js'
import type { QueueLayout } from './xdp/queue-memory.js'

/** Where a server answers, as bound: a port of 0 has become the port that the system gave. */
export interface BoundAddress {
  readonly protocol: Protocol
  readonly host: string
  readonly port: number
}

/** Over what a query comes. */
export type Protocol = 'udp' | 'tcp' | 'dot' | 'doh'

/**
 * `batch`: recvmmsg and sendmmsg on blocking threads, Linux. `dgram`: Node's own sockets, everywhere. `xdp`: frames of an interface, before
 * the kernel has looked at them, and `batch` for the rest.
 */
export type TransportKind = 'batch' | 'dgram' | 'xdp'

/** What may be asked for. `auto` takes `batch` where it works, `auto-xdp` takes `xdp` where it works, and then goes on as `auto`. */
export type TransportChoice = 'auto' | TransportKind | 'auto-xdp'

/** One address to open. `host` is an IPv4 or IPv6 address, `0.0.0.0` and `::` included; port 0 asks the system for one. */
export interface DatagramAddress {
  readonly host: string
  readonly port: number
  /** Leaves out the check that nobody else is bound there, and takes nothing from them before `join`: for a hot restart. */
  readonly share: boolean
}

/** The requests of one batch: request i has `lengths[i]` bytes, from `starts[i]` on. They stay as they are until `endBatch`. */
export interface RequestBatch {
  readonly bytes: Uint8Array
  readonly count: number
  readonly starts: Uint32Array
  readonly lengths: Uint32Array
  /** Writes the address of the client that sent request i, 4 or 16 octets, and returns its length. Until `endBatch`, and before request i is answered. */
  clientAddress(i: number, target: Uint8Array): number
  /** The port of that client, likewise. */
  clientPort?(i: number): number
  /** Writes the address that request i was sent to, likewise; 0, and left out, where nobody knows. */
  serverAddress?(i: number, target: Uint8Array): number
  /** The port that it was sent to; 0, and left out, where nobody knows. */
  serverPort?(i: number): number
  /** Writes where the response to request i is to go, in at most `ROUTE_SIZE` octets: a response that comes later brings it along. Before request i is answered. */
  saveRoute(i: number, target: Uint8Array, at: number): void
}

/** Responses that come when their batch is long over, because their queries were parked: see `LATER`. */
export interface LateResponses {
  /** Before the first `write` of a round. */
  begin(): void
  /** Whether one more is due. Its route stands at `routeStart` of `routeBytes` until it has been written. */
  next(): boolean
  readonly routeBytes: Uint8Array
  readonly routeStart: number
  /** Writes it as `DatagramHandler.answer` does. */
  write(response: Uint8Array, start: number, capacity: number): number
  /** After the last one of a round has been handed to the kernel. */
  end(sendFailures: number): void
  /** Before a thread blocks: for how long it may, `mostMs` at most. `awake` comes after that. */
  sleep(mostMs: number): number
  awake(): void
  /** Has all that are still to come be due at once: the thread is about to end. */
  giveUp(): void
  /** For a thread with an event loop: has `onDue` called when some are due, until `close`. */
  watch(onDue: () => void): void
  /** A query was parked, and the event loop may have to be told of its deadline. */
  parked(): void
  close(): void
}

/** What turns requests into responses. Runs in the thread of the sockets, synchronously; must not throw. */
export interface DatagramHandler {
  /** Before the first `answer` of a batch: all requests that it will be asked to answer, in this order. */
  beginBatch(batch: RequestBatch): void
  /**
   * Writes the response to the request into `response` from `responseStart` on, in at most `responseCapacity` bytes,
   * and returns its length; 0 sends nothing, and LATER nothing yet. `length` may be less than what was sent: see `MAX_REQUEST_SIZE`.
   */
  answer(
    request: Uint8Array,
    start: number,
    length: number,
    response: Uint8Array,
    responseStart: number,
    responseCapacity: number,
  ): number
  /** After the last response of a batch has been handed to the kernel. `sendFailures` counts responses that it did not take. */
  endBatch(sendFailures: number): void
  /** Where queries can be parked: the responses that come later. */
  readonly late?: LateResponses
}

/** How the thread that serves is told to go on or to end. */
export interface ServeControl {
  /**
   * Called first when the sockets are ready and everything that serving takes has been loaded, then four times a second or more:
   * beats the heart, and says whether to go on.
   */
  tick(): boolean
}

/** The same for a thread that has an event loop. */
export interface EventLoopControl extends ServeControl {
  /** Whether clients should be told to go elsewhere: the end is near. */
  readonly isDraining: boolean
  /** Resolves as soon as `tick` would say to stop, if something else keeps the event loop alive. */
  stopped(): Promise<void>
}

/** What one thread needs to serve its sockets. A plain object: it is posted to the thread. */
export type ThreadEndpoints = BatchEndpoints | DgramEndpoints | XdpEndpoints

export interface BatchEndpoints {
  readonly kind: 'batch'
  /** An eventfd that ends a wait at once when it is written. */
  readonly wakeFd: number
  readonly sockets: readonly BatchEndpoint[]
}

export interface BatchEndpoint {
  readonly fd: number
  readonly family: 4 | 6
  readonly wildcard: boolean
  /** Where it is bound; left out where nobody is told. */
  readonly place?: { readonly host: string; readonly port: number }
}

export interface DgramEndpoints {
  readonly kind: 'dgram'
  /** Whether several threads bind the same address. */
  readonly reusePort: boolean
  readonly sockets: readonly { readonly host: string; readonly port: number; readonly family: 4 | 6 }[]
}

export interface XdpEndpoints {
  readonly kind: 'xdp'
  /** What everything comes through that the program does not take. */
  readonly kernel: BatchEndpoints
  /** Where `kernel.sockets` are bound, in their order. */
  readonly listeners: readonly XdpListener[]
  /** The rx queues of this thread; there may be none. */
  readonly queues: readonly XdpQueueEndpoint[]
}

export interface XdpListener {
  /** 4 or 16 octets. */
  readonly address: Uint8Array
  readonly port: number
  readonly wildcard: boolean
}

export interface XdpQueueEndpoint {
  readonly fd: number
  readonly memory: SharedArrayBuffer
  readonly layout: QueueLayout
  readonly isZeroCopy: boolean
  readonly interfaceIndex: number
  readonly mtu: number
}

/** The sockets of the kernel's that a thread has; undefined in `dgram`. */
export function kernelEndpoints(endpoints: ThreadEndpoints): BatchEndpoints | undefined {
  if (endpoints.kind === 'dgram') return undefined
  return endpoints.kind === 'xdp' ? endpoints.kernel : endpoints
}

/** What has become of the frames of each rx queue that we take. Counters wrap at 2^32. */
export interface XdpStats {
  readonly queues: readonly XdpQueueStats[]
}

export interface XdpQueueStats {
  readonly interface: string
  readonly queue: number
  readonly mode: 'native' | 'generic' | 'detached'
  readonly zeroCopy: boolean
  /** Datagrams for us, and responses to them, that did not come late. */
  readonly received: number
  readonly sent: number
  /** Frames for us that hold no datagram as it should be, one with a wrong checksum, or one from where nobody can be answered. */
  readonly malformed: number
  readonly badChecksum: number
  readonly unanswerable: number
  /** Responses for which there was no frame, because those before them had not been sent. */
  readonly notSent: number
  /** Frames that the kernel had no room for. */
  readonly dropped: number
  /** Frames in all, and those that are in a ring or in our hands as this is read: the others are with the kernel or the driver. */
  readonly frames: number
  readonly framesSeen: number
  /** Places in our memory that the kernel, or we, named wrongly. Always 0, or something is broken. */
  readonly badDescriptors: number
}

/** The sockets of a server; belongs to the main thread. In `batch` it owns the file descriptors, and a thread may die without them. */
export interface DatagramSockets {
  readonly kind: TransportKind
  /** One sentence for the log and `stats()`: why this kind. */
  readonly reason: string
  /** As asked for, wildcards not expanded; in the order of the addresses given. */
  readonly addresses: readonly BoundAddress[]
  /** How many threads can serve; less than asked for where the system cannot share a port between sockets. */
  readonly threads: number
  endpoints(thread: number): ThreadEndpoints
  /** In `xdp`: what has become of frames. */
  stats?(): XdpStats
  /** Ends a thread's wait at once, so that it meets `ServeControl.tick` again. Nothing to do in `dgram`. */
  wake(thread: number): void
  /** Binds what is shared: from here on datagrams come there too. Throws as opening does. */
  join(): void
  /**
   * Has the kernel give these sockets nothing more, so that all that is queued can be answered before they are closed, which drops
   * the rest. Only `batch` can.
   */
  leave(): void
  /** Closes what is open here; only after the threads have ended. May be called twice. */
  close(): void
}

export interface OpenOptions {
  readonly kind: TransportChoice
  /** For the kinds that take it, there. */
  readonly xdp?: ParsedXdp
  readonly addresses: readonly DatagramAddress[]
  readonly threads: number
  readonly logger: Logger
}

/** Datagrams that one receive call takes: one batch. */
export const BATCH_SIZE = 64
/** What is read of one datagram; a longer one is cut, which no DNS query comes near. */
export const MAX_REQUEST_SIZE = 4096
/** Room for one response; the largest UDP payload that may be configured. */
export const MAX_RESPONSE_SIZE = 4096
/** Room for where a response is to go. */
export const ROUTE_SIZE = 112
/** The longest wait in one piece: a thread that is to be terminated must come by JavaScript this often. */
export const MAX_WAIT_MS = 100
