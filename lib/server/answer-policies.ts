import { randomInt } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { ownAddresses } from '../cluster/own-addresses.js'
import { CookieSecrets, SECRET_LIFE_MS } from '../limits/cookie-secrets.js'
import { createRateLimits } from '../limits/create-rate-limits.js'
import type { ParsedRateLimitOptions } from '../limits/rate-limit-options.js'
import type { RateLimitHandle } from '../limits/rate-limits.js'
import type { Measurements } from '../metrics/measurements.js'
import type { ParsedOptions } from '../options.js'
import type { AnswerPolicy } from '../query/settings.js'
import { viewTable } from '../query/views.js'

/** The limits of a policy, and what they were made of. */
interface LimitsInUse {
  readonly options: ParsedRateLimitOptions
  readonly handle: RateLimitHandle | undefined
}

/** Views have the clients of their options alone. */
export const NO_CLIENTS: ReadonlyMap<string, readonly string[]> = new Map()

/** Makes what all threads answer by of a server's options, at its start and at each reload. */
export class AnswerPolicies {
  /** Where the store has found clients of views, by their names: for the policies to come. */
  viewClients = NO_CLIENTS
  readonly #measurements: Measurements
  readonly #cookieSecrets = new CookieSecrets()
  readonly #secretTimer: NodeJS.Timeout
  #limits: LimitsInUse | undefined
  #current: AnswerPolicy

  constructor(options: ParsedOptions, measurements: Measurements) {
    this.#measurements = measurements
    this.#secretTimer = setInterval(() => this.#cookieSecrets.roll(), SECRET_LIFE_MS).unref()
    this.#current = this.create(options)
    this.use(this.#current, options)
  }

  /** What is answered by now. */
  get current(): AnswerPolicy {
    return this.#current
  }

  /** What clients have had of their limits stays known while the limits stay the same. */
  create(options: ParsedOptions): AnswerPolicy {
    const { zones, negativeTtl, edns, health, identity, srvWeights, tcp, listen, views, acl, rateLimit } = options
    const limits = this.#limits
    const isSame = limits !== undefined && isDeepStrictEqual(limits.options, rateLimit)
    return {
      zones,
      zoneNumbers: this.#measurements.zoneNumbers(zones),
      negativeTtl,
      ...edns,
      allUnhealthy: health.allUnhealthy,
      cookieSecrets: this.#cookieSecrets.buffer,
      acl,
      views: viewTable(views, this.viewClients),
      rateLimits: isSame ? limits.handle : createRateLimits(rateLimit, randomInt(2 ** 32)),
      amplification: options.amplification,
      identity,
      normalizesSrvWeights: srvWeights === 'normalized',
      ownAddresses: ownAddresses(listen.map(({ host }) => host)),
      // RFC 7828 §3.1: in units of 100 ms, in 16 bits.
      keepaliveTimeout: Math.min(Math.floor(tcp.idleTimeoutMs / 100), 0xffff),
    }
  }

  /** A policy that was made of these options is the one in use from now on. */
  use(policy: AnswerPolicy, { rateLimit }: ParsedOptions): void {
    this.#current = policy
    this.#limits = { options: rateLimit, handle: policy.rateLimits }
  }

  close(): void {
    clearInterval(this.#secretTimer)
  }
}
