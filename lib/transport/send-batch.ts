import { constants } from 'node:os'
import type { Libc } from './libc.js'
import { MSG_DONTWAIT } from './linux-constants.js'
import { HEADER_SIZE } from './message-headers.js'

/** The calls that sending takes; a test scripts them. */
export type SendCalls = Pick<Libc, 'sendmmsg' | 'poll' | 'errno'>

/** A wait for room in a send buffer, and how many of them one batch may cost: 10 ms, then its clients do better to ask again. */
const SEND_WAIT_MS = 1
export const MAX_SEND_WAITS = 10

const { EINTR, EAGAIN, ENOBUFS } = constants.errno

/**
 * Sends messages 0 to `count - 1` of an array of `mmsghdr`, and returns how many the kernel did not take.
 *
 * `writablePollfd` is the address of a `pollfd` that waits for POLLOUT on the same socket.
 */
export function sendBatch(
  calls: SendCalls,
  fd: number,
  writablePollfd: number,
  headers: number,
  count: number,
): number {
  let next = 0
  let failures = 0
  let waits = 0
  while (next < count) {
    const sent = calls.sendmmsg(fd, headers + next * HEADER_SIZE, count - next, MSG_DONTWAIT)
    if (sent > 0) {
      next += sent
      continue
    }
    const errno = calls.errno()
    if (errno === EINTR) continue
    if (errno !== EAGAIN && errno !== ENOBUFS) {
      // This message cannot be sent (no route, a firewall, a source port of 0); the ones behind it can.
      next++
      failures++
      continue
    }
    if (waits++ === MAX_SEND_WAITS) return failures + count - next
    // ENOBUFS is a full queue below the socket, which is writable all the same: only time helps.
    if (errno === EAGAIN) calls.poll(writablePollfd, 1, SEND_WAIT_MS)
    else calls.poll(0, 0, SEND_WAIT_MS)
  }
  return failures
}
