import type { AnswerCacheHandle } from '../../answer-cache/answer-cache-memory.js'
import { AnswerCacheReader } from '../../answer-cache/answer-cache-reader.js'
import { FLAG_CD, FLAG_DO } from '../../answer-cache/layout.js'
import { CidrTable, NO_VALUE } from '../../clients/cidr-table.js'
import { ADDRESS_WORDS, writeIpv4Client, writeIpv6Client } from '../../clients/client-address.js'
import { HandoffOwner } from '../../handoff/handoff-owner.js'
import { type HandoffHandle, NONE } from '../../handoff/layout.js'
import { protocolCode } from '../../hooks/hook-query.js'
import type { Routes } from '../../hooks/query-origin.js'
import { Counter } from '../../metrics/counters.js'
import { saveEnds } from '../../query/client-in-slot.js'
import type { ClientAddresses, QueryContext } from '../../query/query-context.js'
import type { QueryForwarding } from '../../query/query-forwarding.js'
import type { Zone } from '../../query/zone.js'
import type { Protocol } from '../../transport/datagram-transport.js'
import { loadLibc } from '../../transport/libc.js'
import { wakeUp } from '../../transport/wake-fd.js'
import { CLASS_IN, HEADER_SIZE, Rcode, Type } from '../../wire/constants.js'
import { ExtendedError, NO_EXTENDED_ERROR } from '../../wire/edns.js'
import type { FoldedName } from '../../wire/folded-name.js'
import { FLAG_AD, FLAG_RA, FLAG_RD, FLAG_CD as HEADER_CD } from '../../wire/header.js'
import { ForwardZoneTable, NO_FORWARD_ZONE } from '../forward-zones.js'
import { ChainedAnswer } from './chained-answer.js'
import { Fate, ForwardKind, ForwardSlot } from './forward-slot.js'
import { sharedSeconds } from './shared-seconds.js'

/** What is forwarded, and for whom. A plain object: it is posted to threads. */
export interface ForwardingPolicy {
  /** Names of the forward zones. */
  readonly zones: readonly string[]
  /** Whether there is somebody to ask for all other names. */
  readonly hasDefault: boolean
  /** The data of a `CidrTable` of who may have queries forwarded; undefined: everybody. */
  readonly allow: Int32Array | undefined
  /** How long a query waits whose slot is held. */
  readonly patienceMs: number
  readonly renewsPopular: boolean
}

/** What a thread that answers is told of forwarding. A plain object: it is posted to the thread. */
export interface ForwardingTask {
  readonly policy: ForwardingPolicy
  readonly ring: HandoffHandle
  readonly cache: AnswerCacheHandle
  /** An eventfd by which the forward thread is woken where it waits in a system call; `batch` only. */
  readonly wakeFd?: number
}

/** Deadlines are at whole multiples of this, so that who looks for those that are over finds many at once. */
const DEADLINE_STEP_MS = 128
/** An answer is renewed when it is asked for in the last tenth of its time, if that is not too short for it. */
const RENEWAL_PART = 10
const LEAST_RENEWED_SECONDS = 10
/** RFC 6895 §3.1: from here on, up to 255, types are questions about more than one RRset, or about none. */
const FIRST_META_TYPE = 128
const LAST_META_TYPE = 255

/** The forwarding of one thread that answers: out of the answer cache, and where that has nothing, by way of the forward thread. */
export class ThreadForwarding implements QueryForwarding {
  /** Over what the queries in hand came. */
  protocol: Protocol | undefined
  /** Where responses go; without, whoever has the queries remembers. */
  routes: Routes | undefined
  /** The slot of the query that was begun last, if it was parked. */
  parkedSlot = NONE
  /** The queries in hand have been given up: nobody is asked any more. */
  isOverdue = false
  /** Whether somebody is shown where queries came from. */
  isTapped = false
  readonly owner: HandoffOwner
  readonly cache: AnswerCacheReader
  readonly slot = new ForwardSlot()
  readonly #seed: number
  #policy: ForwardingPolicy
  #zones: ForwardZoneTable
  #allow: CidrTable | undefined
  readonly #counters: Uint32Array
  readonly #address = new Uint8Array(16)
  readonly #words = new Int32Array(ADDRESS_WORDS)
  readonly #chained = new ChainedAnswer()
  #i = 0
  #clients: ClientAddresses = { clientAddress: () => 0 }
  #nowSeconds = 0
  #hasHandedOver = false
  /** Of the batch in hand, whether any query will look into the cache. */
  #isExpected = false

  /** `seed` is that of the record index, with which the names of questions are hashed; `counters` are indexed by `Counter`. */
  constructor({ policy, ring, cache, wakeFd }: ForwardingTask, seed: number, counters: Uint32Array) {
    this.#seed = seed
    this.#policy = policy
    this.owner = new HandoffOwner(ring, wakeFd === undefined ? undefined : wakeOf(wakeFd))
    this.cache = AnswerCacheReader.open(cache)
    this.#zones = new ForwardZoneTable(policy.zones, seed)
    this.#allow = policy.allow && new CidrTable(policy.allow)
    this.#counters = counters
  }

  /** Forwards by another policy from now on. Between two batches only; what is parked waits for as long as it was to. */
  use(policy: ForwardingPolicy): void {
    this.#policy = policy
    this.#zones = new ForwardZoneTable(policy.zones, this.#seed)
    this.#allow = policy.allow && new CidrTable(policy.allow)
  }

  /** Before a batch. */
  enter(): void {
    this.cache.enter()
    this.#nowSeconds = sharedSeconds()
  }

  /** The forward thread hears of all that the batch has for it at once. */
  leave(): void {
    this.cache.leave()
    if (this.#hasHandedOver) this.owner.ring()
    this.#hasHandedOver = false
  }

  get hasParked(): boolean {
    return this.parkedSlot !== NONE
  }

  begin(context: QueryContext, i: number, clients: ClientAddresses): void {
    this.#i = i
    this.#clients = clients
    this.parkedSlot = NONE
    context.forwardFlags = this.#isAllowed(context) ? FLAG_RA : 0
  }

  expect(i: number, context: QueryContext): void {
    const { question, view } = context
    this.#isExpected = true
    this.cache.expect(i, question.name, question.type, CLASS_IN, cacheFlags(context), view)
  }

  expectNothing(i: number): void {
    if (i === 0) this.#isExpected = false
    this.cache.expectNothing(i)
  }

  prefetch(count: number): void {
    if (this.#isExpected) this.cache.prefetch(count)
  }

  /** The longer one of a forward zone and a zone of ours has a name. Of type DS it is the zone above that knows (RFC 4035 §3.1.4.1). */
  takes(name: FoldedName, type: number, zone: Zone | undefined): boolean {
    const forwardZone = this.#zones.match(name, type === Type.DS && name.labelCount > 0 ? 1 : 0)
    if (forwardZone === NO_FORWARD_ZONE) return zone === undefined && this.#policy.hasDefault
    return zone === undefined || this.#zones.labelCountOf(forwardZone) > zone.labelCount
  }

  answer(context: QueryContext): void {
    const { header, question } = context
    if ((header.flags & FLAG_RD) === 0) refuse(context, Rcode.REFUSED, ExtendedError.NOT_AUTHORITATIVE)
    else if (context.forwardFlags === 0) refuse(context, Rcode.REFUSED, ExtendedError.PROHIBITED)
    // RFC 8482 §4: nobody needs ANY, and of the others no cache can tell what they would be about.
    else if (isMetaType(question.type)) refuse(context, Rcode.NOTIMP, ExtendedError.NOT_SUPPORTED)
    else {
      context.limitHash = question.name.hash
      if (this.#find(context, question.name)) {
        writeCached(context, this.cache, question.name)
        this.#countHit(context, undefined)
      } else this.#handOver(context, undefined)
    }
  }

  /** Who may not have its query forwarded asks for the rest of the chain itself. */
  answerTarget(context: QueryContext, target: FoldedName, offset: number): void {
    const { header, question } = context
    if ((header.flags & FLAG_RD) === 0 || context.forwardFlags === 0 || isMetaType(question.type)) return
    if (this.#find(context, target)) {
      this.#chained.begin(context, target, offset)
      writeCached(context, this.cache, target)
      if (context.rcode === Rcode.SERVFAIL) refuse(context, Rcode.SERVFAIL, context.extendedError)
      else this.#chained.end(context)
      this.#countHit(context, target)
    } else this.#handOver(context, target)
  }

  #find(context: QueryContext, name: FoldedName): boolean {
    const { question, view } = context
    return this.cache.find(name, question.type, CLASS_IN, cacheFlags(context), view, this.#nowSeconds)
  }

  #countHit(context: QueryContext, target: FoldedName | undefined): void {
    this.#counters[Counter.cacheHits]!++
    if (isStale(this.cache.extendedError)) this.#counters[Counter.cacheStale]!++
    else if (this.#policy.renewsPopular) this.#renew(context, target)
  }

  /** What is asked for when its time is nearly over is renewed before, once. */
  #renew(context: QueryContext, target: FoldedName | undefined): void {
    const { cache } = this
    const { lifetimeSeconds, remainingSeconds } = cache
    if (remainingSeconds * RENEWAL_PART > lifetimeSeconds || lifetimeSeconds < LEAST_RENEWED_SECONDS) return
    if (!cache.claimRenewal()) return
    const slot = this.#claim(context, ForwardKind.renewal, target)
    if (slot !== NONE) this.#put(slot, Number.POSITIVE_INFINITY)
  }

  #handOver(context: QueryContext, target: FoldedName | undefined): void {
    const counters = this.#counters
    if (this.isOverdue) {
      counters[Counter.forwardOverdue]!++
      refuse(context, Rcode.SERVFAIL, ExtendedError.NO_REACHABLE_AUTHORITY)
    } else if (!context.settings.clientRules.admitsForwarded(context)) {
      counters[Counter.forwardLimited]!++
      refuse(context, Rcode.REFUSED, ExtendedError.PROHIBITED)
    } else this.#park(context, target)
  }

  #park(context: QueryContext, target: FoldedName | undefined): void {
    const counters = this.#counters
    const slot = this.#claim(context, ForwardKind.query, target)
    if (slot === NONE) {
      counters[Counter.forwardFull]!++
      refuse(context, Rcode.SERVFAIL, ExtendedError.NETWORK_ERROR)
      return
    }
    counters[Counter.cacheMisses]!++
    this.#put(slot, this.#deadline())
    this.parkedSlot = slot
    context.isParked = true
  }

  #put(slot: number, deadline: number): void {
    this.owner.parkUnheard(slot, deadline)
    this.#hasHandedOver = true
  }

  #deadline(): number {
    return DEADLINE_STEP_MS * Math.ceil((performance.now() + this.#policy.patienceMs) / DEADLINE_STEP_MS)
  }

  #claim(context: QueryContext, kind: number, target: FoldedName | undefined): number {
    const { owner, slot } = this
    const claimed = owner.claim()
    if (claimed === NONE) return NONE
    const { reader } = context
    slot.open(owner.bytes, owner.bodyStart(claimed))
    slot.kind = kind
    slot.fate = Fate.none
    slot.protocol = protocolCode(this.protocol)
    slot.view = context.view
    slot.flags = cacheFlags(context)
    const length = this.#clients.clientAddress(this.#i, this.#address)
    slot.clientLength = length
    const at = slot.clientStart
    for (let i = 0; i < length; i++) slot.bytes[at + i] = this.#address[i]!
    if (kind === ForwardKind.query) this.routes?.saveRoute(this.#i, slot.bytes, slot.routeStart)
    if (this.isTapped) saveEnds(this.#clients, this.#i, slot.bytes, slot.endsStart)
    if (!slot.setRequest(reader.bytes, reader.start, reader.end - reader.start)) return NONE
    return target === undefined || slot.setTarget(target.bytes, target.length) ? claimed : NONE
  }

  /** Queries of this process may have everything. */
  #isAllowed(context: QueryContext): boolean {
    if (this.#allow === undefined) return true
    if (context.hasClient) return this.#allow.find(context.client, 0) !== NO_VALUE
    const length = this.#clients.clientAddress(this.#i, this.#address)
    if (length === 0) return true
    if (length === 4) writeIpv4Client(this.#words, 0, this.#address, 0)
    else writeIpv6Client(this.#words, 0, this.#address, 0)
    return this.#allow.find(this.#words, 0) !== NO_VALUE
  }
}

function wakeOf(fd: number): () => void {
  const libc = loadLibc()
  return () => wakeUp(libc, fd)
}

/** The answer that a reader has found becomes that of the query in hand. */
export function writeCached(context: QueryContext, cache: AnswerCacheReader, name: FoldedName): void {
  context.rcode = cache.rcode
  context.isNodata = cache.isNodata
  context.extendedError = cache.extendedError
  context.isTruncated = !cache.write(context.response)
  passFlags(context, cache.isAuthenticated)
  if (cache.rcode === Rcode.NXDOMAIN) context.limitHash = nxdomainHash(name)
}

/** RFC 6840 §5.8: AD is for who has said that it is of interest. RFC 4035 §3.2.2: CD goes back as it came. */
export function passFlags(context: QueryContext, isAuthenticated: boolean): void {
  const { header, edns } = context
  const wantsAd = edns.dnssecOk || (header.flags & FLAG_AD) !== 0
  context.forwardFlags = FLAG_RA | (header.flags & HEADER_CD) | (isAuthenticated && wantsAd ? FLAG_AD : 0)
}

/** Names that are not there are often random ones below a name that is; which that is, nobody has said here. */
export function nxdomainHash(name: FoldedName): number {
  return name.suffixHashes[Math.max(0, name.labelCount - 2)]!
}

/** Says that there is no answer, and why. Of a chain that leads to none, nothing is left. */
export function refuse(context: QueryContext, rcode: number, extendedError: number): void {
  const { question, response } = context
  if (response.answerCount > 0) {
    response.undo(response.start + HEADER_SIZE + question.length)
    response.answerCount = 0
    context.isAuthoritative = false
  }
  context.rcode = rcode
  context.extendedError = extendedError
}

export function isStale(extendedError: number): boolean {
  if (extendedError === NO_EXTENDED_ERROR) return false
  return extendedError === ExtendedError.STALE_ANSWER || extendedError === ExtendedError.STALE_NXDOMAIN
}

function isMetaType(type: number): boolean {
  return type >= FIRST_META_TYPE && type <= LAST_META_TYPE
}

/** What else of a query its answer depends on. */
export function cacheFlags({ header, edns }: QueryContext): number {
  return (edns.dnssecOk ? FLAG_DO : 0) | ((header.flags & HEADER_CD) === 0 ? 0 : FLAG_CD)
}
