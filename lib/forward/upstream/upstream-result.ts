import { ExtendedError } from '../../wire/edns.js'

/** What is asked; `name` begins with one in wire form, as the client spelled it, which is copied. */
export interface UpstreamQuestion {
  readonly name: Uint8Array
  readonly nameLength: number
  readonly type: number
  readonly class: number
  readonly isDnssecOk: boolean
  readonly isCheckingDisabled: boolean
  /** The place of the forward zone in the options; left out for `forward` itself. */
  readonly zone?: number | undefined
}

/** A response, which belongs to the question and is whole. */
export interface UpstreamReply {
  readonly kind: 'reply'
  /**
   * From 0 on, and valid until the callback returns. The ID is ours, and the question's name may be spelled otherwise. What stands
   * behind the question has not been looked at.
   */
  readonly message: Uint8Array
  readonly length: number
  /** NOERROR, NXDOMAIN, or another one that all upstreams agreed on that were asked; with its upper bits from EDNS. */
  readonly rcode: number
  /** As `UpstreamStats.address` has it. */
  readonly upstream: string
}

/** Why there is no response. */
export const FAILURE_REASONS = {
  timeout: ExtendedError.NO_REACHABLE_AUTHORITY,
  allDown: ExtendedError.NO_REACHABLE_AUTHORITY,
  /** Nobody listens there, a connection could not be made or broke, or a certificate was not the right one. */
  unreachable: ExtendedError.NETWORK_ERROR,
  /** Errors of more than one kind. */
  disagreement: ExtendedError.NO_REACHABLE_AUTHORITY,
  /** Truncated, with no try left for TCP. */
  truncated: ExtendedError.NETWORK_ERROR,
  /** More than `maxInFlight`. */
  overloaded: ExtendedError.NETWORK_ERROR,
  noUpstreams: ExtendedError.NO_REACHABLE_AUTHORITY,
  closed: ExtendedError.NOT_READY,
} as const

export type FailureReason = keyof typeof FAILURE_REASONS

export interface UpstreamFailure {
  readonly kind: 'failed'
  readonly reason: FailureReason
  /** What the client is told (RFC 8914). */
  readonly extendedError: number
}

export type UpstreamResult = UpstreamReply | UpstreamFailure
export type OnUpstreamResult = (result: UpstreamResult) => void

/** One object for each reason: thousands of queries may fail in a second. */
export const FAILURES = Object.freeze(
  Object.fromEntries(
    Object.entries(FAILURE_REASONS).map(([reason, extendedError]) => [
      reason,
      Object.freeze({ kind: 'failed', reason, extendedError }),
    ]),
  ),
) as Readonly<Record<FailureReason, UpstreamFailure>>
