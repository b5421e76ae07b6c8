import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server, type Socket as Stream } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { nameToText } from '../../lib/wire/name.js'
import { FLAGS } from './build-query.js'

/** A query as the upstream got it. */
export interface ReceivedQuery {
  readonly bytes: Buffer
  readonly id: number
  readonly name: string
  readonly type: number
  readonly protocol: 'udp' | 'tcp'
  readonly flags: number
  readonly hasEdns: boolean
  /** Of the sender. */
  readonly port: number
  /** How many have come before. */
  readonly count: number
  readonly respond: (message: Uint8Array) => void
  /** Sends the same over another UDP socket, from another port. */
  readonly respondFromElsewhere: (message: Uint8Array) => void
  /** TCP: closes the connection. */
  readonly hangUp: () => void
}

export type UpstreamScript = (query: ReceivedQuery) => void

/** A response with the question of a query, letter by letter, and records behind it. */
export function responseTo(
  query: Uint8Array,
  parts: { rcode?: number; flags?: number; answers?: Uint8Array[] } = {},
): Buffer {
  const end = questionEnd(query)
  const response = Buffer.concat([query.subarray(0, end), ...(parts.answers ?? [])])
  response.writeUInt16BE((parts.flags ?? FLAGS.QR | FLAGS.RD | FLAGS.RA) | (parts.rcode ?? 0), 2)
  for (const [at, count] of [
    [4, 1],
    [6, parts.answers?.length ?? 0],
    [8, 0],
    [10, 0],
  ] as const)
    response.writeUInt16BE(count, at)
  return response
}

/** An A record of the question's name, TTL 60. */
export function addressRecord(last: number): Uint8Array {
  return Uint8Array.of(0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, last)
}

/** A server on UDP and TCP, or TLS, whose script does with each query what it likes. */
export class ScriptedUpstream {
  readonly queries: ReceivedQuery[] = []
  connections = 0
  script: UpstreamScript
  port = 0
  readonly #udp: Socket
  readonly #elsewhere: Socket
  readonly #tcp: Server
  readonly #streams = new Set<Stream>()

  private constructor(script: UpstreamScript, tls: { cert: string; key: string } | undefined) {
    this.script = script
    this.#udp = createSocket('udp4')
    this.#elsewhere = createSocket('udp4')
    this.#udp.on('message', (bytes, from) => this.#onDatagram(bytes, from))
    this.#tcp =
      tls === undefined
        ? createServer((stream) => this.#onStream(stream))
        : createTlsServer(tls, (stream) => this.#onStream(stream))
    this.#tcp.on('tlsClientError', () => {})
  }

  static async start(
    script: UpstreamScript,
    { port = 0, tls }: { port?: number; tls?: { cert: string; key: string } } = {},
  ): Promise<ScriptedUpstream> {
    for (;;) {
      const upstream = new ScriptedUpstream(script, tls)
      try {
        await upstream.#listen(port)
        return upstream
      } catch (error) {
        await upstream[Symbol.asyncDispose]()
        // Somebody has the number for UDP: another one, then.
        if (port !== 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      }
    }
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  get names(): string[] {
    return this.queries.map(({ name }) => name)
  }

  /** Stops answering TCP: connections are refused from now on. */
  async refuseStreams(): Promise<void> {
    for (const stream of this.#streams) stream.destroy()
    this.#tcp.close()
    await once(this.#tcp, 'close')
  }

  closeStreams(): void {
    for (const stream of this.#streams) stream.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stream of this.#streams) stream.destroy()
    this.#tcp.close()
    for (const socket of [this.#udp, this.#elsewhere]) await new Promise<void>((done) => socket.close(() => done()))
  }

  async #listen(port: number): Promise<void> {
    this.#tcp.listen(port, '127.0.0.1')
    await once(this.#tcp, 'listening')
    this.port = (this.#tcp.address() as { port: number }).port
    this.#udp.bind(this.port, '127.0.0.1')
    await once(this.#udp, 'listening')
    this.#elsewhere.bind(0, '127.0.0.1')
    await once(this.#elsewhere, 'listening')
  }

  #onDatagram(bytes: Buffer, from: RemoteInfo): void {
    this.#run(bytes, 'udp', from.port, {
      respond: (message) => this.#udp.send(message, from.port, from.address),
      respondFromElsewhere: (message) => this.#elsewhere.send(message, from.port, from.address),
      hangUp: () => {},
    })
  }

  #onStream(stream: Stream): void {
    this.connections++
    this.#streams.add(stream)
    stream.on('error', () => {})
    stream.on('close', () => this.#streams.delete(stream))
    let held = Buffer.alloc(0)
    stream.on('data', (chunk) => {
      held = Buffer.concat([held, chunk])
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        const message = held.subarray(2, 2 + held.readUInt16BE(0))
        held = held.subarray(2 + message.length)
        this.#run(message, 'tcp', stream.remotePort ?? 0, {
          respond: (response) =>
            stream.write(Buffer.concat([Buffer.of(response.length >> 8, response.length), response])),
          respondFromElsewhere: () => {},
          hangUp: () => stream.destroy(),
        })
      }
    })
  }

  #run(
    bytes: Buffer,
    protocol: 'udp' | 'tcp',
    port: number,
    ways: Pick<ReceivedQuery, 'respond' | 'respondFromElsewhere' | 'hangUp'>,
  ): void {
    const end = questionEnd(bytes)
    const query = {
      ...{ bytes, protocol, port, ...ways },
      id: bytes.readUInt16BE(0),
      flags: bytes.readUInt16BE(2),
      name: nameToText(bytes, 12),
      type: bytes.readUInt16BE(end - 4),
      hasEdns: bytes.readUInt16BE(10) > 0,
      count: this.queries.length,
    }
    // The test for loops that each upstream gets is not what a script is about.
    if (LOOP_TEST.test(query.name)) {
      query.respond(responseTo(bytes, { rcode: 3 }))
      return
    }
    this.queries.push(query)
    this.script(query)
  }
}

/** A label of 128 bits in base 16. */
export const LOOP_TEST = /^[0-9a-f]{32}(\.|$)/i

function questionEnd(message: Uint8Array): number {
  let at = 12
  while (message[at] !== 0) at += 1 + message[at]!
  return at + 5
}
