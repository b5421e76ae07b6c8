import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type ContainerDns, type ContainerDnsOptions, createContainerDns, type ForwardOptions } from 'containerdns'
import type { TestUpstream, UpstreamQuery, UpstreamResponse } from 'containerdns/testing'
import { buildQuery, type QueryParts } from '../support/build-query.js'
import { type ReadMessage, readMessage } from '../support/read-message.js'
import { framed, TcpClient } from '../support/tcp-client.js'

/** What is said of forwarding in tests unless they say otherwise: short waits, so that a test of a time-out is short. */
const TIMES = { tryTimeoutMs: 400, timeoutMs: 2_000 } as const

/** A server that forwards to upstreams, asked by one client over UDP and TCP. */
export class Forwarding implements AsyncDisposable {
  readonly dns: ContainerDns
  readonly #socket: Socket
  readonly #waiting = new Map<number, (response: Uint8Array) => void>()
  #nextId = 1

  private constructor(dns: ContainerDns, socket: Socket) {
    this.dns = dns
    this.#socket = socket
    socket.on('message', (bytes) => this.#take(bytes))
  }

  static async start(
    upstreams: readonly TestUpstream[],
    forward: ForwardOptions = {},
    options: ContainerDnsOptions = {},
  ): Promise<Forwarding> {
    const dns = await createContainerDns({
      zones: ['local.example'],
      listen: { port: 0 },
      workers: 1,
      ...options,
      forward: {
        ...(upstreams.length > 0 && { upstreams: addressesOf(upstreams) }),
        policy: 'sequential',
        ...TIMES,
        ...forward,
      },
    })
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 })
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new Forwarding(dns, socket)
  }

  get place(): { host: string; port: number } {
    return this.dns.addresses[0]!
  }

  /** Asks once over UDP, with EDNS unless `parts` say otherwise. Rejects when nothing has come after ten seconds. */
  async ask(name: string | Uint8Array, type: string | number = 'A', parts: QueryParts = {}): Promise<ReadMessage> {
    const id = this.#nextId++ & 0xffff
    const query = buildQuery(name, type, { edns: { size: 1232 }, ...parts, id })
    const response = new Promise<Uint8Array>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no response to ${name} ${type}`)), 10_000)
      this.#waiting.set(id, (bytes) => {
        clearTimeout(timer)
        resolve(bytes)
      })
    })
    this.#socket.send(query, this.place.port, this.place.host)
    return readMessage(await response)
  }

  /** The same over TCP. */
  async askOverTcp(name: string, type: string | number = 'A'): Promise<ReadMessage> {
    await using client = await TcpClient.open(this.place)
    client.socket.write(framed(buildQuery(name, type, { edns: { size: 1232 } })))
    return readMessage(await client.next())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()))
    await this.dns.close()
  }

  #take(bytes: Buffer): void {
    const id = bytes.readUInt16BE(0)
    this.#waiting.get(id)?.(new Uint8Array(bytes))
    this.#waiting.delete(id)
  }
}

function addressesOf(upstreams: readonly TestUpstream[]): string[] {
  return upstreams.map(({ host, port }) => `${host}:${port}`)
}

/** What came for names below `example.org`: probes ask for others. */
export function askedOf({ queries }: TestUpstream): UpstreamQuery[] {
  return queries.filter(({ name }) => /(^|\.)example\.org$/i.test(name))
}

/** Answers any question for addresses with one. */
export function always(address: string, ttl = 60): (query: { name: string; type: string }) => UpstreamResponse {
  return ({ name, type }) => (type === 'A' ? { answer: [{ name, type: 'A', ttl, data: address }] } : {})
}

/** The RCODE and what the answers say: `0 192.0.2.1`. */
export function brief({ rcode, answer }: ReadMessage): string {
  const addresses = answer.map(({ type, rdata }) => (type === 1 ? [...Buffer.from(rdata, 'hex')].join('.') : rdata))
  return [rcode, ...addresses].join(' ')
}

/** How long something took, beside what it gave. */
export async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const from = performance.now()
  const value = await work()
  return [value, performance.now() - from]
}
