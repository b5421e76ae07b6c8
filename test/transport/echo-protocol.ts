import type { ThreadEndpoints } from '../../lib/transport/datagram-transport.js'

/** What the first byte of a request asks of `echo.worker.ts`. */
export const COMMAND = {
  /** The request is the response. */
  echo: 0,
  /** No response. */
  drop: 1,
  /** A response of the largest size, filled with the second byte. */
  fill: 2,
  /** The length that the handler saw, as two bytes. A request of no bytes is answered so, too. */
  length: 3,
} as const

/** Words of the memory that an echo thread shares with its test. */
export const WORD = { stop: 0, ticks: 1, answered: 2, sendFailures: 3, longestGapMs: 4 } as const
export const WORD_COUNT = Object.keys(WORD).length

export interface EchoThreadData {
  readonly endpoints: ThreadEndpoints
  readonly shared: SharedArrayBuffer
}
