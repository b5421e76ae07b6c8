import { ContainerDnsError } from '../../errors.js'
import type { Logger } from '../../log.js'
import type { BatchSockets } from '../batch-sockets.js'
import type { BoundAddress, DatagramSockets, XdpEndpoints, XdpQueueEndpoint, XdpStats } from '../datagram-transport.js'
import { type HostInterfaces, hostInterfaces } from '../host-interfaces.js'
import { type Libc, loadLibc } from '../libc.js'
import { isWildcard } from '../socket-address.js'
import { addressOctets, listeningPlaces } from './listening-places.js'
import { type NetworkInterface, readInterface } from './network-interface.js'
import { type ParsedXdp, XDP_FRAMES } from './options.js'
import { WORD_COUNT, Word } from './queue-memory.js'
import { type AttachedMode, Redirection } from './redirection.js'
import { AddressRing, DescriptorRing } from './ring.js'
import { XdpSocket } from './xdp-socket.js'

/** How the transport is to start. */
export interface XdpStart {
  /** Why it was chosen. */
  readonly asked: string
  readonly logger: Logger
  /** Whether another server has the port until this one joins. */
  readonly isShared: boolean
  /** Whether the kernel's sockets alone will do. */
  readonly mayGoWithout: boolean
}

/** An interface whose frames we take. */
interface Taken {
  readonly interface: NetworkInterface
  readonly redirection: Redirection
  readonly sockets: XdpSocket[]
  mode: AttachedMode | undefined
}

/**
 * The sockets of the `xdp` transport: those of the kernel, which get what the program does not take and everything when it is gone, and for
 * each rx queue one of AF_XDP. Main thread. Queue i of all is that of thread i, and so on around.
 */
export class XdpSockets implements DatagramSockets {
  readonly kind = 'xdp'
  readonly threads: number
  readonly #libc: Libc
  readonly #kernel: BatchSockets
  readonly #options: ParsedXdp
  readonly #asked: string
  readonly #logger: Logger
  readonly #mayGoWithout: boolean
  readonly #readHost: () => HostInterfaces
  readonly #taken: Taken[] = []
  #timer: NodeJS.Timeout | undefined
  /** Whether the host's addresses could not be read the last time. */
  #isBlind = false
  #isClosed = false

  /**
   * `kernel` is this one's from then on. Opens everything, or nothing of its own, and throws a CDNS_XDP_… error; `asked` says why this
   * transport. With `isShared`, frames come once `join` is called, which does without a program where that will do (`mayGoWithout`).
   */
  constructor(
    kernel: BatchSockets,
    options: ParsedXdp,
    { asked, logger, isShared, mayGoWithout }: XdpStart,
    readHost: () => HostInterfaces = hostInterfaces,
  ) {
    this.#libc = loadLibc()
    this.#kernel = kernel
    this.threads = kernel.threads
    this.#options = options
    this.#asked = asked
    this.#logger = logger
    this.#mayGoWithout = mayGoWithout
    this.#readHost = readHost
    try {
      for (const name of options.interfaces) this.#take(name)
      if (!isShared) this.#attach()
    } catch (error) {
      this.#giveUp()
      throw error
    }
    // Addresses of a wildcard come and go.
    this.#timer = setInterval(() => this.#readPlacesAgain(), READ_PLACES_MS)
    this.#timer.unref()
  }

  get reason(): string {
    const places = this.#taken.map(({ interface: { name }, mode, sockets }) => {
      const how = sockets.every(({ isZeroCopy }) => isZeroCopy) ? 'zero-copy' : 'copy'
      return `${name} (${mode ?? 'not attached'}, ${how}, queues ${sockets.map(({ queue }) => queue).join(' ')})`
    })
    return `${this.#asked}: ${places.join(', ')}`
  }

  get addresses(): readonly BoundAddress[] {
    return this.#kernel.addresses
  }

  endpoints(thread: number): XdpEndpoints {
    const listeners = this.addresses.map(({ host, port }) => {
      return { address: addressOctets(this.#libc, host), port, wildcard: isWildcard(host) }
    })
    const all = this.#taken.flatMap(({ sockets }) => sockets)
    const queues = all.filter((_, i) => i % this.threads === thread).map(endpointOf)
    return { kind: 'xdp', kernel: this.#kernel.endpoints(thread), listeners, queues }
  }

  wake(thread: number): void {
    this.#kernel.wake(thread)
  }

  join(): void {
    this.#kernel.join()
    if (this.#taken.every(({ mode }) => mode !== undefined)) return
    try {
      this.#attach()
    } catch (error) {
      this.#detach()
      if (!this.#mayGoWithout) throw error
      this.#logger.warn({ err: error }, 'AF_XDP cannot be used; all queries go through sockets of the kernel')
    }
  }

  /** From here on everything comes through the kernel's sockets, which turn it away. What is in the rings is still answered. */
  leave(): void {
    this.#detach()
    this.#kernel.leave()
  }

  close(): void {
    if (this.#isClosed) return
    this.#giveUp()
    this.#kernel.close()
  }

  /** What has become of frames. After `close`, nothing is known any more. */
  stats(): XdpStats {
    if (this.#isClosed) return { queues: [] }
    return {
      queues: this.#taken.flatMap(({ interface: { name }, mode, sockets }) =>
        sockets.map((socket) => {
          const { queue, isZeroCopy: zeroCopy } = socket
          return { interface: name, queue, mode: mode ?? 'detached', zeroCopy, ...countsOf(socket) }
        }),
      ),
    }
  }

  #take(name: string): void {
    const found = readInterface(this.#libc, name)
    if (found === undefined || found.mtu < LEAST_MTU) {
      const what = `xdp.interfaces: ${name} is not an interface of this host that carries Ethernet frames of ${LEAST_MTU} bytes`
      throw new ContainerDnsError('CDNS_XDP_INTERFACE', what)
    }
    const ports = [...new Set(this.addresses.map(({ port }) => port))]
    const redirection = new Redirection(this.#libc, found, ports)
    const sockets: XdpSocket[] = []
    this.#taken.push({ interface: found, redirection, sockets, mode: undefined })
    for (const queue of this.#queuesOf(found)) {
      const socket = this.#open(found, queue)
      sockets.push(socket)
      redirection.addSocket(queue, socket.fd)
    }
  }

  #queuesOf({ name, queues }: NetworkInterface): readonly number[] {
    const all = Array.from({ length: queues }, (_, queue) => queue)
    const missing = this.#options.queues?.find((queue) => queue >= queues)
    if (missing === undefined) return this.#options.queues ?? all
    throw new ContainerDnsError('CDNS_XDP_INTERFACE', `xdp.queues: ${name} has no queue ${missing}, it has ${queues}`)
  }

  /** Where nobody has said how many frames, as many as may be locked. */
  #open(found: NetworkInterface, queue: number): XdpSocket {
    const { zeroCopy, mayHaveFewerFrames } = this.#options
    for (let { frames } = this.#options; ; frames /= 2) {
      try {
        return new XdpSocket(this.#libc, { interface: found, queue, frames, zeroCopy })
      } catch (error) {
        const isMemory = error instanceof ContainerDnsError && error.code === 'CDNS_XDP_MEMORY'
        if (!isMemory || !mayHaveFewerFrames || frames === XDP_FRAMES.min) throw error
      }
    }
  }

  #attach(): void {
    this.#readPlaces()
    for (const taken of this.#taken) {
      taken.mode = taken.redirection.attach(this.#options.mode)
      const { interface: target, mode, sockets } = taken
      const frames = sockets.map(({ layout }) => layout.receiveFrames + layout.sendFrames)
      const zeroCopy = sockets.every(({ isZeroCopy }) => isZeroCopy)
      this.#logger.info({ interface: target.name, mode, zeroCopy, frames }, 'an XDP program takes queries')
    }
  }

  /** A host that cannot say which addresses it has is taken to have those that it had. */
  #readPlacesAgain(): void {
    try {
      this.#readPlaces()
      this.#isBlind = false
    } catch (error) {
      if (!this.#isBlind)
        this.#logger.warn({ err: error }, 'addresses of the host cannot be read; those known by now stay')
      this.#isBlind = true
    }
  }

  #readPlaces(): void {
    const host = this.#readHost()
    for (const { interface: target, redirection } of this.#taken) {
      redirection.setPlaces(listeningPlaces(this.#libc, target, this.addresses, host))
    }
  }

  #detach(): void {
    for (const taken of this.#taken) {
      taken.redirection.detach()
      taken.mode = undefined
    }
  }

  #giveUp(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
    this.#detach()
    for (const { redirection, sockets } of this.#taken) {
      redirection.close()
      for (const socket of sockets) socket.close()
    }
  }
}

/** How long a new address of the host may be left to the kernel, and one that it has no more be answered for. */
const READ_PLACES_MS = 5_000
/** RFC 791 §3.1: what every host takes. There is room for a response of 512 bytes, which is the least that we write. */
const LEAST_MTU = 576

function endpointOf(socket: XdpSocket): XdpQueueEndpoint {
  const { fd, memory, layout, isZeroCopy } = socket
  const { index: interfaceIndex, mtu } = socket.interface
  return { fd, memory, layout, isZeroCopy, interfaceIndex, mtu }
}

function countsOf(socket: XdpSocket) {
  const { memory, layout } = socket
  const words = new Uint32Array(memory, layout.wordsStart, WORD_COUNT)
  const read = (word: number) => Atomics.load(words, word)
  const { dropped, refusedDescriptors } = socket.counts()
  return {
    received: read(Word.received),
    sent: read(Word.sent),
    malformed: read(Word.malformed),
    badChecksum: read(Word.badChecksum),
    unanswerable: read(Word.unanswerable),
    notSent: read(Word.notSent),
    dropped,
    frames: layout.receiveFrames + layout.sendFrames,
    framesSeen: framesSeen(socket, read),
    badDescriptors: read(Word.badDescriptors) + refusedDescriptors,
  }
}

/** Read one place after the other, so that it is exact only while nothing comes and nothing is on its way. */
function framesSeen({ memory, layout }: XdpSocket, read: (word: number) => number): number {
  const rings = [
    new DescriptorRing(memory, layout.rx),
    new DescriptorRing(memory, layout.tx),
    new AddressRing(memory, layout.fill),
    new AddressRing(memory, layout.completion),
  ]
  const free = (read(Word.freeProducer) - read(Word.freeConsumer)) >>> 0
  return rings.reduce((total, { level }) => total + level, free + read(Word.inHand))
}
