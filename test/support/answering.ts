import { addressFromText } from '../../lib/clients/client-address.js'
import { HealthReader } from '../../lib/health/health-reader.js'
import { HealthTable } from '../../lib/health/health-table.js'
import type { HealthState } from '../../lib/health/layout.js'
import { parseAmplification } from '../../lib/limits/amplification.js'
import { CookieSecrets } from '../../lib/limits/cookie-secrets.js'
import { COUNTER_NAMES, COUNTER_ROW_WORDS, type CounterName } from '../../lib/metrics/counters.js'
import type { MeterHandle } from '../../lib/metrics/measurements.js'
import { QueryPipeline } from '../../lib/query/pipeline.js'
import { QueryMeter } from '../../lib/query/query-meter.js'
import { type AnswerPolicy, openSettings } from '../../lib/query/settings.js'
import { parseViews, type View } from '../../lib/query/views.js'
import { RecordIndexWriter } from '../../lib/record-index/record-index-writer.js'
import type { RRset } from '../../lib/records/rrset.js'
import { DEFAULT_SELECTION, type ParsedSelectionOptions } from '../../lib/records/selection-options.js'
import { viewNumber } from '../../lib/records/view.js'
import { RRsetEncoder } from '../../lib/records/wire-rrset.js'
import type { Segment } from '../../lib/shared-table/segments.js'
import { MAX_MESSAGE_SIZE } from '../../lib/wire/constants.js'
import { typeCode } from '../../lib/wire/rdata/record-type.js'

export interface AnsweringOptions {
  readonly zones?: readonly string[]
  /** Of each zone; default: as where nothing is said. */
  readonly selection?: Partial<ParsedSelectionOptions>
  readonly udpPayloadSize?: number
  readonly negativeTtl?: number
  /** false: as before the first load. */
  readonly loaded?: boolean
  readonly serial?: number
  readonly randomSeed?: number
  readonly hashSeed?: number
  /** What stands around the request and response windows, and in the response window before it is written. */
  readonly poison?: number
  /** What is left out is off. */
  readonly policy?: Partial<Omit<AnswerPolicy, 'zones'>>
  readonly views?: View[]
  /** What is measured in; default: nothing is. */
  readonly measure?: MeterHandle | undefined
  /** Default 1. */
  readonly batchSize?: number
}

/** Seconds since 1970. */
const NOW = 1_800_000_000
const NO_ADDRESSES = { ipv4: new Uint8Array(0), ipv6: new Uint8Array(0) }

const GUARD = 64
const MAX_DATAGRAM_RESPONSE = 4096

/**
 * The answering code of one DNS thread without the thread: an index, the pipeline over it, `put`.
 *
 * Each `ask` hands both messages over as windows in poisoned memory, and fails when a byte outside the response's window has changed.
 */
export class Answering {
  readonly index: RecordIndexWriter
  readonly pipeline: QueryPipeline
  readonly meter: QueryMeter | undefined
  readonly #health: HealthTable
  readonly #healthReader: HealthReader
  readonly #counters = new Uint32Array(COUNTER_ROW_WORDS)
  readonly #encoder = new RRsetEncoder()
  readonly #views: readonly string[]
  readonly #poison: number
  /** Where queries come from. */
  client: Uint8Array = Uint8Array.of(192, 0, 2, 1)
  isEncrypted = false
  /** How far the clock has moved on. */
  elapsedMs = 0

  constructor(options: AnsweringOptions = {}) {
    const {
      zones = ['example.'],
      udpPayloadSize = 1232,
      negativeTtl = 30,
      loaded = true,
      serial = 7,
      hashSeed = 99,
    } = options
    this.#poison = options.poison ?? 0xaa
    const views = parseViews(options.views)
    this.#views = views.names
    this.index = new RecordIndexWriter({ readers: 0, seed: hashSeed, serial, onSegment: () => {} })
    const posted: Segment[] = []
    this.#health = new HealthTable({ readers: 1, seed: 5, onSegment: (segment) => void posted.push(segment) })
    this.#healthReader = new HealthReader(this.#health.handle(0), () => posted.shift())
    const policy: AnswerPolicy = {
      zones: zones.map((name) => ({ name, selection: { ...DEFAULT_SELECTION, ...options.selection } })),
      udpPayloadSize,
      negativeTtl,
      ownAddresses: NO_ADDRESSES,
      normalizesSrvWeights: false,
      identity: { version: undefined, hostname: undefined },
      nsid: new Uint8Array(0),
      cookies: 'off',
      cookieSecrets: new CookieSecrets().buffer,
      acl: undefined,
      views: views.table,
      rateLimits: undefined,
      amplification: parseAmplification({ trusted: ['0.0.0.0/0', '::/0'] }),
      keepaliveTimeout: 100,
      allUnhealthy: 'all',
      subnetSources: undefined,
      ...options.policy,
    }
    const settings = openSettings(this.index.reader, this.#healthReader, policy, () => 1000 * NOW + this.elapsedMs)
    const { batchSize = 1, measure, randomSeed = 1 } = options
    this.meter = measure && new QueryMeter(measure, 0, settings, randomSeed)
    this.pipeline = new QueryPipeline({ settings, counters: this.#counters, randomSeed, batchSize, meter: this.meter })
    this.pipeline.clients = {
      clientAddress: (_, target) => {
        target.set(this.client)
        return this.client.length
      },
    }
    if (loaded) this.index.setLoaded()
  }

  /** Puts RRsets in, each in the place of the one of its name and type. A TTL that is left out is 30. */
  put(...rrsets: RRset[]): this {
    for (const rrset of rrsets) {
      const { name, type, ttl = 30, data } = rrset
      const view = viewNumber(this.#views, rrset.view)
      this.#encoder.reset()
      const owner = this.#encoder.name(name)
      const others = this.index.read(owner).filter((other) => other.type !== typeCode(type) || other.view !== view)
      this.index.write(owner, [...others, { ...this.#encoder.encode(type, ttl, data, rrset), view }])
    }
    return this
  }

  /** Puts RRsets in the place of all there are. */
  replaceAll(rrsets: RRset[]): this {
    for (let bucket = 0; bucket < this.index.bucketCount; bucket++) {
      this.index.visitBucket(bucket, this.index.bucketCount, (name) => void this.index.write(name, []))
    }
    return this.put(...rrsets)
  }

  setHealth(state: HealthState, ...addresses: string[]): this {
    for (const address of addresses) this.#health.set(addressFromText(address)!, state)
    return this
  }

  /** The response to a datagram; of no length when there is none. */
  ask(query: Uint8Array, capacity = MAX_DATAGRAM_RESPONSE): Uint8Array {
    return this.#exchange(query, capacity, 'answerDatagram')
  }

  /** The response to a message that came over a stream. */
  askStream(query: Uint8Array, capacity = MAX_MESSAGE_SIZE): Uint8Array {
    return this.#exchange(query, capacity, 'answerStream')
  }

  /** All counters that are not 0. */
  get counters(): Partial<Record<CounterName, number>> {
    return Object.fromEntries(
      COUNTER_NAMES.map((name, i) => [name, this.#counters[i]!]).filter(([, count]) => count !== 0),
    )
  }

  #exchange(query: Uint8Array, capacity: number, method: 'answerDatagram' | 'answerStream'): Uint8Array {
    const request = new Uint8Array(query.length + 2 * GUARD).fill(this.#poison)
    request.set(query, GUARD)
    const response = new Uint8Array(capacity + 2 * GUARD).fill(this.#poison)
    this.index.reader.enter()
    this.#healthReader.enter()
    this.pipeline.take(0, request, GUARD, query.length)
    const length =
      method === 'answerStream'
        ? this.pipeline.answerStream(0, response, GUARD, capacity, this.isEncrypted)
        : this.pipeline.answerDatagram(0, response, GUARD, capacity)
    this.#healthReader.leave()
    this.index.reader.leave()
    if (length > capacity) throw new Error(`a response of ${length} octets in room for ${capacity}`)
    const changed = (bytes: Uint8Array) => bytes.some((byte) => byte !== this.#poison)
    if (changed(response.subarray(0, GUARD)) || changed(response.subarray(GUARD + capacity))) {
      throw new Error('bytes outside the window of the response were written')
    }
    if (!Buffer.from(query).equals(request.subarray(GUARD, GUARD + query.length)))
      throw new Error('the request was written to')
    return response.slice(GUARD, GUARD + length)
  }
}
