import { LATER } from '../handoff/layout.js'
import type { BatchSocket } from './batch-socket.js'
import { BATCH_SIZE, type LateResponses, MAX_RESPONSE_SIZE } from './datagram-transport.js'
import type { SlotMemory } from './slot-memory.js'

/** Sends responses that are late, each on the socket on which its query came, as many as can be in one call. */
export class LateSender {
  readonly #late: LateResponses
  readonly #sockets: readonly BatchSocket[]
  readonly #responses: SlotMemory

  constructor(late: LateResponses, sockets: readonly BatchSocket[], responses: SlotMemory) {
    this.#late = late
    this.#sockets = sockets
    this.#responses = responses
    for (const [i, socket] of sockets.entries()) socket.number = i
  }

  send(): void {
    const late = this.#late
    if (!late.next()) return
    const { bytes, stride } = this.#responses
    let socket: BatchSocket | undefined
    let count = 0
    let failures = 0
    late.begin()
    do {
      const { routeBytes, routeStart } = late
      const own = this.#sockets[routeBytes[routeStart]!]!
      if (socket !== undefined && (own !== socket || count === BATCH_SIZE)) {
        failures += socket.sendLate(count)
        count = 0
      }
      socket = own
      // Before the response is written, after which the route may be another query's.
      socket.routeLate(count, routeBytes, routeStart)
      const length = late.write(bytes, count * stride, MAX_RESPONSE_SIZE)
      if (length === LATER || length === 0) continue
      socket.setLateLength(count, length)
      count++
    } while (late.next())
    if (socket !== undefined && count > 0) failures += socket.sendLate(count)
    late.end(failures)
  }
}
