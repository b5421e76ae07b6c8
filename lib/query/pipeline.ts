import { Counter } from '../metrics/counters.js'
import { HEADER_SIZE, Rcode } from '../wire/constants.js'
import { finish, optSize, responseSize } from './finish.js'
import { Lookup } from './lookup.js'
import { QueryContext, type QuerySettings } from './query-context.js'
import { type ScreenVerdict, screen } from './screen.js'
import { FastRandom, RecordOrder } from './select.js'

/**
 * One query in, one response out. Read this first.
 *
 *   screen   header, question, OPT: what cannot be answered gets its code, or silence
 *   lookup   zone by longest label match, name in the index, CNAME chain, negative answers; the order of an RRset's records
 *   finish   OPT record and header
 *
 * Made once per thread. `answer` never throws and never waits, whatever the bytes. The index must be entered around it.
 */
export class QueryPipeline {
  readonly #context: QueryContext
  readonly #lookup: Lookup
  readonly #counters: Uint32Array

  /** `counters` are indexed by `Counter`; `randomSeed` is a whole number other than 0. */
  constructor(settings: QuerySettings, counters: Uint32Array, randomSeed: number) {
    this.#context = new QueryContext(settings)
    this.#lookup = new Lookup(this.#context, new RecordOrder(new FastRandom(randomSeed)))
    this.#counters = counters
  }

  /**
   * Writes the response to a request that came in a datagram, in at most `capacity` bytes and in no more than the client takes.
   * Returns its length; 0 for none. `capacity` is at least 512, which has room for a header, a question and an OPT record.
   */
  answerDatagram(
    request: Uint8Array,
    start: number,
    length: number,
    response: Uint8Array,
    responseStart: number,
    capacity: number,
  ): number {
    const verdict = this.#screen(request, start, length)
    const size = responseSize(this.#context, capacity)
    return verdict === 'dropped' ? 0 : this.#respond(verdict, response, responseStart, size)
  }

  /** The same for a request that came over a stream, or from this process: `capacity` alone limits the response. */
  answerStream(
    request: Uint8Array,
    start: number,
    length: number,
    response: Uint8Array,
    responseStart: number,
    capacity: number,
  ): number {
    const verdict = this.#screen(request, start, length)
    return verdict === 'dropped' ? 0 : this.#respond(verdict, response, responseStart, capacity)
  }

  #screen(request: Uint8Array, start: number, length: number): ScreenVerdict {
    this.#context.reset(request, start, length)
    this.#counters[Counter.queries]!++
    const verdict = screen(this.#context)
    if (verdict === 'dropped') this.#counters[Counter.dropped]!++
    return verdict
  }

  #respond(verdict: ScreenVerdict, response: Uint8Array, responseStart: number, size: number): number {
    const context = this.#context
    const { reader, question } = context
    const limit = responseStart + size
    context.response.begin(response, responseStart, limit - optSize(context))
    if (context.hasQuestion) context.response.copy(reader.bytes, reader.start + HEADER_SIZE, question.length)
    if (verdict === 'accepted' && !this.#lookup.answer()) context.rcode = Rcode.REFUSED
    this.#count()
    return finish(context, limit)
  }

  #count(): void {
    const counters = this.#counters
    const context = this.#context
    counters[Counter.responses]!++
    counters[rcodeCounter(context.rcode)]!++
    if (context.isTruncated) counters[Counter.truncated]!++
    if (context.isNodata) counters[Counter.nodata]!++
  }
}

/** RCODEs up to REFUSED stand in the row in the order of their numbers. */
function rcodeCounter(rcode: number): number {
  return rcode === Rcode.BADVERS ? Counter.BADVERS : Counter.NOERROR + rcode
}
