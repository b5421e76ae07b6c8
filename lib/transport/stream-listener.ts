import type { Socket } from 'node:net'
import type { TlsIdentity } from './tls-certificate.js'

/** What becomes of the connections to one listening socket. */
export interface StreamListener {
  /** Takes a connection in, or closes it. */
  accept(socket: Socket): void
  /** Closes what takes too long; called now and then. */
  sweep(): void
  /** New handshakes show another certificate. */
  renew?(tls: TlsIdentity): void
}
