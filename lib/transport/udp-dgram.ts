import type { RemoteInfo, Socket } from 'node:dgram'
import { LATER } from '../handoff/layout.js'
import { writeClientAddress } from './client-address.js'
import {
  BATCH_SIZE,
  type DatagramHandler,
  type DgramEndpoints,
  type EventLoopControl,
  type LateResponses,
  MAX_REQUEST_SIZE,
  MAX_RESPONSE_SIZE,
  type RequestBatch,
  ROUTE_SIZE,
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
  const sockets: Socket[] = []
  const responder = new Responder(handler, sockets, endpoints.sockets)
  const { late } = handler
  late?.watch(() => responder.respondLate(late))
  try {
    for (const place of endpoints.sockets) {
      const socket = createDgramSocket(place.family, endpoints.reusePort)
      const number = sockets.push(socket) - 1
      socket.on('message', (request, client) => responder.respond(number, request, client))
      await bindDgramSocket(socket, place)
      socket.on('error', responder.countFailure)
    }
    await untilStopped(control)
    late?.giveUp()
    if (late !== undefined) responder.respondLate(late)
  } finally {
    late?.close()
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
    clientAddress: (_, target) => writeClientAddress(this.#client.address, target),
    clientPort: () => this.#client.port,
    serverAddress: (_, target) => writeClientAddress(this.#places[this.#socket]!.host, target),
    serverPort: () => this.#places[this.#socket]!.port,
    saveRoute: (_, target, at) => saveRoute(this.#socket, this.#client, target, at),
  }
  readonly #sockets: readonly Socket[]
  readonly #places: DgramEndpoints['sockets']
  /** Whose request is in hand, and the number of the socket on which it came. */
  #client: Client = { address: '', port: 0 }
  #socket = 0
  #failures = 0

  /** `places` are those that the sockets are bound to, in their order. */
  constructor(handler: DatagramHandler, sockets: readonly Socket[], places: DgramEndpoints['sockets']) {
    this.#handler = handler
    this.#sockets = sockets
    this.#places = places
    this.#free = Array.from({ length: RESPONSE_SLOTS }, () => this.#createSlot())
  }

  respond(socket: number, request: Buffer, client: RemoteInfo): void {
    const slot = this.#free.pop()
    if (slot === undefined) {
      this.countFailure()
      return
    }
    const requestLength = Math.min(request.length, MAX_REQUEST_SIZE)
    this.#batch.bytes = request
    this.#client = client
    this.#socket = socket
    this.#batch.lengths[0] = requestLength
    this.#handler.beginBatch(this.#batch)
    const length = this.#handler.answer(request, 0, requestLength, slot.bytes, 0, MAX_RESPONSE_SIZE)
    if (length <= 0) this.#free.push(slot)
    else this.#send(socket, slot, length, client)
    this.#handler.endBatch(this.#failures)
    this.#failures = 0
    if (length === LATER) this.#handler.late!.parked()
  }

  respondLate(late: LateResponses): void {
    if (!late.next()) return
    late.begin()
    do {
      const slot = this.#free.pop() ?? this.#createSlot()
      const { socket, client } = readRoute(late.routeBytes, late.routeStart)
      const length = late.write(slot.bytes, 0, MAX_RESPONSE_SIZE)
      if (length <= 0) this.#free.push(slot)
      else this.#send(socket, slot, length, client)
    } while (late.next())
    late.end(this.#failures)
    this.#failures = 0
  }

  /** Also for errors of a socket: where a system reports those, they are about a response sent before. */
  readonly countFailure = (): void => {
    this.#failures++
  }

  /** Node throws at once for what it can see to be wrong, a client's port of 0. */
  #send(socket: number, slot: ResponseSlot, length: number, client: Client): void {
    try {
      this.#sockets[socket]!.send(slot.bytes, 0, length, client.port, client.address, slot.release)
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

type Client = Pick<RemoteInfo, 'address' | 'port'>

// A route: | socket u16 | port u16 | length of the address u8 | address, as text |
const ROUTE_ADDRESS_LENGTH = 4
const ROUTE_ADDRESS = ROUTE_ADDRESS_LENGTH + 1

function saveRoute(socket: number, { address, port }: Client, target: Uint8Array, at: number): void {
  target[at] = socket >>> 8
  target[at + 1] = socket
  target[at + 2] = port >>> 8
  target[at + 3] = port
  // An address of IPv6 has 39 characters at most, the name of an interface 15.
  const length = Math.min(address.length, ROUTE_SIZE - ROUTE_ADDRESS)
  target[at + ROUTE_ADDRESS_LENGTH] = length
  for (let i = 0; i < length; i++) target[at + ROUTE_ADDRESS + i] = address.charCodeAt(i)
}

function readRoute(bytes: Uint8Array, at: number): { socket: number; client: Client } {
  const start = at + ROUTE_ADDRESS
  const address = String.fromCharCode(...bytes.subarray(start, start + bytes[at + ROUTE_ADDRESS_LENGTH]!))
  const port = (bytes[at + 2]! << 8) | bytes[at + 3]!
  return { socket: (bytes[at]! << 8) | bytes[at + 1]!, client: { address, port } }
}

interface ResponseSlot {
  readonly bytes: Uint8Array
  /** Node's callback of a send; one a slot, so that no closure is made for a query. */
  readonly release: (error: Error | null) => void
}

/** Responses that wait for room in a socket. A send is nearly always done at once; with this many, the network is stuck. */
const RESPONSE_SLOTS = BATCH_SIZE
