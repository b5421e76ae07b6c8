import { randomInt } from 'node:crypto'
import { describe, refuseUnknownKeys } from '../bounds.js'
import { addressFromText } from '../clients/client-address.js'
import type { QueryOptions } from '../container-dns.js'
import { ContainerDnsError } from '../errors.js'
import { HostForwarding } from '../forward/thread/host-forwarding.js'
import { type ForwardingPolicy, type ForwardingTask, ThreadForwarding } from '../forward/thread/thread-forwarding.js'
import { LATER } from '../handoff/layout.js'
import { type HealthHandle, HealthReader } from '../health/health-reader.js'
import type { ServerHooks } from '../hooks/server-hooks.js'
import { createCounterRows, ThreadCounters } from '../metrics/counters.js'
import { QueryPipeline } from '../query/pipeline.js'
import type { QuerySettings } from '../query/query-context.js'
import { type AnswerPolicy, openSettings } from '../query/settings.js'
import type { RecordIndexReader } from '../record-index/record-index-reader.js'
import type { Segment } from '../shared-table/segments.js'
import { MAX_MESSAGE_SIZE } from '../wire/constants.js'
import { FLAG_RD } from '../wire/header.js'
import { nameFromText } from '../wire/name.js'
import { type DnsResponse, decodeResponse } from '../wire/packet.js'
import { queryMessage } from '../wire/query-message.js'
import { type RecordType, typeCode } from '../wire/rdata/record-type.js'

export interface HostQueriesOptions {
  readonly index: RecordIndexReader
  readonly health: HealthHandle
  readonly policy: AnswerPolicy
  readonly hooks: ServerHooks
  /** Undefined where nothing is forwarded. */
  readonly forwarding: ForwardingTask | undefined
  readonly isClosed: () => boolean
}

/** Queries of the host itself, answered on the main thread by the code that answers all others. */
export class HostQueries {
  readonly #index: RecordIndexReader
  readonly #healthReader: HealthReader
  /** Those that have not been taken yet. */
  readonly #healthSegments: Segment[] = []
  readonly #pipeline: QueryPipeline
  readonly #forwarding: ThreadForwarding | undefined
  readonly #forwarded: HostForwarding | undefined
  readonly #isClosed: () => boolean
  #isAnswering = false

  constructor({ index, health, policy, hooks, forwarding, isClosed }: HostQueriesOptions) {
    this.#isClosed = isClosed
    this.#healthReader = new HealthReader(health, () => this.#healthSegments.shift())
    this.#index = index
    const settings = this.#settingsOf(policy)
    // Queries of the host itself are not part of the statistics.
    const counters = new ThreadCounters(createCounterRows(1), 0)
    const { values } = counters
    const ownHooks = hooks.forMainThread(values, this.#healthReader)
    this.#forwarding = forwarding && new ThreadForwarding(forwarding, index.seed, values)
    const pipeline = new QueryPipeline({
      settings,
      counters: values,
      randomSeed: randomInt(1, 2 ** 31),
      batchSize: 1,
      hooks: ownHooks,
      forwarding: this.#forwarding,
    })
    this.#pipeline = pipeline
    const answering = { enter: () => this.#enter(), leave: () => this.#leave(), counters, pipeline }
    this.#forwarded = this.#forwarding && new HostForwarding(this.#forwarding, answering, ownHooks)
  }

  /** As `ContainerDns.cache.flush`. */
  async flush(name?: string): Promise<number> {
    const wire = name === undefined ? new Uint8Array(0) : nameFromText(name)
    if (this.#isClosed()) throw new ContainerDnsError('CDNS_CLOSED', 'the server has been closed')
    return this.#forwarded === undefined ? 0 : this.#forwarded.flush(wire)
  }

  close(): void {
    this.#forwarded?.close()
  }

  /** Answers by another policy from now on. */
  use(policy: AnswerPolicy): void {
    this.#pipeline.use(this.#settingsOf(policy))
  }

  /** Forwards by another policy from now on. */
  useForwarding(policy: ForwardingPolicy): void {
    this.#forwarding?.use(policy)
  }

  postHealthSegment(segment: Segment): void {
    this.#healthSegments.push(segment)
  }

  /** As `ContainerDns.query`. */
  async query(name: string, type: RecordType, options: QueryOptions): Promise<DnsResponse> {
    refuseUnknownKeys('query', options, ['client'])
    const address = options.client === undefined ? undefined : addressOf(options.client)
    // Asked by a hook in the middle of another query: that one has the pipeline until the hook has returned.
    while (this.#isAnswering) await Promise.resolve()
    if (this.#isClosed()) throw new ContainerDnsError('CDNS_CLOSED', 'the server has been closed')
    const request = queryMessage(name, typeCode(type), 0)
    // Whoever asks here wants an answer, wherever it is to be had.
    if (this.#forwarding !== undefined) request[FLAGS_BYTE]! |= FLAG_RD >>> 8
    const response = this.#answer(request, address) ?? (await this.#forwarded!.response())
    if (response.length > 0) return read(response, name, type)
    throw new ContainerDnsError('CDNS_QUERY_DROPPED', `onQuery has dropped the query for ${name}`)
  }

  /** Access lists and limits are for others. */
  #settingsOf(policy: AnswerPolicy): QuerySettings {
    return openSettings(this.#index, this.#healthReader, { ...policy, acl: undefined, rateLimits: undefined })
  }

  /**
   * Undefined where the query is forwarded. No epoch of the index is entered: nothing here waits, and on this thread nothing is written or
   * reused meanwhile.
   */
  #answer(request: Uint8Array, address: Uint8Array | undefined): Uint8Array | undefined {
    const response = new Uint8Array(MAX_MESSAGE_SIZE)
    this.#pipeline.clients = {
      clientAddress: (_, target) => {
        target.set(address ?? [])
        return address?.length ?? 0
      },
    }
    this.#isAnswering = true
    this.#enter()
    this.#pipeline.take(0, request, 0, request.length)
    const length = this.#pipeline.answerStream(0, response, 0, response.length)
    this.#leave()
    this.#isAnswering = false
    return length === LATER ? undefined : response.subarray(0, length)
  }

  #enter(): void {
    this.#healthReader.enter()
    this.#forwarding?.enter()
  }

  #leave(): void {
    this.#forwarding?.leave()
    this.#healthReader.leave()
  }
}

/** Of a header: the octet of the flags that RD is in. */
const FLAGS_BYTE = 2

/** Throws CDNS_RESPONSE_UNREADABLE: rdata of a type that we do not look into goes through as others have it. */
function read(response: Uint8Array, name: string, type: RecordType): DnsResponse {
  try {
    return decodeResponse(response)
  } catch (cause) {
    throw new ContainerDnsError('CDNS_RESPONSE_UNREADABLE', `the response to ${name} ${type} cannot be read`, { cause })
  }
}

/** Throws CDNS_ADDRESS_INVALID. */
function addressOf(client: unknown): Uint8Array {
  const address = typeof client === 'string' ? addressFromText(client) : undefined
  if (address !== undefined) return address
  throw new ContainerDnsError('CDNS_ADDRESS_INVALID', `client must be an IPv4 or IPv6 address, got ${describe(client)}`)
}
