import { BatchSocket } from './batch-socket.js'
import {
  BATCH_SIZE,
  type BatchEndpoints,
  type DatagramHandler,
  type LateResponses,
  MAX_REQUEST_SIZE,
  MAX_RESPONSE_SIZE,
  MAX_WAIT_MS,
  type ServeControl,
} from './datagram-transport.js'
import { LateSender } from './late-sender.js'
import { type Libc, loadLibc } from './libc.js'
import { POLLIN } from './linux-constants.js'
import { PollSet } from './poll-set.js'
import { SlotMemory } from './slot-memory.js'
import { drainWakeFd } from './wake-fd.js'

/**
 * Serves sockets with recvmmsg and sendmmsg. Blocks its thread until `tick` says stop, and answers then what is queued.
 *
 * Throws only for a descriptor that is none. Each turn of the loop calls `tick`: V8 looks for a request to terminate
 * the thread when a function is entered, so a loop around system calls alone could never be ended.
 */
export function serveBatch(endpoints: BatchEndpoints, handler: DatagramHandler, control: ServeControl): void {
  const libc = loadLibc()
  const payloads = {
    requests: new SlotMemory(libc, BATCH_SIZE, MAX_REQUEST_SIZE),
    responses: new SlotMemory(libc, BATCH_SIZE, MAX_RESPONSE_SIZE),
  }
  const sockets = endpoints.sockets.map((socket) => new BatchSocket(libc, socket, payloads))
  const waiting = new PollSet(libc, [endpoints.wakeFd, ...endpoints.sockets.map((socket) => socket.fd)], POLLIN)
  const { late } = handler
  const lateSender = late && new LateSender(late, sockets, payloads.responses)
  while (control.tick()) {
    const served = serveRound(sockets, handler)
    lateSender?.send()
    if (!served) waitForMore(libc, waiting, endpoints.wakeFd, late)
  }
  for (let round = 0; round < LAST_ROUNDS && serveRound(sockets, handler); round++) control.tick()
  late?.giveUp()
  lateSender?.send()
}

/** After the end: what was queued before `DatagramSockets.leave`, at most 10 000 datagrams a socket, is answered. */
const LAST_ROUNDS = 256

const WAKE_INDEX = 0

/** A batch from each socket that has one, so that none can starve the others; false if none had. */
function serveRound(sockets: readonly BatchSocket[], handler: DatagramHandler): boolean {
  let served = false
  for (let i = 0; i < sockets.length; i++) {
    if (sockets[i]!.serve(handler)) served = true
  }
  return served
}

function waitForMore(libc: Libc, waiting: PollSet, wakeFd: number, late: LateResponses | undefined): void {
  waiting.wait(late === undefined ? MAX_WAIT_MS : late.sleep(MAX_WAIT_MS))
  late?.awake()
  // Here, before `tick` reads what it announced.
  if (waiting.isReady(WAKE_INDEX)) drainWakeFd(libc, wakeFd)
}
