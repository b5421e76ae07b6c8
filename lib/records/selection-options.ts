import { type Bounds, describe, refuseUnknownKeys, wholeNumber } from '../bounds.js'
import { ContainerDnsError, type ErrorCode } from '../errors.js'
import { MAX_MESSAGE_SIZE, RDLENGTH_SIZE } from '../wire/constants.js'

/** In which order addresses and services are answered: at random, by turns, the same for a client, at random by weight, as they were put. */
export const SELECTION_POLICIES = ['shuffle', 'rotate', 'clientHash', 'weighted', 'ordered'] as const
export type SelectionPolicy = (typeof SELECTION_POLICIES)[number]

/** What `clientHash` knows a client by: its address, the network it is in, or what a trusted source says of it (RFC 7871). */
export const AFFINITIES = ['address', 'subnet', 'ecs'] as const
export type Affinity = (typeof AFFINITIES)[number]

/** How to pick from an RRset of A, AAAA or SRV records: for a server, a zone or an RRset. */
export interface SelectionOptions {
  /** Default `shuffle`. */
  policy?: SelectionPolicy
  /** Records answered at most, the first ones in the order of the policy; default: all. 1 to 5041, as many as fit in a message. */
  maxAnswers?: number
  /** Only for `clientHash`; default `address`. */
  affinity?: Affinity
}

export interface ParsedSelectionOptions {
  readonly policy: SelectionPolicy
  readonly maxAnswers: number
  readonly affinity: Affinity
}

/** An owner that is a pointer, type, class and TTL, the length of the rdata, and one octet of it: no record has less. */
const SMALLEST_RECORD = 10 + RDLENGTH_SIZE + 1
/** No more fit in a message: 5041. */
export const MAX_RECORDS = Math.floor(MAX_MESSAGE_SIZE / SMALLEST_RECORD)
export const MAX_ANSWERS: Bounds = { default: MAX_RECORDS, min: 1, max: MAX_RECORDS, unit: 'records' }

const KEYS = ['policy', 'maxAnswers', 'affinity'] as const satisfies readonly (keyof SelectionOptions)[]

/** What holds where nothing is said. */
export const DEFAULT_SELECTION: ParsedSelectionOptions = Object.freeze({
  policy: 'shuffle',
  maxAnswers: MAX_ANSWERS.default,
  affinity: 'address',
})

/**
 * Reads options whose unset keys are `base`'s: an RRset's are based on its zone's, and those on the server's.
 *
 * `option` names them in errors. Throws CDNS_OPTION_UNKNOWN, and CDNS_OPTION_INVALID or the code given.
 */
export function parseSelectionOptions(
  option: string,
  given: SelectionOptions = {},
  base: ParsedSelectionOptions = DEFAULT_SELECTION,
  code: ErrorCode = 'CDNS_OPTION_INVALID',
): ParsedSelectionOptions {
  refuseUnknownKeys(option, given, KEYS)
  const { policy, maxAnswers, affinity } = given
  return Object.freeze({
    policy: policy === undefined ? base.policy : oneOf(`${option}.policy`, policy, SELECTION_POLICIES, code),
    maxAnswers:
      maxAnswers === undefined ? base.maxAnswers : wholeNumber(`${option}.maxAnswers`, maxAnswers, MAX_ANSWERS, code),
    affinity: affinity === undefined ? base.affinity : oneOf(`${option}.affinity`, affinity, AFFINITIES, code),
  })
}

function oneOf<T extends string>(option: string, given: unknown, known: readonly T[], code: ErrorCode): T {
  const found = known.find((each) => each === given)
  if (found !== undefined) return found
  throw new ContainerDnsError(code, `${option} must be one of ${known.join(', ')}, got ${describe(given)}`)
}
