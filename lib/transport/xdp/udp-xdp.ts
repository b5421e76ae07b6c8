import { BatchSocket } from '../batch-socket.js'
import {
  BATCH_SIZE,
  type DatagramHandler,
  type LateResponses,
  MAX_REQUEST_SIZE,
  MAX_RESPONSE_SIZE,
  MAX_WAIT_MS,
  type ServeControl,
  type XdpEndpoints,
} from '../datagram-transport.js'
import { LateSender } from '../late-sender.js'
import { type Libc, loadLibc } from '../libc.js'
import { POLLIN } from '../linux-constants.js'
import { PollSet } from '../poll-set.js'
import { SlotMemory } from '../slot-memory.js'
import { drainWakeFd } from '../wake-fd.js'
import { ArrivalRate } from './arrival-rate.js'
import { XdpQueue } from './xdp-queue.js'

/**
 * Serves a thread's rx queues, and beside them the kernel's sockets, where everything comes that the program leaves to the kernel. Blocks
 * its thread as `serveBatch` does, with the same rules.
 */
export function serveXdp(endpoints: XdpEndpoints, handler: DatagramHandler, control: ServeControl): void {
  const libc = loadLibc()
  const { kernel, listeners } = endpoints
  const payloads = {
    requests: new SlotMemory(libc, BATCH_SIZE, MAX_REQUEST_SIZE),
    responses: new SlotMemory(libc, BATCH_SIZE, MAX_RESPONSE_SIZE),
  }
  const sockets = kernel.sockets.map((socket) => new BatchSocket(libc, socket, payloads))
  const queues = endpoints.queues.map((queue) => new XdpQueue(libc, queue, listeners))
  const fds = [kernel.wakeFd, ...kernel.sockets.map(({ fd }) => fd), ...endpoints.queues.map(({ fd }) => fd)]
  const waiting = new PollSet(libc, fds, POLLIN)
  const { late } = handler
  const lateSender = late && new LateSender(late, sockets, payloads.responses)
  const rate = new ArrivalRate()
  let rounds = 0
  while (control.tick()) {
    const received = serveQueues(queues, handler)
    lateSender?.send()
    rate.add(received)
    if (received > 0 && ++rounds < ROUNDS_A_LOOK) {
      if (received < BATCH_SIZE && rate.isHigh(performance.now())) libc.usleep(PAUSE_US)
      continue
    }
    rounds = 0
    look(libc, waiting, kernel.wakeFd, received > 0 ? 0 : MAX_WAIT_MS, late)
    serveReady(waiting, sockets, handler)
  }
  for (let round = 0; round < LAST_ROUNDS; round++) {
    control.tick()
    const received = serveQueues(queues, handler)
    if (!serveAll(sockets, handler) && received === 0) break
  }
  late?.giveUp()
  lateSender?.send()
}

/** A look at the kernel's sockets takes a system call: with full batches, one for 512 datagrams, of which none waits for longer than a millisecond. */
const ROUNDS_A_LOOK = 8
/**
 * While datagrams come fast, and there were few of them this time. To this, Linux adds the 50 µs by which it lets timers be late unless it is
 * told otherwise: as much as cards put off interrupts for the same reason.
 */
const PAUSE_US = 10
/** As in `serveBatch`. */
const LAST_ROUNDS = 256

const WAKE_INDEX = 0
const FIRST_SOCKET_INDEX = 1

/** A batch from each queue that has one, so that none can starve the others. Returns how many frames these were. */
function serveQueues(queues: readonly XdpQueue[], handler: DatagramHandler): number {
  let received = 0
  for (let i = 0; i < queues.length; i++) received += queues[i]!.serve(handler)
  return received
}

function serveReady(waiting: PollSet, sockets: readonly BatchSocket[], handler: DatagramHandler): void {
  for (let i = 0; i < sockets.length; i++) {
    if (waiting.isReady(FIRST_SOCKET_INDEX + i)) sockets[i]!.serve(handler)
  }
}

function serveAll(sockets: readonly BatchSocket[], handler: DatagramHandler): boolean {
  let served = false
  for (const socket of sockets) if (socket.serve(handler)) served = true
  return served
}

/** What is ready by now, or within `mostMs`. */
function look(libc: Libc, waiting: PollSet, wakeFd: number, mostMs: number, late: LateResponses | undefined): void {
  if (mostMs > 0 && late !== undefined) {
    waiting.wait(late.sleep(mostMs))
    late.awake()
  } else {
    waiting.wait(mostMs)
  }
  // Here, before `tick` reads what it announced.
  if (waiting.isReady(WAKE_INDEX)) drainWakeFd(libc, wakeFd)
}
