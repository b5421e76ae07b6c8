import { type Bounds, describe, numberWithin, refuseUnknownKeys, wholeNumber } from '../../bounds.js'
import { buildCidrTable } from '../../clients/build-cidr-table.js'
import { parseCidrs } from '../../clients/cidr.js'
import { addressFromText, addressToText } from '../../clients/client-address.js'
import { ContainerDnsError } from '../../errors.js'
import { foldName, nameFromText } from '../../wire/name.js'
import type { Check, ProbeProfile } from './check.js'
import { type CheckOptions, parseCheck } from './check-options.js'

/** How often a target is probed, and when it is believed. */
export interface ProbeTimes {
  /** From one probe of an address to the next; default 10 000 ms. 100 to 3600000. */
  intervalMs?: number
  /** How long a probe may take; default 2000 ms, at most the interval. 10 to 60000. */
  timeoutMs?: number
  /** Probes in a row that must succeed until an unhealthy address is healthy again; default 2. 1 to 100. */
  rise?: number
  /** Probes in a row that must fail until an address is unhealthy; default 3. 1 to 100. */
  fall?: number
}

/** Probes of the backends of a server's own records. */
export interface ProbesOptions extends ProbeTimes {
  /** Default: `hooks.checkHealth` where there is one, else a TCP connection to the ports that SRV records give an address; without any, it is left alone. */
  check?: CheckOptions
  /** Other ways for some addresses; of several that match, the longest network counts. */
  overrides?: ProbeOverride[]
  /** Only addresses of names at or below these; default: all. */
  zones?: string[]
  /** Percent of the interval by which a probe may come early, so that probes spread out; default 10. 0 to 50. */
  jitterPercent?: number
  /** Probes under way at a time; default 1000. 1 to 50000. */
  concurrency?: number
  /** Probes that are started in a second; default 5000. 1 to 100000. */
  perSecond?: number
  /** Addresses that are probed at most; default 100 000. 1 to 1000000. */
  maxTargets?: number
  /** Link-local, metadata and other special addresses are not probed, except in these networks; default: none. */
  allow?: string[]
  /** Places that are always there, such as a gateway: while less than half of them take a TCP connection, nothing is called unhealthy. */
  references?: ProbeReference[]
  /** Percent: where more of an RRset, or of all addresses, would go down at once, each is probed once more first; default 50. 0 to 100. */
  confirmAbovePercent?: number
  /** Percent: while fewer of the addresses are healthy, none is left out on the word of probes; default 0, which is never. 0 to 100. */
  panicBelowPercent?: number
}

export interface ProbeOverride extends ProbeTimes {
  /** Networks or addresses, such as `10.0.0.0/8`. */
  networks: string[]
  /** Default: the check of the others. `false`: they are not probed. */
  check?: CheckOptions | false
}

export interface ProbeReference {
  address: string
  port: number
}

export const INTERVAL_MS: Bounds = { default: 10_000, min: 100, max: 3_600_000, unit: 'milliseconds' }
export const TIMEOUT_MS: Bounds = { default: 2_000, min: 10, max: 60_000, unit: 'milliseconds' }
export const RISE: Bounds = { default: 2, min: 1, max: 100, unit: 'probes' }
export const FALL: Bounds = { default: 3, min: 1, max: 100, unit: 'probes' }
export const JITTER_PERCENT: Bounds = { default: 10, min: 0, max: 50, unit: 'percent' }
export const CONCURRENCY: Bounds = { default: 1_000, min: 1, max: 50_000, unit: 'probes' }
export const PER_SECOND: Bounds = { default: 5_000, min: 1, max: 100_000, unit: 'probes' }
export const MAX_TARGETS: Bounds = { default: 100_000, min: 1, max: 1_000_000, unit: 'addresses' }
export const CONFIRM_ABOVE_PERCENT: Bounds = { default: 50, min: 0, max: 100, unit: 'percent' }
export const PANIC_BELOW_PERCENT: Bounds = { default: 0, min: 0, max: 100, unit: 'percent' }
/** All of them are probed at once, before addresses are called unhealthy. */
export const MAX_REFERENCES = 16

/** What the probe thread goes by. A plain object: it is posted to it. */
export interface ProbeSettings {
  /** The first is that of targets to which no override applies. */
  readonly profiles: readonly ProbeProfile[]
  readonly jitter: number
  readonly concurrency: number
  readonly perSecond: number
  readonly references: readonly Required<ProbeReference>[]
}

export interface ParsedProbes extends ProbeSettings {
  /** Which profile an address goes by: the data of a `CidrTable`. */
  readonly profileOf: Int32Array
  /** Folded, in wire form. */
  readonly zones: readonly Uint8Array[] | undefined
  readonly maxTargets: number
  /** The data of a `CidrTable`. */
  readonly allowed: Int32Array
  readonly confirmAbove: number
  readonly panicBelow: number
}

const TIME_KEYS = ['intervalMs', 'timeoutMs', 'rise', 'fall'] as const
export const PROBES_OPTION_NAMES = [
  'check',
  ...TIME_KEYS,
  'overrides',
  'zones',
  'jitterPercent',
  'concurrency',
  'perSecond',
  'maxTargets',
  'allow',
  'references',
  'confirmAbovePercent',
  'panicBelowPercent',
] as const satisfies readonly (keyof ProbesOptions)[]

const HOOK_CHECK: Check = Object.freeze({ type: 'hook' })
const DEFAULT_CHECK: Check = Object.freeze({ type: 'tcp', ports: Object.freeze([]), require: 'any' })

/** `hasHook`: there is a hook `checkHealth`. Throws CDNS_OPTION_UNKNOWN, CDNS_OPTION_INVALID, CDNS_CIDR_INVALID, CDNS_ADDRESS_INVALID, or the codes of names. */
export function parseProbes(option: string, given: ProbesOptions, hasHook = false): ParsedProbes {
  refuseUnknownKeys(option, given, PROBES_OPTION_NAMES)
  const common = profile(option, given, hasHook ? HOOK_CHECK : DEFAULT_CHECK)
  const overrides = list(`${option}.overrides`, given.overrides).map((each, i) => {
    const name = `${option}.overrides[${i}]`
    refuseUnknownKeys(name, each, ['networks', 'check', ...TIME_KEYS])
    const { networks, ...rest } = each as ProbeOverride
    return { profile: profile(name, rest, common.check, common), networks: parseCidrs(`${name}.networks`, networks) }
  })
  const profiles = [common, ...overrides.map((override) => override.profile)]
  if (!hasHook && profiles.some(({ check }) => check?.type === 'hook')) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `${option} has a check of type hook, and hooks.checkHealth is missing`,
    )
  }
  return Object.freeze({
    profiles: Object.freeze(profiles),
    profileOf: buildCidrTable(overrides.flatMap(({ networks }, i) => networks.map((cidr) => ({ cidr, value: i + 1 })))),
    zones: given.zones && list(`${option}.zones`, given.zones).map(foldedName),
    jitter: numberWithin(`${option}.jitterPercent`, given.jitterPercent, JITTER_PERCENT) / 100,
    concurrency: numberWithin(`${option}.concurrency`, given.concurrency, CONCURRENCY),
    perSecond: numberWithin(`${option}.perSecond`, given.perSecond, PER_SECOND),
    maxTargets: numberWithin(`${option}.maxTargets`, given.maxTargets, MAX_TARGETS),
    allowed: buildCidrTable(parseCidrs(`${option}.allow`, given.allow ?? []).map((cidr) => ({ cidr, value: 0 }))),
    references: parseReferences(`${option}.references`, given.references),
    confirmAbove: numberWithin(`${option}.confirmAbovePercent`, given.confirmAbovePercent, CONFIRM_ABOVE_PERCENT) / 100,
    panicBelow: numberWithin(`${option}.panicBelowPercent`, given.panicBelowPercent, PANIC_BELOW_PERCENT) / 100,
  })
}

type GivenProfile = ProbeTimes & { check?: CheckOptions | false }

function profile(option: string, given: GivenProfile, check: Check | undefined, common?: ProbeProfile): ProbeProfile {
  const bounds = (own: Bounds, key: (typeof TIME_KEYS)[number]) => ({ ...own, default: common?.[key] ?? own.default })
  const intervalMs = numberWithin(`${option}.intervalMs`, given.intervalMs, bounds(INTERVAL_MS, 'intervalMs'))
  const timeout = bounds(TIMEOUT_MS, 'timeoutMs')
  const timeoutMs = numberWithin(`${option}.timeoutMs`, given.timeoutMs, {
    ...timeout,
    default: Math.min(timeout.default, intervalMs),
    // One probe of an address at a time.
    max: Math.min(timeout.max, intervalMs),
  })
  return Object.freeze({
    check:
      given.check === undefined
        ? check
        : given.check === false
          ? undefined
          : parseCheck(`${option}.check`, given.check),
    intervalMs,
    timeoutMs,
    rise: numberWithin(`${option}.rise`, given.rise, bounds(RISE, 'rise')),
    fall: numberWithin(`${option}.fall`, given.fall, bounds(FALL, 'fall')),
  })
}

function parseReferences(option: string, given: unknown): readonly Required<ProbeReference>[] {
  const references = list(option, given).map((each, i) => {
    const name = `${option}[${i}]`
    refuseUnknownKeys(name, each, ['address', 'port'])
    const { address, port } = each as ProbeReference
    const bytes = typeof address === 'string' ? addressFromText(address) : undefined
    if (bytes === undefined) {
      throw new ContainerDnsError(
        'CDNS_ADDRESS_INVALID',
        `${name}.address must be an address, got ${describe(address)}`,
      )
    }
    return Object.freeze({
      address: addressToText(bytes),
      port: wholeNumber(`${name}.port`, port, { min: 1, max: 65_535 }, 'CDNS_OPTION_INVALID'),
    })
  })
  if (references.length <= MAX_REFERENCES) return Object.freeze(references)
  throw new ContainerDnsError(
    'CDNS_OPTION_INVALID',
    `${option} must be at most ${MAX_REFERENCES}, got ${references.length}`,
  )
}

function foldedName(given: unknown): Uint8Array {
  const name = nameFromText(given as string)
  foldName(name, 0, name.length)
  return name
}

function list(option: string, given: unknown = []): readonly unknown[] {
  if (Array.isArray(given)) return Array.from(given)
  throw new ContainerDnsError('CDNS_OPTION_INVALID', `${option} must be an array, got ${describe(given)}`)
}
