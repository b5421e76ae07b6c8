import type { Exchange } from './exchange.js'
import { ProtobufWriter } from './protobuf-writer.js'

// dnstap.proto (dnstap.info): the numbers of the fields that are written.

const Dnstap = { identity: 1, version: 2, message: 14, type: 15 } as const
const DNSTAP_TYPE_MESSAGE = 1

const Message = {
  type: 1,
  socketFamily: 2,
  socketProtocol: 3,
  queryAddress: 4,
  responseAddress: 5,
  queryPort: 6,
  responsePort: 7,
  queryTimeSec: 8,
  queryTimeNsec: 9,
  queryMessage: 10,
  responseTimeSec: 12,
  responseTimeNsec: 13,
  responseMessage: 14,
} as const

/** Of those that have another server's answer: we stand between a client and a resolver then. */
const CLIENT_QUERY = 5
const AUTH_QUERY = 1
/** Of what we ask upstreams. */
const FORWARDER_QUERY = 7

const INET = 1
const INET6 = 2
const IPV4_BYTES = 4
const PROTOCOLS: Readonly<Record<Exchange['protocol'], number>> = { udp: 1, tcp: 2, dot: 3, doh: 4 }

/** More than all fields but messages, identity and version can take. */
const FIELDS_BYTES = 128

/** Writes exchanges as messages of dnstap. */
export class DnstapMessages {
  readonly #writer = new ProtobufWriter()
  readonly #identity: Uint8Array
  readonly #version: Uint8Array

  constructor(identity: string, version: string) {
    this.#identity = Buffer.from(identity)
    this.#version = Buffer.from(version)
  }

  /** The most that `writeQuery` or `writeResponse` writes for a DNS message of so many octets. */
  maxBytes(messageBytes: number): number {
    return FIELDS_BYTES + this.#identity.length + this.#version.length + messageBytes
  }

  /** Returns where it ends. */
  writeQuery(exchange: Exchange, bytes: Uint8Array, start: number): number {
    const message = this.#begin(exchange, queryType(exchange), bytes, start)
    this.#writer.octets(Message.queryMessage, exchange.query)
    return this.#end(message)
  }

  /** The same for the response, if there is one. */
  writeResponse(exchange: Exchange, bytes: Uint8Array, start: number): number {
    const message = this.#begin(exchange, queryType(exchange) + 1, bytes, start)
    this.#writeTime(Message.responseTimeSec, Message.responseTimeNsec, exchange.responseTimeMs)
    this.#writer.octets(Message.responseMessage, exchange.response)
    return this.#end(message)
  }

  #begin(exchange: Exchange, type: number, bytes: Uint8Array, start: number): number {
    const writer = this.#writer
    writer.reset(bytes, start)
    writer.octets(Dnstap.identity, this.#identity)
    writer.octets(Dnstap.version, this.#version)
    writer.integer(Dnstap.type, DNSTAP_TYPE_MESSAGE)
    const message = writer.beginMessage(Dnstap.message)
    writer.integer(Message.type, type)
    this.#writeEnds(exchange)
    this.#writeTime(Message.queryTimeSec, Message.queryTimeNsec, exchange.queryTimeMs)
    return message
  }

  #end(message: number): number {
    this.#writer.endMessage(message)
    return this.#writer.position
  }

  #writeEnds(exchange: Exchange): void {
    const writer = this.#writer
    const { address, port, serverAddress, serverPort, protocol } = exchange
    const known = address.length > 0 ? address : serverAddress
    if (known.length > 0) writer.integer(Message.socketFamily, known.length === IPV4_BYTES ? INET : INET6)
    writer.integer(Message.socketProtocol, PROTOCOLS[protocol])
    if (address.length > 0) writer.octets(Message.queryAddress, address)
    if (serverAddress.length > 0) writer.octets(Message.responseAddress, serverAddress)
    if (port > 0) writer.integer(Message.queryPort, port)
    if (serverPort > 0) writer.integer(Message.responsePort, serverPort)
  }

  #writeTime(secondsField: number, nanosecondsField: number, timeMs: number): void {
    const seconds = Math.floor(timeMs / 1000)
    this.#writer.integer(secondsField, seconds)
    this.#writer.fixed32(nanosecondsField, Math.floor((timeMs - seconds * 1000) * 1_000_000))
  }
}

/** The type of its response is the next number. */
function queryType({ isWithUpstream, isForwarded }: Exchange): number {
  if (isWithUpstream) return FORWARDER_QUERY
  return isForwarded ? CLIENT_QUERY : AUTH_QUERY
}
