import { FastRandom } from '../fast-random.js'
import { LATER } from '../handoff/layout.js'
import type { ServerCookies } from '../limits/server-cookies.js'
import { Counter } from '../metrics/counters.js'
import type { RecordIndexReader } from '../record-index/record-index-reader.js'
import { HEADER_SIZE } from '../wire/constants.js'
import { admitsResponse } from './admit-response.js'
import { askHost } from './ask-host.js'
import { checkCookie } from './client-cookie.js'
import type { ClientRules } from './client-rules.js'
import { countResponse } from './count-response.js'
import { finish, optSize, responseSize } from './finish.js'
import { answerIdentity } from './identity.js'
import { Lookup } from './lookup.js'
import { type ClientAddresses, QueryContext, type QuerySettings } from './query-context.js'
import type { QueryForwarding } from './query-forwarding.js'
import type { QueryHooks } from './query-hooks.js'
import type { QueryMeter } from './query-meter.js'
import type { QueryTap } from './query-tap.js'
import { ResponseWriter } from './response-writer.js'
import { screen } from './screen.js'
import { ChosenRecords } from './select/chosen-records.js'
import { QueryClient } from './select/query-client.js'
import { truncate } from './truncate.js'

export interface QueryPipelineOptions {
  readonly settings: QuerySettings
  /** Indexed by `Counter`. */
  readonly counters: Uint32Array
  /** A whole number other than 0. */
  readonly randomSeed: number
  /** How many queries a batch has at most. */
  readonly batchSize: number
  /** Left out where a host has none. */
  readonly hooks?: QueryHooks | undefined
  /** Left out where nothing is measured. */
  readonly meter?: QueryMeter | undefined
  /** Left out where nothing is forwarded. */
  readonly forwarding?: QueryForwarding | undefined
}

/**
 * Queries in, responses out. Read this first.
 *
 *   take     the client: may it ask, and whose records does it see (`client-rules.ts`)? Then header, question, OPT: what cannot be answered gets its code, or silence (`screen.ts`)
 *   prefetch the index' memory for all of a batch at once, where one after the other would wait for each
 *   answer   zone by longest label match, name in the index, CNAME chain, negative answers, the order of an RRset's
 *            records (`lookup.ts`); then OPT record and header (`finish.ts`)
 *
 * Made once per thread. Nothing in it throws or waits, whatever the bytes. The index must be entered before a batch is taken
 * and left after it has been answered.
 */
export class QueryPipeline {
  /** Who has sent the requests in hand; cookies are made for their addresses. */
  clients: ClientAddresses = NO_CLIENTS
  /** Is shown what is answered. */
  tap: QueryTap | undefined = undefined
  readonly #index: RecordIndexReader
  #rules!: ClientRules
  #cookies: ServerCookies | undefined
  #contexts!: readonly QueryContext[]
  readonly #response = new ResponseWriter()
  #lookup!: Lookup
  readonly #client = new QueryClient()
  readonly #counters: Uint32Array
  readonly #hooks: QueryHooks | undefined
  readonly #forwarding: QueryForwarding | undefined
  readonly #meter: QueryMeter | undefined
  /** For the query that is answered later than its batch. */
  #lateContext!: QueryContext
  readonly #random: FastRandom
  readonly #batchSize: number

  constructor(options: QueryPipelineOptions) {
    const { settings, counters, randomSeed, batchSize, hooks, meter, forwarding } = options
    this.#index = settings.index
    this.#counters = counters
    this.#hooks = hooks
    this.#forwarding = forwarding
    this.#meter = meter
    this.#random = new FastRandom(randomSeed)
    this.#batchSize = batchSize
    this.use(settings)
  }

  /** Answers by other settings, of the same index, from now on. Between two batches only. */
  use(settings: QuerySettings): void {
    this.#rules = settings.clientRules
    this.#cookies = settings.cookies
    this.#contexts = Array.from({ length: this.#batchSize }, () => new QueryContext(settings, this.#response))
    const chosen = new ChosenRecords(settings, this.#random, this.#client)
    this.#lookup = new Lookup(settings, this.#response, chosen, this.#client, this.#hooks, this.#forwarding)
    this.#lateContext = new QueryContext(settings, this.#response)
  }

  /** Reads a request as number `i` of its batch. The bytes must stay as they are until it has been answered. */
  take(i: number, request: Uint8Array, start: number, length: number): void {
    const context = this.#contexts[i]!
    context.reset(request, start, length)
    this.#counters[Counter.queries]!++
    if (i === 0) this.#cookies?.beginBatch()
    if (this.#rules.areAtTake) this.#meet(context, i)
    context.verdict = screen(context)
    this.#meter?.note(i, context.hasQuestion ? context.question.name.hash : 0)
    if (context.verdict === 'dropped') this.#counters[Counter.dropped]!++
    this.#expect(context, i)
    if (this.#rules.limitResponses && context.verdict === 'accepted') this.#rules.expect(context, i)
  }

  /** A name is looked up among our records, or among those of others, and only there memory is read ahead for it. */
  #expect(context: QueryContext, i: number): void {
    if (context.verdict === 'accepted') this.#lookup.locate(context)
    const forwarding = this.#forwarding
    if (forwarding !== undefined && context.verdict === 'accepted' && context.isForOthers) {
      this.#index.expect(i, 0)
      forwarding.expect(i, context)
      return
    }
    forwarding?.expectNothing(i)
    this.#index.expect(i, context.hasQuestion ? context.question.name.hash : 0)
  }

  /** All of a batch have been taken. Reading memory ahead is worth its while for more than one; see `TableReader.prefetch`. */
  prefetch(count: number): void {
    this.#meter?.countKeys(count, this.#contexts, this.clients)
    if (count < 2) return
    this.#index.prefetch(count)
    this.#forwarding?.prefetch(count)
    if (this.#rules.limitResponses) this.#rules.prefetch(count)
  }

  /**
   * Writes the response to request `i`, which came in a datagram, in at most `capacity` bytes and in no more than the client takes.
   * Returns its length; 0 for none, LATER when a hook has it parked. `capacity` is at least 512, which has room for a header, a question and an OPT record.
   */
  answerDatagram(i: number, response: Uint8Array, responseStart: number, capacity: number): number {
    const context = this.#contexts[i]!
    context.comeInDatagram()
    return this.#answerInTime(context, i, response, responseStart, capacity)
  }

  /**
   * The same for a request that came over a stream, or from this process: `capacity` alone limits the response. Whether nobody
   * can read the stream decides over padding.
   */
  answerStream(i: number, response: Uint8Array, responseStart: number, capacity: number, isEncrypted = false): number {
    const context = this.#contexts[i]!
    context.comeOverStream(isEncrypted)
    return this.#answerInTime(context, i, response, responseStart, capacity)
  }

  /** As `answerDatagram`, for a request that was taken once, and parked. Its client is number 0 of `clients`. */
  answerDatagramLate(
    request: Uint8Array,
    start: number,
    length: number,
    response: Uint8Array,
    responseStart: number,
    capacity: number,
  ): number {
    const context = this.#takeLate(request, start, length)
    context.comeInDatagram()
    return this.#answerAtLast(context, response, responseStart, capacity)
  }

  /** As `answerStream`, likewise. */
  answerStreamLate(
    request: Uint8Array,
    start: number,
    length: number,
    response: Uint8Array,
    responseStart: number,
    capacity: number,
    isEncrypted: boolean,
  ): number {
    const context = this.#takeLate(request, start, length)
    context.comeOverStream(isEncrypted)
    return this.#answerAtLast(context, response, responseStart, capacity)
  }

  /** Counts what goes by the batch, once all of it has been answered. */
  measure(): void {
    this.#meter?.endBatch()
  }

  #answerInTime(context: QueryContext, i: number, response: Uint8Array, start: number, capacity: number): number {
    const length = this.#answer(context, i, response, start, capacity)
    context.responseLength = length
    this.#meter?.countQuery(context)
    if (this.tap !== undefined && length !== LATER) {
      this.tap.answered(context, this.clients, i, response, start, length, false)
    }
    return length
  }

  #answerAtLast(context: QueryContext, response: Uint8Array, start: number, capacity: number): number {
    const length = this.#answer(context, 0, response, start, capacity)
    if (length > 0) this.#meter?.countLateResponse(length)
    if (this.tap !== undefined && length !== LATER) {
      this.tap.answered(context, this.clients, 0, response, start, length, true)
    }
    return length
  }

  /** It has been counted, and admitted, already: of its client, only whose records it sees is found out once more. */
  #takeLate(request: Uint8Array, start: number, length: number): QueryContext {
    const context = this.#lateContext
    const rules = this.#rules
    context.reset(request, start, length)
    this.#cookies?.beginBatch()
    if (rules.areAtTake) {
      rules.beginBatch()
      rules.meetAgain(context, this.clients, 0)
    }
    context.verdict = screen(context)
    if (context.verdict === 'accepted') this.#lookup.locate(context)
    return context
  }

  #answer(context: QueryContext, i: number, response: Uint8Array, responseStart: number, capacity: number): number {
    this.#index.takeInHand(i)
    this.#checkClient(context, i)
    this.#hooks?.begin(i, this.clients)
    this.#forwarding?.begin(context, i, this.clients)
    const size = context.isStream ? capacity : responseSize(context, capacity)
    return this.#respond(context, i, response, responseStart, size)
  }

  /** Who is asking, before anything of the query is read. */
  #meet(context: QueryContext, i: number): void {
    const counters = this.#counters
    const rules = this.#rules
    if (i === 0) rules.beginBatch()
    rules.meet(context, this.clients, i)
    if (context.access === 'allow') return
    if (context.access === 'refuse') counters[Counter.aclRefused]!++
    else if (context.access === 'drop') counters[Counter.aclDropped]!++
    else {
      counters[Counter.queriesLimited]!++
      // Silence over a stream would keep the client waiting, and a refusal goes to nobody else.
      if (this.clients.areOnStreams !== true) context.access = 'drop'
    }
  }

  /** What a hook decides comes before the first octet, so that a response that is written twice asks it once. */
  #respond(context: QueryContext, i: number, bytes: Uint8Array, start: number, size: number): number {
    if (context.verdict === 'accepted' && this.#hooks !== undefined) askHost(context, this.#hooks, this.#counters)
    if (context.verdict === 'dropped') return 0
    let limit = start + size
    if (!context.isParked) this.#write(context, bytes, start, limit)
    // What is judged is what goes out, when it does.
    if (context.isParked) return LATER
    if (!context.isStream && !context.isClientVerified) {
      if (this.#rules.mayBeTooLarge(context)) limit = this.#fitToClient(context, i, bytes, start, size)
      // Records that have just come may be for a hook to choose from.
      if (context.isParked) return LATER
      if (this.#rules.limitResponses && !admitsResponse(context, this.#rules, this.#counters)) return 0
    }
    countResponse(context, this.#counters)
    const length = finish(context, limit)
    if (this.#hooks !== undefined && context.hasQuestion) this.#hooks.onResponse(context, length)
    return length
  }

  /** Makes the response smaller where it is too much for who may not have asked; returns where it must end. */
  #fitToClient(context: QueryContext, i: number, bytes: Uint8Array, start: number, size: number): number {
    const most = this.#rules.mostBytes(context, this.clients, i)
    if (most === Number.POSITIVE_INFINITY) return start + size
    this.#counters[Counter.amplificationAvoided]!++
    const limit = start + Math.min(most, size)
    // Without our name it may be small enough.
    if (context.response.length + optSize(context) > most) this.#makeSmaller(context, bytes, start, limit)
    this.#rules.leaveOutError(context)
    return limit
  }

  #checkClient(context: QueryContext, i: number): void {
    this.#client.begin(this.clients, i, context)
    if (context.edns.hasCookie) checkCookie(context, this.clients, i)
    if (context.edns.hasSubnet) this.#client.checkSubnet()
  }

  #write(context: QueryContext, bytes: Uint8Array, start: number, limit: number): void {
    const { question, reader, response } = context
    response.begin(question.name, bytes, start, limit - optSize(context))
    if (context.hasQuestion) response.copy(reader.bytes, reader.start + HEADER_SIZE, question.length)
    this.#index.view = context.view
    if (context.verdict === 'accepted') this.#lookup.answer(context)
    else if (context.verdict === 'hooked') this.#hooks!.writeAnswer(context)
    else if (context.verdict === 'chaos') answerIdentity(context)
  }

  /**
   * What has been written is too much for a client that may be another. Errors stay as they are: they are small. Where nothing comes along, all of
   * it is needed (RFC 2181 §9), and to look for it once more, to find that out, would double what the longest chains cost.
   */
  #makeSmaller(context: QueryContext, bytes: Uint8Array, start: number, limit: number): void {
    if (context.verdict === 'answered') return
    if (context.response.additionalCount === 0) {
      truncate(context)
      return
    }
    context.clearAnswer()
    this.#write(context, bytes, start, limit)
  }
}

const NO_CLIENTS: ClientAddresses = { clientAddress: () => 0 }
