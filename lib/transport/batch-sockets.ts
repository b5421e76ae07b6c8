import { ContainerDnsError } from '../errors.js'
import type { BatchEndpoints, BoundAddress, DatagramAddress, DatagramSockets } from './datagram-transport.js'
import { type Libc, loadLibc } from './libc.js'
import { openBatchSocket } from './open-batch-socket.js'
import { familyOf, isWildcard } from './socket-address.js'
import type { SystemSocket } from './system-socket.js'
import { openWakeFd, wakeUp } from './wake-fd.js'

/**
 * The descriptors of the `batch` transport: for each thread one socket an address, and one eventfd.
 *
 * They are the main thread's: a thread that dies leaves what is queued to the one that takes its place.
 */
export class BatchSockets implements DatagramSockets {
  readonly kind = 'batch'
  reason: string
  readonly threads: number
  readonly #libc: Libc
  readonly #addresses: BoundAddress[] = []
  readonly #wakeFds: number[] = []
  /** A row for each address, a socket in it for each thread. */
  readonly #sockets: SystemSocket[][] = []
  /** Those that others are bound beside, and that are not bound before `join`. */
  readonly #toJoin: SystemSocket[] = []
  #isClosed = false

  /** Opens everything, or nothing. */
  constructor(addresses: readonly DatagramAddress[], threads: number, reason: string) {
    this.#libc = loadLibc()
    this.threads = threads
    this.reason = reason
    try {
      for (const address of addresses) this.#openAddress(address)
      while (this.#wakeFds.length < threads) this.#wakeFds.push(this.#openWakeFd())
    } catch (error) {
      this.close()
      throw error
    }
  }

  get addresses(): readonly BoundAddress[] {
    return this.#addresses
  }

  endpoints(thread: number): BatchEndpoints {
    const sockets = this.#addresses.map(({ host, port }, i) => ({
      fd: this.#sockets[i]![thread]!.fd,
      family: familyOf(host),
      wildcard: isWildcard(host),
      place: { host, port },
    }))
    return { kind: 'batch', wakeFd: this.#wakeFds[thread]!, sockets }
  }

  wake(thread: number): void {
    // After close() the number may already be somebody else's file.
    if (!this.#isClosed) wakeUp(this.#libc, this.#wakeFds[thread]!)
  }

  join(): void {
    for (const socket of this.#toJoin.splice(0)) socket.bind('join')
  }

  leave(): void {
    if (this.#isClosed) return
    for (const socket of this.#sockets.flat()) socket.turnAway()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const socket of this.#sockets.flat()) socket.close()
    for (const fd of this.#wakeFds) this.#libc.close(fd)
  }

  /** The first socket makes sure that the port is free, or finds one; the other threads' join it. Those of a shared one wait. */
  #openAddress({ host, port, share }: DatagramAddress): void {
    const isShared = share && port !== 0
    const first = openBatchSocket(this.#libc, { host, port })
    const row = [first]
    this.#sockets.push(row)
    if (!isShared) first.bind('exclusive')
    while (row.length < this.threads) row.push(openBatchSocket(this.#libc, first.place))
    this.#addresses.push({ protocol: 'udp', ...first.place })
    if (isShared) this.#toJoin.push(...row)
    else for (const socket of row.slice(1)) socket.bind('join')
  }

  #openWakeFd(): number {
    const fd = openWakeFd(this.#libc)
    if (fd >= 0) return fd
    throw new ContainerDnsError('CDNS_SOCKET_FAILED', `eventfd failed with errno ${this.#libc.errno()}`)
  }
}
