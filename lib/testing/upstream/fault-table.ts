import { randomBytes } from 'node:crypto'
import { HEADER_SIZE } from '../../wire/constants.js'
import { nameFromText } from '../../wire/name.js'
import { type UpstreamQuery, udpLimitOf } from './upstream-query.js'
import {
  encodeResponse,
  type Oddities,
  questionOf,
  type RcodeName,
  type UpstreamRecord,
  type UpstreamResponse,
} from './upstream-response.js'

/** A message to send, and whether from a port that nobody has asked. */
export interface Outgoing {
  readonly bytes: Uint8Array
  readonly isFromElsewhere: boolean
}

/** A query and the right response to it. */
export class Exchange {
  readonly query: UpstreamQuery
  readonly response: UpstreamResponse
  /** As the script wrote it. */
  readonly #written: Uint8Array | undefined

  constructor(query: UpstreamQuery, response: UpstreamResponse | Uint8Array) {
    this.query = query
    this.#written = response instanceof Uint8Array ? response : undefined
    this.response = response instanceof Uint8Array ? {} : response
  }

  right(): Outgoing[] {
    return sent(this.#written ?? this.encode(this.response))
  }

  rightBytes(): Uint8Array {
    return this.right()[0]!.bytes.slice()
  }

  encode(response: UpstreamResponse, oddities: Oddities = {}): Uint8Array {
    const limit = this.query.protocol === 'udp' ? { limit: udpLimitOf(this.query) } : {}
    return encodeResponse(this.query, response, { ...limit, ...oddities })
  }
}

/** One thing to do wrong. */
interface Fault {
  isOver(query: UpstreamQuery): boolean
  /** The messages that are sent in the place of the right one. */
  spoil(exchange: Exchange): Outgoing[]
}

const always = () => true
const overUdp = ({ protocol }: UpstreamQuery) => protocol === 'udp'
const overStreams = ({ protocol }: UpstreamQuery) => protocol !== 'udp'
const withEdns = ({ edns }: UpstreamQuery) => edns !== undefined

const nothing: Fault = { isOver: always, spoil: () => [] }

/** All but `refuseTcp`, which is no matter of a query. */
export const FAULTS = {
  drop: nothing,
  delay: { isOver: always, spoil: (exchange) => exchange.right() },
  truncate: { isOver: overUdp, spoil: (exchange) => sent(exchange.encode({ isTruncated: true })) },
  wrongId: { isOver: always, spoil: (exchange) => sent(withOtherId(exchange.rightBytes())) },
  wrongQuestion: {
    isOver: always,
    spoil: (exchange) => sent(exchange.encode(exchange.response, { question: anotherQuestion(exchange.query) })),
  },
  wrongSource: {
    isOver: overUdp,
    spoil: (exchange) => [{ bytes: exchange.rightBytes(), isFromElsewhere: true }],
  },
  servfail: rcodeFault('SERVFAIL'),
  refused: rcodeFault('REFUSED'),
  formerr: rcodeFault('FORMERR'),
  notimp: rcodeFault('NOTIMP'),
  badvers: rcodeFault('BADVERS'),
  garbage: { isOver: always, spoil: ({ query }) => sent(garbageFor(query)) },
  short: { isOver: always, spoil: (exchange) => sent(exchange.rightBytes().subarray(0, HEADER_SIZE - 1)) },
  duplicate: { isOver: always, spoil: (exchange) => [...exchange.right(), ...exchange.right()] },
  closeConnection: { isOver: overStreams, spoil: () => [] },
  stallTcp: { isOver: overStreams, spoil: () => [] },
  noEdns: {
    isOver: withEdns,
    spoil: (exchange) => sent(exchange.encode({ rcode: 'FORMERR' }, { hasEdns: false })),
  },
  ignoreEdns: {
    isOver: withEdns,
    spoil: (exchange) => sent(exchange.encode(exchange.response, { hasEdns: false })),
  },
  dropEdns: { ...nothing, isOver: withEdns },
  changeCase: {
    isOver: always,
    spoil: (exchange) => sent(exchange.encode(exchange.response, { question: inOtherCase(exchange.query) })),
  },
  oversize: { isOver: overUdp, spoil: (exchange) => sent(oversized(exchange)) },
} as const satisfies Record<string, Fault>

function rcodeFault(rcode: RcodeName): Fault {
  return { isOver: always, spoil: (exchange) => sent(exchange.encode({ rcode })) }
}

function sent(bytes: Uint8Array): Outgoing[] {
  return [{ bytes, isFromElsewhere: false }]
}

/** Any but the right one, and a different one each time. */
function withOtherId(bytes: Uint8Array): Uint8Array {
  const [high = 0, low = 0] = randomBytes(2)
  const isSame = high === 0 && low === 0
  bytes[0]! ^= high
  bytes[1]! ^= isSame ? 1 : low
  return bytes
}

/** The right id and what looks like a response, and behind that octets that are none. */
function garbageFor({ bytes }: UpstreamQuery): Uint8Array {
  const message = new Uint8Array(randomBytes(GARBAGE_SIZE))
  message.set(bytes.subarray(0, 2))
  message[2]! |= QR_IN_HIGH_FLAGS
  return message
}

const GARBAGE_SIZE = 64
const QR_IN_HIGH_FLAGS = 0x80

/** The same type and class of a name that nobody has asked for. */
function anotherQuestion(query: UpstreamQuery): Uint8Array {
  const typeAndClass = questionOf(query).slice(-4)
  return new Uint8Array(Buffer.concat([nameFromText('nobody-has-asked.invalid'), typeAndClass]))
}

function inOtherCase(query: UpstreamQuery): Uint8Array {
  const question = questionOf(query)
  for (let i = 0; i < question.length - 4; i++) if (isLetter(question[i]!)) question[i]! ^= 0x20
  return question
}

function isLetter(octet: number): boolean {
  return (octet >= 0x41 && octet <= 0x5a) || (octet >= 0x61 && octet <= 0x7a)
}

/** More than the client takes, and not truncated. */
function oversized(exchange: Exchange): Uint8Array {
  const { query, response } = exchange
  const padding: UpstreamRecord = { name: query.name, type: 'TXT', data: ['x'.repeat(PADDING_SIZE)] }
  const count = Math.ceil(Math.min(udpLimitOf(query), LARGEST_DATAGRAM) / PADDING_SIZE) + 1
  const additional = [...(response.additional ?? []), ...Array.from({ length: count }, () => padding)]
  return encodeResponse(query, { ...response, additional })
}

const PADDING_SIZE = 250
/** Who takes more gets what a datagram can carry, and some room for the answer. */
const LARGEST_DATAGRAM = 50_000
