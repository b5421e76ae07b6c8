import { constants } from 'node:os'
import type { DescriptorList } from '../../transport/descriptor-list.js'
import { EVENTS_AT_ONCE, EventPoll } from '../../transport/event-poll.js'
import type { Libc } from '../../transport/libc.js'
import {
  AF_INET,
  AF_INET6,
  MSG_DONTWAIT,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
} from '../../transport/linux-constants.js'
import { SlotMemory } from '../../transport/slot-memory.js'
import { encodeSocketAddress, familyOf } from '../../transport/socket-address.js'
import { drainWakeFd } from '../../transport/wake-fd.js'
import type { UpstreamAddress } from '../upstream-address.js'
import { MAX_UPSTREAM_QUERY_SIZE } from './query-writer.js'
import type { ReplyHandler, UpstreamSocket, UpstreamSockets } from './upstream-sockets.js'

/** The largest datagram there is: whoever sends more than we take is to be seen doing so. */
const MAX_DATAGRAM_SIZE = 65_535

/** Tag of the descriptor by which the thread is woken; no socket has this number. */
const WAKE_TAG = 0xffffffff

const { EAGAIN, EINTR, ECONNREFUSED } = constants.errno

/**
 * Sockets of the kernel's, by koffi. Belongs to one thread.
 *
 * Node's own take 5.8 to 7 µs of CPU for an exchange with 64 to 256 on their way, these take 1.9 to 2.0 (Node 20, loopback, 2026-11): an
 * event and a buffer of 64 KiB for each datagram are saved.
 */
export class BatchUpstreamSockets implements UpstreamSockets {
  readonly kind = 'batch'
  readonly canBeWoken: boolean
  readonly outgoing: Uint8Array
  readonly libc: Libc
  readonly handler: ReplyHandler
  readonly outgoingAddress: number
  readonly #outgoing: SlotMemory
  readonly #incoming: SlotMemory
  readonly #poll: EventPoll
  readonly #descriptors: DescriptorList | undefined
  readonly #wakeFd: number | undefined
  readonly #fds: (number | undefined)[] = []

  /** Throws where the system refuses. */
  constructor(libc: Libc, handler: ReplyHandler, needs: { descriptors?: DescriptorList; wakeFd?: number } = {}) {
    this.libc = libc
    this.handler = handler
    this.#outgoing = new SlotMemory(libc, 1, 4 * Math.ceil(MAX_UPSTREAM_QUERY_SIZE / 4))
    this.outgoing = this.#outgoing.bytes
    this.outgoingAddress = this.#outgoing.address
    this.#incoming = new SlotMemory(libc, 1, MAX_DATAGRAM_SIZE + 1)
    this.#poll = new EventPoll(libc)
    this.#descriptors = needs.descriptors
    this.#wakeFd = needs.wakeFd
    this.#descriptors?.note(0, this.#poll.fd)
    this.canBeWoken = needs.wakeFd !== undefined && this.#poll.add(needs.wakeFd, WAKE_TAG)
  }

  open({ host, port }: UpstreamAddress, number: number): UpstreamSocket | undefined {
    const { libc } = this
    const address = encodeSocketAddress(libc, host, port)
    if (address === undefined) return undefined
    const family = familyOf(host) === 6 ? AF_INET6 : AF_INET
    const fd = libc.socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if (fd < 0) return undefined
    // The port is the kernel's choice, at random (RFC 6056).
    if (libc.connect(fd, address, address.length) < 0 || !this.#poll.add(fd, number)) {
      libc.close(fd)
      return undefined
    }
    this.#fds[number] = fd
    this.#descriptors?.note(number + 1, fd)
    return new BatchUpstreamSocket(this, fd, number)
  }

  receive(waitMs: number): boolean {
    let hasCome = false
    for (let count = this.#poll.wait(waitMs); count > 0; count = this.#poll.wait(0)) {
      hasCome = true
      for (let i = 0; i < count; i++) this.#take(this.#poll.tagOf(i))
      if (count < EVENTS_AT_ONCE) break
    }
    return hasCome
  }

  /** The socket's number is another's from now on. */
  release(number: number, fd: number): void {
    this.#fds[number] = undefined
    this.#descriptors?.forget(number + 1)
    this.libc.close(fd)
  }

  close(): void {
    this.#descriptors?.forget(0)
    this.#poll.close()
  }

  #take(tag: number): void {
    if (tag === WAKE_TAG) {
      drainWakeFd(this.libc, this.#wakeFd!)
      return
    }
    const fd = this.#fds[tag]
    // Closed since, by what came before it.
    if (fd === undefined) return
    const { bytes, address } = this.#incoming
    const length = this.libc.recv(fd, address, MAX_DATAGRAM_SIZE, MSG_DONTWAIT)
    if (length >= 0) {
      this.handler.onDatagram(tag, bytes, length)
      return
    }
    const errno = this.libc.errno()
    if (errno !== EAGAIN && errno !== EINTR) this.handler.onUnreachable(tag)
  }
}

class BatchUpstreamSocket implements UpstreamSocket {
  readonly #sockets: BatchUpstreamSockets
  readonly #fd: number
  readonly #number: number

  constructor(sockets: BatchUpstreamSockets, fd: number, number: number) {
    this.#sockets = sockets
    this.#fd = fd
    this.#number = number
  }

  send(length: number): boolean {
    const { libc, outgoingAddress } = this.#sockets
    if (libc.send(this.#fd, outgoingAddress, length, MSG_DONTWAIT) >= 0) return true
    // That is about what was sent before; now that it has been told, the datagram can go.
    if (libc.errno() !== ECONNREFUSED) return false
    return libc.send(this.#fd, outgoingAddress, length, MSG_DONTWAIT) >= 0
  }

  close(): void {
    this.#sockets.release(this.#number, this.#fd)
  }
}
