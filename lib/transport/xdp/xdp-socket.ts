import { constants } from 'node:os'
import type { ContainerDnsError } from '../../errors.js'
import type { Libc } from '../libc.js'
import { SOCK_CLOEXEC, SOCK_RAW } from '../linux-constants.js'
import { writeAddress } from '../slot-memory.js'
import { FRAME_SIZE } from './frame-layout.js'
import type { NetworkInterface } from './network-interface.js'
import {
  FREE_LIST,
  type KernelOffsets,
  layOutQueue,
  type QueueLayout,
  queueBytes,
  type RingLayout,
  type RingOffsets,
  Word,
} from './queue-memory.js'
import { AddressRing } from './ring.js'
import {
  AF_XDP,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  PGOFF_COMPLETION_RING,
  PGOFF_FILL_RING,
  PGOFF_RX_RING,
  PGOFF_TX_RING,
  PROT_READ,
  PROT_WRITE,
  SC_PAGESIZE,
  SOL_XDP,
  XDP_COPY,
  XDP_MAX_TX_SKB_BUDGET,
  XDP_MMAP_OFFSETS,
  XDP_OPTIONS,
  XDP_OPTIONS_ZEROCOPY,
  XDP_RX_RING,
  XDP_STATISTICS,
  XDP_TX_RING,
  XDP_UMEM_COMPLETION_RING,
  XDP_UMEM_FILL_RING,
  XDP_UMEM_REG,
  XDP_USE_NEED_WAKEUP,
  XDP_ZEROCOPY,
} from './xdp-constants.js'
import { xdpError } from './xdp-error.js'

export interface XdpSocketOptions {
  readonly interface: NetworkInterface
  readonly queue: number
  /** A power of 2. */
  readonly frames: number
  /** Undefined: where the driver can. */
  readonly zeroCopy: boolean | undefined
}

/** What the kernel has counted for a socket, since it was opened. */
export interface KernelCounts {
  /** Frames for which there was no room in the rx ring, or none to receive into, or that had another reason to be dropped. */
  readonly dropped: number
  /** Descriptors of ours that it refused. */
  readonly refusedDescriptors: number
}

/** An AF_XDP socket on one rx queue, with the memory that it shares with the kernel. The main thread's; a DNS thread has the use of it. */
export class XdpSocket {
  readonly fd: number
  readonly interface: NetworkInterface
  readonly queue: number
  readonly memory: SharedArrayBuffer
  readonly layout: QueueLayout
  readonly isZeroCopy: boolean
  readonly #libc: Libc
  readonly #address: number
  #isClosed = false

  /** Opens and binds it; frames come once a program sends them here. Throws what `xdpError` makes of a failure. */
  constructor(libc: Libc, options: XdpSocketOptions) {
    this.#libc = libc
    this.interface = options.interface
    this.queue = options.queue
    this.fd = this.#check('socket', libc.socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0))
    try {
      const offsets = this.#offsets()
      const pageSize = libc.sysconf(SC_PAGESIZE)
      this.memory = new SharedArrayBuffer(queueBytes(options.frames, offsets, pageSize))
      this.#address = libc.addressOf(this.memory)
      this.layout = layOutQueue(options.frames, offsets, pageSize, this.#address)
    } catch (error) {
      libc.close(this.fd)
      throw error
    }
    try {
      this.#shareMemory()
      this.#giveFrames()
      this.#bind(options.zeroCopy)
      this.isZeroCopy = this.#readOptions()
      // Refused before Linux 6.17, where more calls do the same.
      libc.setsockopt(this.fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, new Uint32Array([this.layout.sendFrames]), 4)
    } catch (error) {
      this.close()
      throw error
    }
  }

  counts(): KernelCounts {
    // xdp_statistics: | rx dropped | rx invalid | tx invalid | rx ring full | fill ring empty | tx ring empty |, each u64
    const counts = new BigUint64Array(6)
    this.#libc.getsockopt(this.fd, SOL_XDP, XDP_STATISTICS, counts, new Uint32Array([counts.byteLength]))
    const [dropped = 0n, refusedRx = 0n, refusedTx = 0n, ringFull = 0n] = counts
    return { dropped: Number(dropped + ringFull), refusedDescriptors: Number(refusedRx + refusedTx) }
  }

  /** After all threads have ended that used it. May be called twice. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#libc.close(this.fd)
    this.#takeMemoryBack()
  }

  #offsets(): KernelOffsets {
    // xdp_mmap_offsets: rx, tx, fill, completion, each | producer u64 | consumer u64 | descriptors u64 | flags u64 |
    const found = new BigUint64Array(16)
    const length = new Uint32Array([found.byteLength])
    this.#check('getsockopt', this.#libc.getsockopt(this.fd, SOL_XDP, XDP_MMAP_OFFSETS, found, length))
    const ring = (at: number): RingOffsets => {
      const [producer, consumer, descriptors, flags] = Array.from(found.subarray(at, at + 4), Number)
      return { producer: producer!, consumer: consumer!, descriptors: descriptors!, flags: flags! }
    }
    return { rx: ring(0), tx: ring(4), fill: ring(8), completion: ring(12) }
  }

  /**
   * The pages of the kernel take the place of pages of the buffer, which every thread sees that has it, for as long as any has.
   *
   * Shared pages for the frames too: private ones would be copied when a child is forked, and the kernel would go on with the old ones.
   */
  #shareMemory(): void {
    const { framesStart, framesBytes, rx, tx, fill, completion } = this.layout
    this.#map(framesStart, framesBytes, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    // xdp_umem_reg: | address u64 | length u64 | frame size u32 | headroom u32 | flags u32 | metadata u32 |
    const registration = new Uint32Array(8)
    writeAddress(registration, 0, this.#address + framesStart)
    writeAddress(registration, 2, framesBytes)
    registration[4] = FRAME_SIZE
    this.#setOption(XDP_UMEM_REG, registration)
    this.#setOption(XDP_RX_RING, new Uint32Array([rx.entries]))
    this.#setOption(XDP_TX_RING, new Uint32Array([tx.entries]))
    this.#setOption(XDP_UMEM_FILL_RING, new Uint32Array([fill.entries]))
    this.#setOption(XDP_UMEM_COMPLETION_RING, new Uint32Array([completion.entries]))
    this.#mapRing(rx, PGOFF_RX_RING)
    this.#mapRing(tx, PGOFF_TX_RING)
    this.#mapRing(fill, PGOFF_FILL_RING)
    this.#mapRing(completion, PGOFF_COMPLETION_RING)
  }

  #mapRing({ start, bytes }: RingLayout, offset: number): void {
    this.#map(start, bytes, MAP_SHARED | MAP_POPULATE, this.fd, offset)
  }

  #map(start: number, bytes: number, flags: number, fd: number, offset: number): void {
    const address = this.#address + start
    const protection = PROT_READ | PROT_WRITE
    this.#check('mmap', this.#libc.mmap(address, bytes, protection, flags | MAP_FIXED, fd, offset))
  }

  /** To the kernel those to receive into, to the free list those to send from. */
  #giveFrames(): void {
    const { receiveFrames, sendFrames, wordsStart } = this.layout
    const fill = new AddressRing(this.memory, this.layout.fill)
    for (let i = 0; i < receiveFrames; i++) fill.write(i, i * FRAME_SIZE)
    fill.producer = receiveFrames
    const words = new Int32Array(this.memory, wordsStart, FREE_LIST + sendFrames)
    for (let i = 0; i < sendFrames; i++) words[FREE_LIST + i] = (receiveFrames + i) * FRAME_SIZE
    words[Word.freeProducer] = sendFrames
  }

  #bind(zeroCopy: boolean | undefined): void {
    const flags = zeroCopy === undefined ? 0 : zeroCopy ? XDP_ZEROCOPY : XDP_COPY
    // sockaddr_xdp: | family u16 | flags u16 | interface u32 | queue u32 | shared umem u32 |
    const address = new Uint8Array(16)
    const view = new DataView(address.buffer)
    view.setUint16(0, AF_XDP, true)
    view.setUint16(2, flags | XDP_USE_NEED_WAKEUP, true)
    view.setUint32(4, this.interface.index, true)
    view.setUint32(8, this.queue, true)
    this.#check('bind', this.#bindPatiently(address))
  }

  /** The kernel lets go of a queue a moment after the socket that had it was closed. */
  #bindPatiently(address: Uint8Array): number {
    for (let tries = 1; ; tries++) {
      const result = this.#libc.bind(this.fd, address, address.length)
      if (result >= 0 || tries === BIND_TRIES || this.#libc.errno() !== constants.errno.EBUSY) return result
      this.#libc.poll(0, 0, BIND_WAIT_MS)
    }
  }

  #readOptions(): boolean {
    const options = new Uint32Array(1)
    const result = this.#libc.getsockopt(this.fd, SOL_XDP, XDP_OPTIONS, options, new Uint32Array([4]))
    return result >= 0 && (options[0]! & XDP_OPTIONS_ZEROCOPY) !== 0
  }

  /** Ordinary pages again, all 0: a thread that still looked at them would find nothing, and the allocator gets back what it gave. */
  #takeMemoryBack(): void {
    const { framesStart, wordsStart } = this.layout
    const protection = PROT_READ | PROT_WRITE
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    this.#libc.mmap(this.#address + framesStart, wordsStart - framesStart, protection, flags, -1, 0)
  }

  #setOption(option: number, value: Uint32Array): void {
    this.#check('setsockopt', this.#libc.setsockopt(this.fd, SOL_XDP, option, value, value.byteLength))
  }

  #check(step: string, result: number): number {
    if (result >= 0) return result
    const errno = this.#libc.errno()
    throw this.#error(step, errno)
  }

  #error(step: string, errno: number): ContainerDnsError {
    return xdpError(`${this.interface.name}, queue ${this.queue}`, step, errno)
  }
}

/** Twenty of 5 ms: the kernel is done in one or two (6.18, 2026-11). */
const BIND_TRIES = 20
const BIND_WAIT_MS = 5
