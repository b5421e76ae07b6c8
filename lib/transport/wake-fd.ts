import type { Libc } from './libc.js'
import { EFD_CLOEXEC, EFD_NONBLOCK } from './linux-constants.js'

/** An eventfd, by which a thread that waits in a system call is woken; below 0 when the system has none left. */
export function openWakeFd(libc: Pick<Libc, 'eventfd'>): number {
  return libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
}

/** Any thread may call it. */
export function wakeUp(libc: Pick<Libc, 'write'>, fd: number): void {
  libc.write(fd, ONE, ONE.length)
}

/** By the thread that was woken, before it looks at what it was woken for: the other way round a wake-up could be lost. */
export function drainWakeFd(libc: Pick<Libc, 'read'>, fd: number): void {
  libc.read(fd, drained, drained.length)
}

/** What an eventfd is written: 1, as 64 bits. */
const ONE = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0])
/** What it is read into; nobody looks at it. */
const drained = new Uint8Array(8)
