import type { ClientAddresses } from './query-context.js'

// The ends of a query that has to wait, beside its client's address:
//
//   | client's port u16 | server's port u16 | length of the server's address u8, 3 unused | server's address 16 |
//
// Ports of 0 and an address of no length are not known.

const CLIENT_PORT = 0
const SERVER_PORT = CLIENT_PORT + 2
const SERVER_LENGTH = SERVER_PORT + 2
const SERVER = SERVER_LENGTH + 4
export const ENDS_SIZE = SERVER + 16

/** Writes down the ends of request `i`. For those who are shown queries: without them, nobody reads it. */
export function saveEnds(clients: ClientAddresses, i: number, bytes: Uint8Array, at: number): void {
  writeU16(bytes, at + CLIENT_PORT, clients.clientPort?.(i) ?? 0)
  writeU16(bytes, at + SERVER_PORT, clients.serverPort?.(i) ?? 0)
  bytes[at + SERVER_LENGTH] = clients.serverAddress?.(i, bytes.subarray(at + SERVER, at + ENDS_SIZE)) ?? 0
}

/** What a slot holds of who has asked. */
export interface ClientInSlot {
  readonly bytes: Uint8Array
  readonly clientStart: number
  readonly clientLength: number
  readonly endsStart: number
}

/** The client of the query in the slot that `slotInHand` gives. */
export function clientInSlot(slotInHand: () => ClientInSlot): ClientAddresses {
  return {
    clientAddress(_, target) {
      const { bytes, clientStart, clientLength } = slotInHand()
      return copyBytes(bytes, clientStart, target, clientLength)
    },
    clientPort() {
      const { bytes, endsStart } = slotInHand()
      return readU16(bytes, endsStart + CLIENT_PORT)
    },
    serverAddress(_, target) {
      const { bytes, endsStart } = slotInHand()
      return copyBytes(bytes, endsStart + SERVER, target, bytes[endsStart + SERVER_LENGTH]!)
    },
    serverPort() {
      const { bytes, endsStart } = slotInHand()
      return readU16(bytes, endsStart + SERVER_PORT)
    },
  }
}

function copyBytes(from: Uint8Array, start: number, target: Uint8Array, length: number): number {
  for (let i = 0; i < length; i++) target[i] = from[start + i]!
  return length
}

function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
