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
  /** On 127.0.0.1, for UDP and TCP. */
  readonly port: number
  readonly names: number
}
