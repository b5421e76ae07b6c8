import type { Clock } from '../../clock.js'
import { CLASS_IN, MAX_NAME_LENGTH, Type } from '../../wire/constants.js'
import { foldByte } from '../../wire/name.js'
import type { Exchanges } from './exchanges.js'
import type { Random } from './secure-random.js'
import type { Upstream } from './upstream.js'
import type { UpstreamChoice } from './upstream-choice.js'

/** 128 bits, as digits of base 16. */
const LABEL_LENGTH = 32

interface ProbeNeeds {
  readonly clock: Clock
  readonly random: Random
  readonly exchanges: Exchanges
  /** An upstream is found to lead back to us, and was not known to. */
  onLoop(upstream: Upstream): void
}

/** A name that was sent to one upstream, and that nobody else knows. */
interface LoopTest {
  readonly upstream: Upstream
  readonly name: Uint8Array
}

/**
 * Queries of our own: whether an upstream that has failed answers again, and whether what an upstream is asked comes back to us.
 *
 * Who answers anything is alive. A name for the second is random and good for one time and as long as its query is on its way, so
 * that nobody can have an upstream left out by asking for it (CVE-2026-26018).
 */
export class Probes {
  /** In wire form. */
  probeName: Uint8Array = Uint8Array.of(0)
  readonly #needs: ProbeNeeds
  readonly #tests = new Set<LoopTest>()
  /** Below which name an upstream's tests are. */
  readonly #zones = new WeakMap<Upstream, Uint8Array>()

  constructor(needs: ProbeNeeds) {
    this.#needs = needs
  }

  /** Sends those probes that are due, and says whether there will be more. */
  probe(choices: Iterable<UpstreamChoice>): boolean {
    const now = this.#needs.clock.monotonicMs()
    let areMore = false
    for (const choice of choices) {
      for (const upstream of choice.upstreams) {
        if (upstream.state === 'up') continue
        areMore = true
        if (now >= upstream.nextProbeMs) this.#probe(upstream, now, choice.isNoneUp)
      }
    }
    return areMore
  }

  /** Asks an upstream for a name below an apex that comes back to us if it forwards to us. */
  findLoop(upstream: Upstream, apex: Uint8Array): void {
    // An apex that leaves no room is nobody's.
    if (apex.length + LABEL_LENGTH + 1 > MAX_NAME_LENGTH) return
    this.#zones.set(upstream, apex)
    const test = { upstream, name: this.#randomName(apex) }
    this.#tests.add(test)
    this.#ask(upstream, test.name, Type.TXT, (isAnswered) => {
      // Still there: it has not come back to us, unless it does so later.
      if (this.#tests.delete(test) && isAnswered) upstream.loopsNoMore()
    })
  }

  isOwn(name: Uint8Array, length: number): boolean {
    if (this.#tests.size === 0 || name[0] !== LABEL_LENGTH) return false
    for (const test of this.#tests) {
      if (!isSameName(test.name, name, length)) continue
      this.#tests.delete(test)
      this.#loops(test.upstream)
      return true
    }
    return false
  }

  #probe(upstream: Upstream, now: number, isNoneUp: boolean): void {
    upstream.probed(now, this.#needs.random.u16() / 65_535, isNoneUp)
    if (upstream.state === 'looping') this.findLoop(upstream, this.#zones.get(upstream)!)
    else this.#ask(upstream, this.probeName, Type.NS, () => {})
  }

  #loops(upstream: Upstream): void {
    const isNew = upstream.state !== 'looping'
    upstream.loops(this.#needs.clock.monotonicMs(), this.#needs.random.u16() / 65_535)
    if (isNew) this.#needs.onLoop(upstream)
  }

  #ask(upstream: Upstream, name: Uint8Array, type: number, onEnd: (isAnswered: boolean) => void): void {
    const { length } = name
    const question = { name, nameLength: length, type, class: CLASS_IN, isDnssecOk: false, isCheckingDisabled: false }
    this.#needs.exchanges.start(
      question,
      { choice: undefined, only: upstream, attempts: 1, isProbe: true },
      ({ kind }) => onEnd(kind === 'reply'),
    )
  }

  #randomName(apex: Uint8Array): Uint8Array {
    const name = new Uint8Array(1 + LABEL_LENGTH + apex.length)
    name[0] = LABEL_LENGTH
    for (let i = 1; i <= LABEL_LENGTH; i++) name[i] = HEX.charCodeAt(this.#needs.random.below(HEX.length))
    name.set(apex, 1 + LABEL_LENGTH)
    return name
  }
}

const HEX = '0123456789abcdef'

function isSameName(folded: Uint8Array, name: Uint8Array, length: number): boolean {
  if (folded.length !== length) return false
  for (let i = 0; i < length; i++) if (foldByte(name[i]!) !== folded[i]) return false
  return true
}
