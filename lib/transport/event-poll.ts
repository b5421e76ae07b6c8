import type { Libc } from './libc.js'
import { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLLIN } from './linux-constants.js'
import { SlotMemory } from './slot-memory.js'

// epoll_event: | events u32 | data u64 |, packed on x64 and with 4 bytes between the two on all others.
const DATA = process.arch === 'x64' ? 4 : 8
const EVENT_SIZE = DATA + 8

/** How many descriptors one wait tells of. */
export const EVENTS_AT_ONCE = 64

/** Waits for many descriptors at a cost that does not grow with their number. A closed one leaves by itself. */
export class EventPoll {
  readonly fd: number
  readonly #libc: Libc
  readonly #events: SlotMemory

  /** Throws where the system has no epoll, or no descriptor. */
  constructor(libc: Libc) {
    this.#libc = libc
    this.fd = libc.epoll_create1(EPOLL_CLOEXEC)
    if (this.fd < 0) throw new Error(`epoll_create1 fails with errno ${libc.errno()}`)
    this.#events = new SlotMemory(libc, EVENTS_AT_ONCE, EVENT_SIZE)
  }

  /** Waits for it to be readable, or in error; `tag` tells it from the others. False when the system refuses. */
  add(fd: number, tag: number): boolean {
    const event = new Uint8Array(EVENT_SIZE)
    const view = new DataView(event.buffer)
    view.setUint32(0, EPOLLIN, true)
    view.setUint32(DATA, tag, true)
    return this.#libc.epoll_ctl(this.fd, EPOLL_CTL_ADD, fd, event) === 0
  }

  /** Returns how many are ready; their tags are had by `tagOf`, until the next wait. */
  wait(timeoutMs: number): number {
    return Math.max(0, this.#libc.epoll_wait(this.fd, this.#events.address, EVENTS_AT_ONCE, timeoutMs))
  }

  tagOf(index: number): number {
    return this.#events.words[(index * EVENT_SIZE + DATA) >>> 2]!
  }

  close(): void {
    this.#libc.close(this.fd)
  }
}
