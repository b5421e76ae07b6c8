import { describe, numberWithin, refuseUnknownKeys } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import type { RRset } from '../../records/rrset.js'
import {
  type ActiveFault,
  checkFault,
  type FaultOptions,
  FaultScript,
  isQueryFault,
  type QueryFault,
  type Reaction,
  type UpstreamFault,
} from './fault-script.js'
import { selfSigned } from './self-signed.js'
import { readUpstreamQuery, type UpstreamQuery, type UpstreamSource } from './upstream-query.js'
import { UpstreamRecords } from './upstream-records.js'
import type { UpstreamResponse } from './upstream-response.js'
import { type UpstreamCertificate, UpstreamStreams } from './upstream-streams.js'
import { UpstreamUdp } from './upstream-udp.js'

/** What a script says to a query: a response, a whole message, a fault by its id; undefined: what the records say. */
export type UpstreamAnswer = UpstreamResponse | Uint8Array | QueryFault | undefined

export interface TestUpstreamOptions {
  /** Default 127.0.0.1. */
  host?: string
  /** For UDP and TCP; 0, the default: any. An upstream that comes back has the port that it had. */
  port?: number
  /** DoT on a port of its own; `true`: with a certificate made for it, which is in `ca`. */
  tls?: boolean | UpstreamCertificate
  /** Answered from, with CNAME chains and wildcards. */
  rrsets?: RRset[]
  /** The same as the text of a zone file. */
  zone?: string
  /** Asked first for each query. */
  answer?: (query: UpstreamQuery) => UpstreamAnswer | Promise<UpstreamAnswer>
  /** For faults with a probability: the same seed meets the same queries. */
  seed?: number
  /** How many queries `queries` holds at most. */
  keepQueries?: number
}

/** A DNS server that does what a test tells it, right or wrong. Ends with `close()`, and leaves nothing behind. */
export interface TestUpstream extends AsyncDisposable {
  readonly host: string
  /** Of UDP and TCP. */
  readonly port: number
  /** Of DoT; undefined without `tls`. */
  readonly tlsPort: number | undefined
  /** What to trust for DoT, as PEM text. */
  readonly ca: string | undefined
  /** What came, the oldest first: at least the last half of `keepQueries`. */
  readonly queries: readonly UpstreamQuery[]
  /** How many queries have come, and TCP and TLS connections. */
  readonly queryCount: number
  readonly connectionCount: number
  /** How many of the queries kept were for a name, whatever its case. */
  count(name: string): number
  /** From now on queries meet a fault. Throws CDNS_OPTION_INVALID and CDNS_OPTION_UNKNOWN. */
  fault(fault: UpstreamFault, options?: FaultOptions): ActiveFault
  /** All is well again. */
  clearFaults(): Promise<void>
  /** Forgets the queries that came; `queryCount` begins anew. */
  forgetQueries(): void
  close(): Promise<void>
}

/**
 * Starts a DNS server for tests of whoever asks others: UDP and TCP on one port of 127.0.0.1, DoT on another when asked for.
 *
 * It answers from the function, RRsets or zone given, else NXDOMAIN. Throws CDNS_OPTION_INVALID and CDNS_OPTION_UNKNOWN.
 */
export async function startTestUpstream(options: TestUpstreamOptions = {}): Promise<TestUpstream> {
  return ScriptedUpstream.start(parse(options))
}

type ParsedOptions = Required<Pick<TestUpstreamOptions, 'host' | 'port' | 'seed' | 'keepQueries'>> &
  Pick<TestUpstreamOptions, 'answer'> & {
    readonly records: UpstreamRecords
    readonly certificate: UpstreamCertificate | undefined
  }

class ScriptedUpstream implements TestUpstream {
  readonly host: string
  queries: UpstreamQuery[] = []
  queryCount = 0
  readonly #options: ParsedOptions
  readonly #script: FaultScript
  // Set by `start`, which nobody gets past.
  #udp!: UpstreamUdp
  #tcp!: UpstreamStreams
  #tls: UpstreamStreams | undefined

  private constructor(options: ParsedOptions) {
    this.host = options.host
    this.#options = options
    this.#script = new FaultScript(options.seed)
  }

  static async start(options: ParsedOptions): Promise<ScriptedUpstream> {
    const upstream = new ScriptedUpstream(options)
    const { host, certificate } = options
    await upstream.#openPair()
    if (certificate !== undefined) {
      upstream.#tls = await UpstreamStreams.open(host, 0, upstream.#onMessage, certificate)
    }
    return upstream
  }

  get port(): number {
    return this.#tcp.port
  }

  get tlsPort(): number | undefined {
    return this.#tls?.port
  }

  get ca(): string | undefined {
    return this.#options.certificate?.cert
  }

  get connectionCount(): number {
    return this.#tcp.connections + (this.#tls?.connections ?? 0)
  }

  count(name: string): number {
    const wanted = name.toLowerCase().replace(/(?<!\\)\.$/, '')
    return this.queries.filter((query) => query.name.toLowerCase() === wanted).length
  }

  fault(fault: UpstreamFault, options: FaultOptions = {}): ActiveFault {
    checkFault(fault)
    if (isQueryFault(fault)) return this.#script.add(fault, options)
    refuseUnknownKeys('the fault refuseTcp', options, [])
    this.#tcp.refuse()
    this.#tls?.refuse()
    return { fault, hits: 0, remove: () => this.#accept() }
  }

  async clearFaults(): Promise<void> {
    this.#script.clear()
    await this.#accept()
  }

  forgetQueries(): void {
    this.queries = []
    this.queryCount = 0
  }

  async close(): Promise<void> {
    await Promise.all([this.#udp.close(), this.#tcp.close(), this.#tls?.close()])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** TCP first, then UDP on the number that it got; again where that one is taken. */
  async #openPair(): Promise<void> {
    const { host, port } = this.#options
    for (let tries = 1; ; tries++) {
      this.#tcp = await UpstreamStreams.open(host, port, this.#onMessage)
      try {
        this.#udp = await UpstreamUdp.open(host, this.#tcp.port, this.#onMessage)
        return
      } catch (cause) {
        await this.#tcp.close()
        if (port !== 0 || tries === MOST_TRIES) throw cause
      }
    }
  }

  async #accept(): Promise<void> {
    await Promise.all([this.#tcp.accept(), this.#tls?.accept()])
  }

  readonly #onMessage = async (bytes: Uint8Array, source: UpstreamSource): Promise<Reaction | undefined> => {
    const query = readUpstreamQuery(bytes, source)
    if (query === undefined) return undefined
    this.#note(query)
    const { answer, records } = this.#options
    const said = (await answer?.(query)) ?? records.answer(query)
    if (typeof said !== 'string') return this.#script.react(query, said)
    return this.#script.react(query, records.answer(query), said)
  }

  #note(query: UpstreamQuery): void {
    const { keepQueries } = this.#options
    this.queryCount++
    if (this.queries.length >= keepQueries) this.queries = this.queries.slice(keepQueries >>> 1)
    this.queries.push(query)
  }
}

const MOST_TRIES = 20
const PORT = { default: 0, min: 0, max: 65535 }
const SEED = { default: 1, min: 0, max: 2 ** 32 - 1 }
const KEEP_QUERIES = { default: 200_000, min: 2, max: 10_000_000, unit: 'queries' }
export const UPSTREAM_OPTION_NAMES = ['host', 'port', 'tls', 'rrsets', 'zone', 'answer', 'seed', 'keepQueries'] as const

function parse(given: TestUpstreamOptions): ParsedOptions {
  refuseUnknownKeys('startTestUpstream', given, UPSTREAM_OPTION_NAMES)
  const { host = '127.0.0.1', tls = false, rrsets = [], zone, answer } = given
  if (answer !== undefined && typeof answer !== 'function') {
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `answer must be a function, got ${describe(answer)}`)
  }
  return {
    host,
    port: numberWithin('port', given.port, PORT),
    seed: numberWithin('seed', given.seed, SEED),
    keepQueries: numberWithin('keepQueries', given.keepQueries, KEEP_QUERIES),
    records: new UpstreamRecords(rrsets, zone),
    certificate: tls === true ? selfSigned(['localhost', host]) : tls === false ? undefined : tls,
    ...(answer !== undefined && { answer }),
  }
}
