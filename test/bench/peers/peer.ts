import type { Socket } from 'node:dgram'

/** A DNS server that can be started with the hosts of the bench, in the foreground and on one thread. */
export interface Peer {
  readonly name: string
  /** Looked for on PATH and in /usr/sbin, unless it is a path. */
  readonly program: string
  /** What a query gets: an answer, or itself. Default: an answer. */
  readonly expects?: 'answer' | 'echo'
  /** Whether the process tells and is told things. */
  readonly speaks?: boolean
  /** Writes the configuration, and returns the arguments to start with. */
  prepare(place: PeerPlace): readonly string[]
}

export interface PeerPlace {
  /** An empty folder of its own. */
  readonly folder: string
  /** Left out: 127.0.0.1. */
  readonly host?: string
  /** For UDP and TCP. */
  readonly port: number
  readonly names: number
}

/** Where server and load are, if not on loopback: in network namespaces of their own, with a cable between them. */
export interface PeerNetwork {
  /** The server's address. */
  readonly host: string
  readonly serverNamespace: string
  readonly clientNamespace: string
  /** A socket on the side of clients. */
  openSocket(): Socket
}
