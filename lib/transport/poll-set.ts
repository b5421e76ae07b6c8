import type { Libc } from './libc.js'
import { SlotMemory } from './slot-memory.js'

// pollfd: | fd i32 | events i16 | revents i16 |
const POLLFD_SIZE = 8
const REVENTS_SHIFT = 16

/** File descriptors that are waited on together, for the same events. */
export class PollSet {
  readonly #libc: Pick<Libc, 'poll'>
  readonly #pollfds: SlotMemory
  readonly #count: number

  constructor(libc: Pick<Libc, 'poll' | 'addressOf'>, fds: readonly number[], events: number) {
    this.#libc = libc
    this.#count = fds.length
    this.#pollfds = new SlotMemory(libc, fds.length, POLLFD_SIZE)
    for (const [i, fd] of fds.entries()) this.#pollfds.words.set([fd, events], (i * POLLFD_SIZE) >>> 2)
  }

  /** For those who call poll themselves. */
  get address(): number {
    return this.#pollfds.address
  }

  /** Blocks the thread until one is ready, a signal comes or the time is over. */
  wait(timeoutMs: number): void {
    this.#libc.poll(this.#pollfds.address, this.#count, timeoutMs)
  }

  /** Whether the last wait ended with this one ready, or in error. */
  isReady(index: number): boolean {
    return this.#pollfds.words[((index * POLLFD_SIZE) >>> 2) + 1]! >>> REVENTS_SHIFT !== 0
  }
}
