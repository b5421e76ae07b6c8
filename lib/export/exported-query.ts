import { addressToText } from '../clients/client-address.js'
import { Rcode, Type } from '../wire/constants.js'
import { FLAG_AA, FLAG_AD, FLAG_CD, FLAG_RA, FLAG_RD, FLAG_TC, Header } from '../wire/header.js'
import { nameToText } from '../wire/name.js'
import { Question } from '../wire/question.js'
import { WireReader } from '../wire/reader.js'
import type { Exchange } from './exchange.js'

/** One query and what came of it: a line of the query log, and what subscribers to `containerdns:query` are given. */
export interface ExportedQuery {
  /** When the query came: ISO 8601, in UTC. */
  readonly time: string
  readonly client?: string
  readonly port?: number
  readonly protocol: Exchange['protocol']
  readonly id?: number
  /** In lower case; left out where the question could not be read. */
  readonly name?: string
  readonly type?: string
  /** Left out where there was no response. */
  readonly rcode?: string
  /** Of the response: AA, TC, RD, RA, AD, CD. */
  readonly flags?: readonly string[]
  /** Records in the answer section. */
  readonly answers?: number
  readonly queryBytes: number
  /** 0: there was no response. */
  readonly responseBytes: number
  /** Until the response was written. */
  readonly durationMs: number
  /** The name is for upstreams to answer, whether one has or not: RA without AA. */
  readonly forwarded?: true
}

const RCODE_NAMES = namesOf(Rcode)
const TYPE_NAMES = namesOf(Type)
const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [FLAG_AA, 'AA'],
  [FLAG_TC, 'TC'],
  [FLAG_RD, 'RD'],
  [FLAG_RA, 'RA'],
  [FLAG_AD, 'AD'],
  [FLAG_CD, 'CD'],
]
/** Names are not looked up here: any seed of their hashes will do. */
const NO_SEED = 0

/** Reads exchanges into plain objects. One for each thread. */
export class QueryExporter {
  readonly #reader = new WireReader()
  readonly #header = new Header()
  readonly #question = new Question()

  exported(exchange: Exchange): ExportedQuery {
    const { address, port, query, response } = exchange
    return {
      time: new Date(exchange.queryTimeMs).toISOString(),
      ...(address.length === 0 ? {} : { client: addressToText(address) }),
      ...(port === 0 ? {} : { port }),
      protocol: exchange.protocol,
      ...this.#asked(query),
      ...this.#answered(response, exchange.rcode),
      queryBytes: query.length,
      responseBytes: response.length,
      // A clock that was set meanwhile must not make it negative.
      durationMs: Math.max(0, Math.round((exchange.responseTimeMs - exchange.queryTimeMs) * 1000) / 1000),
      ...(exchange.isForwarded ? { forwarded: true as const } : {}),
    }
  }

  #asked(query: Uint8Array): Pick<ExportedQuery, 'id' | 'name' | 'type'> {
    this.#reader.reset(query, 0, query.length)
    if (!this.#header.read(this.#reader)) return {}
    const { id, questionCount } = this.#header
    if (questionCount === 0 || !this.#question.read(this.#reader, NO_SEED)) return { id }
    const { name, type } = this.#question
    return { id, name: nameToText(name.bytes), type: TYPE_NAMES.get(type) ?? `TYPE${type}` }
  }

  #answered(response: Uint8Array, rcode: number): Pick<ExportedQuery, 'rcode' | 'flags' | 'answers'> {
    this.#reader.reset(response, 0, response.length)
    if (!this.#header.read(this.#reader)) return {}
    const { flags, answerCount } = this.#header
    return {
      rcode: RCODE_NAMES.get(rcode) ?? `RCODE${rcode}`,
      flags: FLAG_NAMES.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name),
      answers: answerCount,
    }
  }
}

function namesOf(codes: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(codes).map(([name, code]) => [code, name]))
}
