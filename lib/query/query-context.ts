import type { RecordIndexReader } from '../record-index/record-index-reader.js'
import { Rcode } from '../wire/constants.js'
import { EdnsRequest, NO_EXTENDED_ERROR } from '../wire/edns.js'
import { Header } from '../wire/header.js'
import { Question } from '../wire/question.js'
import { WireReader } from '../wire/reader.js'
import type { ResponseWriter } from './response-writer.js'
import type { ZoneTable } from './zone.js'

/** What does not change from query to query. One for each thread. */
export interface QuerySettings {
  readonly index: RecordIndexReader
  readonly zones: ZoneTable
  /** The largest UDP payload that we send, and the size that our OPT record says; 512 to 4096. */
  readonly udpPayloadSize: number
  /** Seconds that an NXDOMAIN or NODATA may be kept: the minimum of a synthesized SOA, and its TTL. */
  readonly negativeTtl: number
}

/** `accepted`: go on and look for an answer. `answered`: the context says what to send. `dropped`: send nothing. */
export type Verdict = 'accepted' | 'answered' | 'dropped'

/** One query on its way through the pipeline: what was asked, and what has been decided so far. One for each place in a batch. */
export class QueryContext {
  readonly settings: QuerySettings
  readonly reader = new WireReader()
  readonly header = new Header()
  readonly question = new Question()
  readonly edns = new EdnsRequest()
  readonly response: ResponseWriter

  verdict: Verdict = 'dropped'
  rcode: number = Rcode.NOERROR
  isAuthoritative = false
  isTruncated = false
  /** Whether the response repeats the question: not when we could not read it. */
  hasQuestion = false
  /** Whether there is no such data (RFC 2308 §2.2); for the counters. */
  isNodata = false
  extendedError = NO_EXTENDED_ERROR

  /** The writer is that of the thread: responses are written one after the other. */
  constructor(settings: QuerySettings, response: ResponseWriter) {
    this.settings = settings
    this.response = response
  }

  reset(request: Uint8Array, start: number, length: number): void {
    this.reader.reset(request, start, length)
    this.edns.clear()
    this.rcode = Rcode.NOERROR
    this.isAuthoritative = false
    this.isTruncated = false
    this.hasQuestion = false
    this.isNodata = false
    this.extendedError = NO_EXTENDED_ERROR
  }
}
