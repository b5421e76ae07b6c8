import { BatchSocket } from './batch-socket.js'
import { BATCH_SIZE, type BatchEndpoints, MAX_RESPONSE_SIZE } from './datagram-transport.js'
import { type Libc, loadLibc } from './libc.js'
import { SlotMemory } from './slot-memory.js'

/** Sends responses on the sockets of another thread, which has saved where they are to go. Belongs to the thread that made it. */
export class RoutedSender {
  /** Where the next response goes, once it has been routed; there is room for `MAX_RESPONSE_SIZE`. */
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  readonly #outlets: readonly Outlet[]
  #outlet: Outlet | undefined
  #failures = 0

  constructor(endpoints: BatchEndpoints) {
    const libc = loadLibc()
    this.#outlets = endpoints.sockets.map((socket) => createOutlet(libc, socket))
  }

  /** Before a response is written: its route stands at `at`. */
  route(route: Uint8Array, at: number): void {
    const outlet = this.#outlets[route[at]!]!
    if (outlet.count === BATCH_SIZE) this.#send(outlet)
    outlet.socket.routeLate(outlet.count, route, at)
    this.#outlet = outlet
    this.bytes = outlet.responses.bytes
    this.start = outlet.count * outlet.responses.stride
  }

  /** The response that was routed last has been written. */
  add(length: number): void {
    const outlet = this.#outlet!
    outlet.socket.setLateLength(outlet.count, length)
    outlet.count++
  }

  /** Sends all that has been added, and returns how many responses the kernel has not taken since the last time. */
  flush(): number {
    for (const outlet of this.#outlets) if (outlet.count > 0) this.#send(outlet)
    const failures = this.#failures
    this.#failures = 0
    return failures
  }

  #send(outlet: Outlet): void {
    this.#failures += outlet.socket.sendLate(outlet.count)
    outlet.count = 0
  }
}

interface Outlet {
  readonly socket: BatchSocket
  readonly responses: SlotMemory
  count: number
}

function createOutlet(libc: Libc, endpoint: BatchEndpoints['sockets'][number]): Outlet {
  const responses = new SlotMemory(libc, BATCH_SIZE, MAX_RESPONSE_SIZE)
  // It receives nothing.
  return { socket: new BatchSocket(libc, endpoint, { requests: responses, responses }), responses, count: 0 }
}
