import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { type HealthHandle, HealthReader } from '../../lib/health/health-reader.js'
import { type PostedSegment, SegmentInbox } from '../../lib/threads/segment-inbox.js'

/** Asks for addresses as fast as it can while they change, and ends with an error when an answer cannot be right. */

export interface ReadingData {
  readonly handle: HealthHandle
  /** | 1 = end | addresses below this have been set | look-ups, so that the writer sees that this thread runs | */
  readonly control: SharedArrayBuffer
}

const { handle, control } = workerData as ReadingData
const words = new Int32Array(control)
const port = parentPort!
const inbox = new SegmentInbox(() => (receiveMessageOnPort(port) as { message: PostedSegment } | undefined)?.message)
const health = new HealthReader(handle, () => inbox.next('health'))
const address = new Uint8Array(4)
let random = 1

function isUnhealthy(first: number, number: number): boolean {
  address[0] = first
  address[1] = number >>> 16
  address[2] = number >>> 8
  address[3] = number
  return health.isUnhealthy(address, 0, 4)
}

while (Atomics.load(words, 0) === 0) {
  const set = Atomics.load(words, 1)
  health.enter()
  for (let i = 0; i < 64 && set > 0; i++) {
    random = (Math.imul(random, 1664525) + 1013904223) | 0
    const number = (random >>> 8) % set
    if (!isUnhealthy(10, number)) throw new Error(`10/${number} of ${set} was set unhealthy, and is not`)
    if (isUnhealthy(12, number)) throw new Error(`12/${number} was never set, and is unhealthy`)
    // Comes and goes.
    isUnhealthy(11, number)
  }
  health.leave()
  Atomics.add(words, 2, 1)
}
port.postMessage('done')
