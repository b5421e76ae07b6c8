import { createServer, type Server, type Socket } from 'node:net'
import { readProtobuf } from './read-protobuf.js'

// Written from fstrm's description of the protocol and from dnstap.proto, and not from what sends.

const [ACCEPT, START, STOP, READY, FINISH] = [1, 2, 3, 4, 5]
const CONTENT = 'protobuf:dnstap.Dnstap'

/** A message of dnstap, as far as we send it. */
export interface Tapped {
  readonly identity: string
  readonly version: string
  readonly type: string
  readonly family: string | undefined
  readonly protocol: string
  readonly address: string | undefined
  readonly port: number | undefined
  readonly serverAddress: string | undefined
  readonly serverPort: number | undefined
  readonly queryTimeMs: number
  readonly responseTimeMs: number | undefined
  readonly query: Buffer | undefined
  readonly response: Buffer | undefined
}

/** A reader of dnstap on a unix socket or a port of TCP. */
export class DnstapReceiver {
  readonly messages: Tapped[] = []
  /** Of control frames, in their order: what the sender has said. */
  readonly heard: string[] = []
  /** All from START on, as a file of frame streams has it. */
  readonly streams: Buffer[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #accepted: string

  private constructor(accepted: string) {
    this.#accepted = accepted
    this.#server = createServer((socket) => this.#serve(socket))
  }

  /** `accepted` is the kind of content that it says it takes. */
  static async listen(where: string | number, accepted = CONTENT): Promise<DnstapReceiver> {
    const receiver = new DnstapReceiver(accepted)
    await new Promise<void>((resolve, reject) => {
      receiver.#server.once('error', reject)
      if (typeof where === 'string') receiver.#server.listen(where, resolve)
      else receiver.#server.listen(where, '127.0.0.1', resolve)
    })
    return receiver
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  /** Has its connections stop reading, as a reader that hangs does. */
  pause(): void {
    for (const socket of this.#sockets) socket.pause()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    const stream = this.streams.push(Buffer.alloc(0)) - 1
    let held = Buffer.alloc(0)
    const take = (size: number) => {
      const taken = held.subarray(0, size)
      held = held.subarray(size)
      return taken
    }
    const keep = (frame: Buffer) => {
      this.streams[stream] = Buffer.concat([this.streams[stream]!, frame])
    }
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk])
      for (;;) {
        if (held.length < 4) return
        const length = held.readUInt32BE()
        if (length > 0) {
          if (held.length < 4 + length) return
          const frame = take(4 + length)
          keep(frame)
          this.messages.push(tapped(frame.subarray(4)))
          continue
        }
        if (held.length < 8 || held.length < 8 + held.readUInt32BE(4)) return
        const frame = take(8 + held.readUInt32BE(4))
        const type = frame.readUInt32BE(8)
        this.heard.push(`${['', 'ACCEPT', 'START', 'STOP', 'READY', 'FINISH'][type]} ${contents(frame).join()}`.trim())
        if (type === START || type === STOP) keep(frame)
        if (type === READY) socket.write(control(ACCEPT!, this.#accepted))
        else if (type === STOP) socket.end(control(FINISH!))
        else if (type !== START) throw new Error(`a sender must not send a control frame of type ${type}`)
      }
    })
  }
}

/** The kinds of content that a control frame names. */
function contents(frame: Buffer): string[] {
  const found: string[] = []
  for (let at = 12; at < frame.length; at += 8 + frame.readUInt32BE(at + 4)) {
    if (frame.readUInt32BE(at) !== 1) throw new Error('an unknown field of a control frame')
    found.push(frame.toString('latin1', at + 8, at + 8 + frame.readUInt32BE(at + 4)))
  }
  return found
}

function control(type: number, content?: string): Buffer {
  const u32 = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
  }
  const field = content === undefined ? [] : [u32(1), u32(content.length), Buffer.from(content)]
  const body = Buffer.concat([u32(type), ...field])
  return Buffer.concat([u32(0), u32(body.length), body])
}

const TYPES = [
  ...['', 'AUTH_QUERY', 'AUTH_RESPONSE', 'RESOLVER_QUERY', 'RESOLVER_RESPONSE', 'CLIENT_QUERY', 'CLIENT_RESPONSE'],
  ...['FORWARDER_QUERY', 'FORWARDER_RESPONSE'],
]

function tapped(bytes: Buffer): Tapped {
  const dnstap = readProtobuf(bytes)
  if (dnstap.get(15)?.[0] !== 1) throw new Error('a Dnstap that is no message')
  const message = readProtobuf(dnstap.get(14)![0] as Buffer)
  const number = (field: number) => message.get(field)?.[0] as number | undefined
  const octets = (field: number) => message.get(field)?.[0] as Buffer | undefined
  const time = (seconds: number, nanoseconds: number) =>
    number(seconds) === undefined ? undefined : number(seconds)! * 1000 + number(nanoseconds)! / 1e6
  return {
    identity: String(dnstap.get(1)?.[0]),
    version: String(dnstap.get(2)?.[0]),
    type: TYPES[number(1)!]!,
    family: [undefined, 'INET', 'INET6'][number(2) ?? 0],
    protocol: ['', 'UDP', 'TCP', 'DOT', 'DOH'][number(3)!]!,
    address: octets(4)?.toString('hex'),
    serverAddress: octets(5)?.toString('hex'),
    port: number(6),
    serverPort: number(7),
    queryTimeMs: time(8, 9)!,
    responseTimeMs: time(12, 13),
    query: octets(10),
    response: octets(14),
  }
}
