import type { UpstreamAddress } from '../upstream-address.js'

/** One UDP socket that is connected to an upstream: the kernel lets in what comes from there, and nothing else. */
export interface UpstreamSocket {
  /** Sends the first `length` bytes of `UpstreamSockets.outgoing`. False when the system does not take them. */
  send(length: number): boolean
  close(): void
}

/** What comes in. */
export interface ReplyHandler {
  /** `bytes` hold the datagram from 0 on, and are overwritten once this returns. */
  onDatagram(socket: number, bytes: Uint8Array, length: number): void
  /** The system says that nobody listens there (an ICMP error to something that was sent before). */
  onUnreachable(socket: number): void
}

/** The ways to have UDP sockets behind one interface: `batch` is the kernel's, by koffi, and `dgram` Node's. */
export interface UpstreamSockets {
  readonly kind: 'batch' | 'dgram'
  /** Where what is to be sent is written. */
  readonly outgoing: Uint8Array
  /** Undefined when the system has no more descriptors or ports, or no way to the address. `number` is told to the handler. */
  open(address: UpstreamAddress, number: number): UpstreamSocket | undefined
  /** Whether `receive` ends when another thread wants this one. */
  readonly canBeWoken: boolean
  /**
   * `batch`: hands over all that has come, after waiting for it as long as `waitMs`, and says whether there was anything. `dgram`: nothing,
   * the event loop does it.
   */
  receive(waitMs: number): boolean
  /** After all sockets. */
  close(): void
}
