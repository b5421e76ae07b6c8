import { MAX_NAME_LENGTH } from '../../wire/constants.js'
import type { UpstreamQuery } from './query-writer.js'
import { Timed } from './timer-wheel.js'
import type { Upstream } from './upstream.js'
import type { UpstreamChoice } from './upstream-choice.js'
import type { OnUpstreamResult } from './upstream-result.js'
import type { UpstreamStream } from './upstream-stream.js'

/** Upstream queries for one client query, follow-ups over TCP and without EDNS among them. */
export const MAX_TRIES = 3

/** One query to one upstream. Made once with its `ForwardedQuery`. */
export class Try {
  readonly query: ForwardedQuery
  upstream: Upstream | undefined
  /** By which a response to it is known: unique on its socket, or its stream. */
  id = 0
  isOverStream = false
  /** Of one that waits for a datagram: the number of the socket, and its neighbours among those that wait on that. */
  socket = 0
  next: Try | undefined
  previous: Try | undefined
  stream: UpstreamStream | undefined
  hasEdns = false
  /** Whether it is shown to the tap, and so what is answered to it. */
  isTapped = false
  sentMs = 0
  /** It has led to another try, and only a good response to it still counts. */
  isSettled = false
  /** Its time was over; a response may still come. */
  isOverdue = false

  constructor(query: ForwardedQuery) {
    this.query = query
  }
}

/** What is asked for one client query, or for one of our probes. Made once and used again and again. */
export class ForwardedQuery extends Timed implements UpstreamQuery {
  readonly name = new Uint8Array(MAX_NAME_LENGTH)
  nameLength = 0
  type = 0
  class = 0
  isDnssecOk = false
  isCheckingDisabled = false

  readonly tries: readonly Try[]
  tryCount = 0
  /** Upstreams that it may be sent to; for a probe, the one. */
  choice: UpstreamChoice | undefined
  only: Upstream | undefined
  isProbe = false
  attemptsLeft = 0
  /** A bit for each upstream of the choice. */
  triedUpstreams = 0
  deadlineMs = 0
  /** RCODE of the failures so far: -1 none yet, -2 they differ. */
  agreedRcode = NO_RCODE
  /** A response that is given unless a better one comes soon. */
  heldTry: Try | undefined
  heldMessage = NO_MESSAGE
  /** The name is spelled at random, and so must be that in a response. */
  isCaseRandom = false
  onResult: OnUpstreamResult | undefined

  constructor() {
    super()
    this.tries = Array.from({ length: MAX_TRIES }, () => new Try(this))
  }

  get lastTry(): Try | undefined {
    return this.tries[this.tryCount - 1]
  }
}

export const NO_MESSAGE: Uint8Array = new Uint8Array(0)
export const NO_RCODE = -1
export const DIFFERENT_RCODES = -2
