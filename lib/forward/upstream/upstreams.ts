import type { Clock } from '../../clock.js'
import { ContainerDnsError } from '../../errors.js'
import { foldName, nameFromText } from '../../wire/name.js'
import type { ParsedForward, UpstreamGroup } from '../options.js'
import type { Listener } from '../own-listeners.js'
import { ResolvConf } from '../resolv-conf.js'
import type { UpstreamAddress } from '../upstream-address.js'
import { ExchangeLoop, type TurnWork } from './exchange-loop.js'
import { Exchanges, type Target } from './exchanges.js'
import { openUpstreamSockets, type UpstreamSocketNeeds } from './open-upstream-sockets.js'
import { OpenPorts, PORTS_PER_UPSTREAM, PortPool } from './port-pool.js'
import { Probes } from './probes.js'
import { type Random, SecureRandom } from './secure-random.js'
import { StreamPool } from './stream-pool.js'
import { Upstream, type UpstreamStats } from './upstream.js'
import { UpstreamChoice } from './upstream-choice.js'
import { noUpstreamCounts, type UpstreamCounts } from './upstream-counts.js'
import { FAILURES, type FailureReason, type OnUpstreamResult, type UpstreamQuestion } from './upstream-result.js'
import type { UpstreamSockets } from './upstream-sockets.js'
import type { UpstreamTap } from './upstream-tap.js'

/** Descriptors for all upstreams together; with very many upstreams each has fewer ports, and still as many in all. */
const MAX_PORTS = 4096

/** What queries for `forward`, or for one forward zone, may take of `maxInFlight` where there are several. */
const MOST_OF_ONE_GROUP = 0.75

export interface UpstreamNeeds extends UpstreamSocketNeeds {
  readonly clock: Clock
  /** Default: node:crypto's. */
  readonly random?: Random
  readonly counts?: UpstreamCounts
  /** Where this server answers: what resolv.conf says of them is left out. */
  readonly listeners?: readonly Listener[]
  /** What else the thread does in its turns; with `wakeFd`, which ends their waits. */
  readonly work?: TurnWork
  /** Is shown what goes out and comes in. */
  readonly tap?: UpstreamTap | undefined
  /** What an operator has to know and mend: CDNS_FORWARD_LOOP. It is logged, too. */
  onError(error: ContainerDnsError): void
}

/**
 * The servers that queries are forwarded to. Belongs to one thread with an event loop, and never blocks it for longer than four milliseconds.
 *
 * A query goes to three upstreams at most, one after the other; who has failed is left out until it answers a probe.
 */
export class Upstreams {
  readonly counts: UpstreamCounts
  readonly #needs: UpstreamNeeds
  readonly #random: Random
  readonly #ports = new OpenPorts()
  readonly #exchanges: Exchanges
  readonly #sockets: UpstreamSockets
  readonly #loop: ExchangeLoop
  readonly #probes: Probes
  #options: ParsedForward
  #resolvConf: ResolvConf | undefined
  /** By all that makes two of them the same. */
  #upstreams = new Map<string, Upstream>()
  /** For `forward`, then for each forward zone. */
  #default: UpstreamChoice
  #zones: UpstreamChoice[] = []
  #zoneNames: string[] = []
  #isClosed = false

  constructor(options: ParsedForward, needs: UpstreamNeeds) {
    this.#options = options
    this.#needs = needs
    this.#random = needs.random ?? new SecureRandom()
    this.counts = needs.counts ?? noUpstreamCounts()
    const { clock } = needs
    this.#exchanges = new Exchanges(options, {
      ...{ clock, random: this.#random, counts: this.counts, ports: this.#ports, tap: needs.tap },
      onStateChange: (upstream) => this.#reportState(upstream),
    })
    this.#sockets = openUpstreamSockets(needs, this.#exchanges)
    this.#exchanges.useSockets(this.#sockets)
    this.#probes = new Probes({
      ...{ clock, random: this.#random, exchanges: this.#exchanges },
      onLoop: (upstream) => this.#reportLoop(upstream),
    })
    this.#loop = new ExchangeLoop(this.#exchanges, this.#sockets, needs.work, () => this.#lookAround())
    this.#default = this.#choiceOf(options)
    this.setOptions(options)
  }

  /** `batch` or `dgram`. */
  get transport(): string {
    return this.#sockets.kind
  }

  /** Whether datagrams are waited for in turns, and so `work` is done in them. */
  get isTurning(): boolean {
    return this.#loop.isTurning
  }

  /** Calls `onResult` once, maybe before this returns. */
  ask(question: UpstreamQuestion, onResult: OnUpstreamResult): void {
    const choice = question.zone === undefined ? this.#default : this.#zones[question.zone]
    if (this.#isClosed) this.#refuse('closed', onResult)
    else if (choice === undefined || choice.upstreams.length === 0) this.#refuse('noUpstreams', onResult)
    else if (choice.isNoneUp) this.#askOnTrial(question, choice, onResult)
    else if (this.#isFull(choice)) this.#refuse('overloaded', onResult)
    else this.#start(question, { choice, only: undefined, attempts: this.#options.attempts, isProbe: false }, onResult)
  }

  /**
   * Whether a query's name, in wire form, is one that we have just sent to find out whether an upstream leads back to us. That upstream is
   * left out then. Such a query is not to be forwarded. Cheap where no such test is on its way.
   */
  isOwnProbe(name: Uint8Array, length = name.length): boolean {
    return this.#probes.isOwn(name, length)
  }

  /** Upstreams that stay keep what is known of them. Queries on their way are still answered by those that they were sent to, and go to the new ones next. */
  setOptions(options: ParsedForward): void {
    if (options.resolvConf !== this.#resolvConf?.path) {
      this.#resolvConf?.close()
      this.#resolvConf = options.resolvConf === undefined ? undefined : this.#openResolvConf(options.resolvConf)
    }
    this.#options = options
    this.#apply()
  }

  #openResolvConf(path: string): ResolvConf {
    const { logger, listeners = [] } = this.#needs
    return new ResolvConf(path, { logger, listeners, onChange: () => this.#apply() })
  }

  #apply(): void {
    const upstreams = this.#resolvConf?.upstreams ?? this.#options.upstreams
    const options = { ...this.#options, upstreams }
    this.#exchanges.settings = options
    const before = this.#upstreams
    this.#upstreams = new Map()
    const choices = new Map(this.#zoneNames.map((zone, i) => [zone, this.#zones[i]!]))
    this.#default.successor = this.#choiceOf(options, before)
    this.#default = this.#default.successor
    this.#zones = options.zones.map((zone) => this.#choiceOf(zone, before))
    this.#zoneNames = options.zones.map(({ zone }) => zone)
    for (const [i, zone] of this.#zoneNames.entries()) {
      const choice = choices.get(zone)
      if (choice !== undefined) choice.successor = this.#zones[i]!
    }
    for (const upstream of before.values()) upstream.close()
    this.#probes.probeName = options.probeName
    this.#findLoops()
  }

  stats(): UpstreamStats[] {
    return [...this.#upstreams.values()].map((upstream) => upstream.stats())
  }

  /** Queries on their way fail. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#resolvConf?.close()
    this.#loop.stop()
    this.#exchanges.close()
    for (const upstream of this.#upstreams.values()) upstream.close()
    this.#sockets.close()
  }

  /** One group whose upstreams are silent leaves room for the others. */
  #isFull({ inFlight }: UpstreamChoice): boolean {
    const { maxInFlight } = this.#options
    const mostOfOne = this.#zones.length === 0 ? maxInFlight : Math.ceil(maxInFlight * MOST_OF_ONE_GROUP)
    return inFlight >= mostOfOne || this.#exchanges.active >= maxInFlight
  }

  /** Fails at once, but for one query now and then. */
  #askOnTrial(question: UpstreamQuestion, choice: UpstreamChoice, onResult: OnUpstreamResult): void {
    const upstream = choice.forTrial(this.#needs.clock.monotonicMs())
    if (upstream === undefined) this.#refuse('allDown', onResult)
    else this.#start(question, { choice: undefined, only: upstream, attempts: 1, isProbe: false }, onResult)
  }

  #start(question: UpstreamQuestion, target: Target, onResult: OnUpstreamResult): void {
    this.#exchanges.start(question, target, onResult)
    this.#loop.wake()
  }

  #refuse(reason: FailureReason, onResult: OnUpstreamResult): void {
    this.counts.failed++
    onResult(FAILURES[reason])
  }

  #choiceOf({ upstreams, policy }: UpstreamGroup, before = new Map<string, Upstream>()): UpstreamChoice {
    return new UpstreamChoice(
      upstreams.map((address) => this.#upstreamAt(address, before)),
      policy,
      this.#random,
    )
  }

  #upstreamAt(address: UpstreamAddress, before: Map<string, Upstream>): Upstream {
    const key = `${address.text} ${address.ca ?? ''}`
    const upstream = this.#upstreams.get(key) ?? before.get(key) ?? this.#open(address)
    before.delete(key)
    this.#upstreams.set(key, upstream)
    return upstream
  }

  #open(address: UpstreamAddress): Upstream {
    const { clock } = this.#needs
    const needs = { clock, random: this.#random, counts: this.counts, handler: this.#exchanges }
    const streams = new StreamPool(address, needs)
    if (address.protocol !== 'udp') return new Upstream(address, undefined, streams)
    const count = Math.max(1, this.#options.upstreams.length + this.#options.zones.length)
    const size = Math.min(PORTS_PER_UPSTREAM, Math.ceil(MAX_PORTS / count))
    const ports = new PortPool(address, this.#sockets, this.#ports, this.#random, size)
    return new Upstream(address, ports, streams)
  }

  /** Says whether there is reason to do so again soon. */
  #lookAround(): boolean {
    const now = this.#needs.clock.monotonicMs()
    let areStreams = false
    for (const { streams } of this.#upstreams.values()) {
      streams.closeIdle(now)
      areStreams ||= !streams.isEmpty
    }
    return this.#probes.probe(this.#choices()) || areStreams
  }

  *#choices(): Iterable<UpstreamChoice> {
    yield this.#default
    yield* this.#zones
  }

  /** A random name below each group's zone, to each of its upstreams. */
  #findLoops(): void {
    const root = Uint8Array.of(0)
    for (const upstream of this.#default.upstreams) this.#probes.findLoop(upstream, root)
    for (const [i, { upstreams }] of this.#zones.entries()) {
      const apex = nameFromText(this.#options.zones[i]!.zone)
      foldName(apex, 0, apex.length)
      for (const upstream of upstreams) this.#probes.findLoop(upstream, apex)
    }
    this.#loop.wake()
  }

  #reportState(upstream: Upstream): void {
    const { address, streams } = upstream
    const { state } = upstream.stats()
    const fields = { upstream: address.text, state, ...(streams.fault === undefined ? {} : { fault: streams.fault }) }
    if (state === 'erring')
      this.#needs.logger.warn(fields, 'the upstream answers with errors only: others are asked first')
    else if (state === 'up') this.#needs.logger.info(fields, 'the upstream answers again')
    else this.#needs.logger.warn(fields, 'the upstream has failed, and is left out until it answers a probe')
  }

  #reportLoop({ address }: Upstream): void {
    const error = new ContainerDnsError(
      'CDNS_FORWARD_LOOP',
      `upstream ${address.text} sends our queries back to us, and is left out: is it this server, or does it forward to it?`,
    )
    this.#needs.logger.error({ upstream: address.text, code: error.code }, error.message)
    this.#needs.onError(error)
  }
}
