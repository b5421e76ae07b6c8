import { describe, refuseUnknownKeys, wholeNumber } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import { FastRandom } from '../../fast-random.js'
import { nameFromText, nameToText } from '../../wire/name.js'
import { type RecordType, typeCode } from '../../wire/rdata/record-type.js'
import { Exchange, FAULTS, type Outgoing } from './fault-table.js'
import type { UpstreamProtocol, UpstreamQuery } from './upstream-query.js'
import type { UpstreamResponse } from './upstream-response.js'

/** What an upstream can do wrong. The ids are stable; `docs/testing.md` says what each does. */
export type UpstreamFault = QueryFault | 'refuseTcp'

/** Those that a query meets. */
export type QueryFault = keyof typeof FAULTS

/** Which queries a fault is for, all unless something is said, and what there is to know about it. */
export interface FaultOptions {
  /** Queries for this name, whatever its case. */
  readonly name?: string
  readonly type?: RecordType
  readonly protocol?: UpstreamProtocol
  /** Of the queries that it is for: the n-th alone, from 1; or the first so many. */
  readonly nth?: number
  readonly times?: number
  /** From 0 to 1. */
  readonly probability?: number
  /** Of `delay`. */
  readonly ms?: number
  /** How many wrong messages are sent; default 1. */
  readonly copies?: number
  /** Whether the right response comes behind them. */
  readonly thenAnswer?: boolean
}

/** One that has been put in. */
export interface ActiveFault {
  readonly fault: UpstreamFault
  /** How many queries have met it. */
  readonly hits: number
  /** Queries that come afterwards do not meet it. Resolves once that is so. */
  remove(): Promise<void>
}

/** What comes of a query. */
export interface Reaction {
  readonly delayMs: number
  readonly messages: readonly Outgoing[]
  /** Whether the connection is closed, where there is one. */
  readonly closes: boolean
}

/** The faults of an upstream, and what they make of queries. Of several that match a query the one put in first decides; delays add up. */
export class FaultScript {
  readonly #random: FastRandom
  #rules: FaultRule[] = []

  constructor(seed: number) {
    this.#random = new FastRandom(seed)
  }

  /** Throws CDNS_OPTION_INVALID and CDNS_OPTION_UNKNOWN. */
  add(fault: QueryFault, options: FaultOptions): ActiveFault {
    const rule = new FaultRule(fault, parseFaultOptions(fault, options), (gone) => {
      this.#rules = this.#rules.filter((each) => each !== gone)
    })
    this.#rules = [...this.#rules, rule]
    return rule
  }

  clear(): void {
    this.#rules = []
  }

  /** `once` is a fault for this query alone, which comes before all others. */
  react(query: UpstreamQuery, response: UpstreamResponse | Uint8Array, once?: QueryFault): Reaction {
    const met = this.#rules.filter((rule) => rule.meets(query, this.#random))
    const delayMs = met.reduce((total, { fault, options }) => total + (fault === 'delay' ? (options.ms ?? 0) : 0), 0)
    const deciding = met.find(({ fault }) => fault !== 'delay')
    const exchange = new Exchange(query, response)
    const fault = once ?? deciding?.fault
    if (fault === undefined || !FAULTS[fault].isOver(query))
      return { delayMs, messages: exchange.right(), closes: false }
    const { copies = 1, thenAnswer = false } = once === undefined ? deciding!.options : {}
    const wrong = FAULTS[fault].spoil(exchange)
    const messages = Array.from({ length: copies }, () => wrong).flat()
    return {
      delayMs,
      messages: thenAnswer ? [...messages, ...exchange.right()] : messages,
      closes: fault === 'closeConnection',
    }
  }
}

/** Whether a text is the id of a fault that a query can meet. */
export function isQueryFault(text: string): text is QueryFault {
  return Object.hasOwn(FAULTS, text)
}

/** Throws CDNS_OPTION_INVALID for a fault that there is not. */
export function checkFault(fault: unknown): asserts fault is UpstreamFault {
  if (FAULT_IDS.includes(fault as UpstreamFault)) return
  throw new ContainerDnsError(
    'CDNS_OPTION_INVALID',
    `a fault is one of ${FAULT_IDS.join(', ')}, got ${describe(fault)}`,
  )
}

/** All there are. */
export const FAULT_IDS: readonly UpstreamFault[] = [...(Object.keys(FAULTS) as QueryFault[]), 'refuseTcp']

class FaultRule implements ActiveFault {
  hits = 0
  #matched = 0

  constructor(
    readonly fault: QueryFault,
    readonly options: FaultOptions,
    readonly onRemove: (rule: FaultRule) => void,
  ) {}

  meets(query: UpstreamQuery, random: FastRandom): boolean {
    const { name, type, protocol, nth, times, probability } = this.options
    if (name !== undefined && name !== query.name.toLowerCase()) return false
    if (type !== undefined && type !== query.type) return false
    if (protocol !== undefined && protocol !== query.protocol) return false
    if (!FAULTS[this.fault].isOver(query)) return false
    this.#matched++
    if (nth !== undefined && this.#matched !== nth) return false
    if (times !== undefined && this.#matched > times) return false
    if (probability !== undefined && random.fraction() >= probability) return false
    this.hits++
    return true
  }

  async remove(): Promise<void> {
    this.onRemove(this)
  }
}

export const FAULT_OPTION_NAMES = [
  'name',
  'type',
  'protocol',
  'nth',
  'times',
  'probability',
  'ms',
  'copies',
  'thenAnswer',
] as const
const COUNT = { min: 1, max: 2 ** 31 - 1 }
const DELAY = { min: 1, max: 600_000, unit: 'milliseconds' }

function parseFaultOptions(fault: UpstreamFault, given: FaultOptions): FaultOptions {
  refuseUnknownKeys(`the fault ${fault}`, given, FAULT_OPTION_NAMES)
  const { nth, times, copies, probability, ms, name, type } = given
  for (const [option, value] of Object.entries({ nth, times, copies })) {
    if (value !== undefined) wholeNumber(`${option} of a fault`, value, COUNT, 'CDNS_OPTION_INVALID')
  }
  if (fault === 'delay') wholeNumber('ms of the fault delay', ms, DELAY, 'CDNS_OPTION_INVALID')
  if (probability !== undefined && !(probability >= 0 && probability <= 1)) {
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `probability goes from 0 to 1, got ${describe(probability)}`)
  }
  if (type !== undefined && !/^TYPE\d+$/.test(type)) typeCode(type)
  return { ...given, ...(name !== undefined && { name: nameToText(nameFromText(name)).toLowerCase() }) }
}
