import { nameToText } from '../../lib/wire/name.js'
import { typeName } from '../../lib/wire/rdata/record-type.js'
import { nameIn, type ReadMessage, type ReadRecord, readMessage } from '../support/read-message.js'
import { framed, TcpClient } from '../support/tcp-client.js'
import { UdpAsker } from '../support/udp-asker.js'
import { type Question, queryOf } from './questions.js'

/** What is compared of a response. */
export interface Answer {
  readonly rcode: number
  readonly aa: boolean
  readonly answer: readonly ReadRecord[]
  readonly authority: readonly ReadRecord[]
  readonly additional: readonly ReadRecord[]
  /** Whether the response could have held a record more. */
  hasRoom(record: ReadRecord): boolean
}

interface Place {
  readonly host: string
  readonly port: number
}

const [FLAG_QR, FLAG_AA, FLAG_TC] = [0x8000, 0x0400, 0x0200]

/** A server as a resolver sees it: asked over UDP, and over TCP where the answer is truncated. */
export class Answered implements AsyncDisposable {
  readonly #place: Place
  readonly #udp: UdpAsker
  /** How many had to be asked over TCP. */
  truncated = 0

  private constructor(place: Place, udp: UdpAsker) {
    this.#place = place
    this.#udp = udp
  }

  static async open(place: Place): Promise<Answered> {
    return new Answered(place, await UdpAsker.open(place))
  }

  /** Rejects when the response is no proper one: it must parse to the last octet, be to this question, and keep the client's limit. */
  async ask(question: Question): Promise<Answer> {
    const query = queryOf(question)
    const bytes = await this.#udp.ask(query)
    const limit = question.edns === undefined ? 512 : Math.max(512, question.edns.size ?? 0)
    if (bytes.length > limit) throw new Error(`${bytes.length} octets to a client that takes ${limit}`)
    const response = checked(query, bytes)
    if ((response.flags & FLAG_TC) === 0) return answerOf(response, Math.min(limit, MAX_UDP_RESPONSE) - bytes.length)
    this.truncated++
    return this.askWhole(question)
  }

  /** The same over TCP. */
  async askWhole(question: Question): Promise<Answer> {
    const query = queryOf(question)
    const whole = checked(query, await this.#overTcp(query))
    if ((whole.flags & FLAG_TC) !== 0) throw new Error('a truncated response over TCP')
    return answerOf(whole, Number.POSITIVE_INFINITY)
  }

  async #overTcp(query: Uint8Array): Promise<Uint8Array> {
    await using client = await TcpClient.open(this.#place)
    client.socket.write(framed(query))
    return new Uint8Array(await client.next())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#udp[Symbol.asyncDispose]()
  }
}

function checked(query: Uint8Array, bytes: Uint8Array): ReadMessage {
  const response = readMessage(bytes)
  if ((response.flags & FLAG_QR) === 0) throw new Error('a response that says it is a query')
  const asked = query.subarray(12, 12 + response.question.length)
  if (!Buffer.from(asked).equals(response.question)) throw new Error('a response to another question')
  return response
}

function answerOf({ rcode, flags, answer, authority, additional }: ReadMessage, room: number): Answer {
  const hasRoom = ({ owner, rdata }: ReadRecord) => owner.length + RECORD_SIZE + rdata.length / 2 <= room
  return { rcode, aa: (flags & FLAG_AA) !== 0, answer, authority, additional, hasRoom }
}

/** What all three send at most. */
const MAX_UDP_RESPONSE = 1232
/** The end of an owner, type, class, TTL and the length of rdata. */
const RECORD_SIZE = 11

/** For people. */
export function describeQuestion({ name, type, edns }: Question): string {
  return `${nameToText(name)} ${typeName(type)}${edns === undefined ? '' : ` EDNS ${edns.size}`}`
}

/** A record as a line; lines are equal where records are. */
export function recordLine({ owner, ttl, type, rdata }: ReadRecord): string {
  const shown = HOLDS_ONE_NAME.has(type) ? nameIn(rdata) : rdata
  return `${owner} ${ttl} ${typeName(type)} ${shown}`
}

const HOLDS_ONE_NAME = new Set([2, 5, 12])
