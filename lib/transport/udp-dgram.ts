import type { RemoteInfo, Socket } from 'node:dgram'
import { writeClientAddress } from './client-address.js'
import {
  BATCH_SIZE,
  type DatagramHandler,
  type DgramEndpoints,
  type EventLoopControl,
  MAX_REQUEST_SIZE,
  MAX_RESPONSE_SIZE,
  type RequestBatch,
} from './datagram-transport.js'
import { bindDgramSocket, createDgramSocket } from './dgram-socket.js'
import { untilStopped } from './until-stopped.js'

/**
 * Serves sockets of Node's on the event loop of the thread; each datagram is a batch of its own.
 *
 * Binds them itself, and rejects if it cannot. Resolves, with all of them closed, when `tick` says stop.
 */
export async function serveDgram(
  endpoints: DgramEndpoints,
  handler: DatagramHandler,
  control: EventLoopControl,
): Promise<void> {
  const responder = new Responder(handler)
  const sockets: Socket[] = []
  try {
    for (const place of endpoints.sockets) {
      const socket = createDgramSocket(place.family, endpoints.reusePort)
      sockets.push(socket)
      socket.on('message', (request, client) => responder.respond(socket, request, client))
      await bindDgramSocket(socket, place)
      socket.on('error', responder.countFailure)
    }
    await untilStopped(control)
  } finally {
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(resolve))))
  }
}

/** Has requests answered, and keeps the bytes of a response until Node has sent them. */
class Responder {
  readonly #handler: DatagramHandler
  readonly #free: ResponseSlot[]
  readonly #batch: RequestBatch & { bytes: Uint8Array } = {
    bytes: new Uint8Array(0),
    count: 1,
    starts: new Uint32Array(1),
    lengths: new Uint32Array(1),
    clientAddress: (_, target) => writeClientAddress(this.#client, target),
  }
  #client = ''
  #failures = 0

  constructor(handler: DatagramHandler) {
    this.#handler = handler
    this.#free = Array.from({ length: RESPONSE_SLOTS }, () => this.#createSlot())
  }

  respond(socket: Socket, request: Buffer, client: RemoteInfo): void {
    const slot = this.#free.pop()
    if (slot === undefined) {
      this.countFailure()
      return
    }
    const requestLength = Math.min(request.length, MAX_REQUEST_SIZE)
    this.#batch.bytes = request
    this.#client = client.address
    this.#batch.lengths[0] = requestLength
    this.#handler.beginBatch(this.#batch)
    const length = this.#handler.answer(request, 0, requestLength, slot.bytes, 0, MAX_RESPONSE_SIZE)
    if (length === 0) this.#free.push(slot)
    else this.#send(socket, slot, length, client)
    this.#handler.endBatch(this.#failures)
    this.#failures = 0
  }

  /** Also for errors of a socket: where a system reports those, they are about a response sent before. */
  readonly countFailure = (): void => {
    this.#failures++
  }

  /** Node throws at once for what it can see to be wrong, a client's port of 0. */
  #send(socket: Socket, slot: ResponseSlot, length: number, client: RemoteInfo): void {
    try {
      socket.send(slot.bytes, 0, length, client.port, client.address, slot.release)
    } catch {
      slot.release(new Error('not sent'))
    }
  }

  #createSlot(): ResponseSlot {
    const slot: ResponseSlot = {
      bytes: new Uint8Array(MAX_RESPONSE_SIZE),
      release: (error) => {
        if (error !== null) this.countFailure()
        this.#free.push(slot)
      },
    }
    return slot
  }
}

interface ResponseSlot {
  readonly bytes: Uint8Array
  /** Node's callback of a send; one a slot, so that no closure is made for a query. */
  readonly release: (error: Error | null) => void
}

/** Responses that wait for room in a socket. A send is nearly always done at once; with this many, the network is stuck. */
const RESPONSE_SLOTS = BATCH_SIZE
