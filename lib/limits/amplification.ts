import { type Bounds, numberWithin, refuseUnknownKeys } from '../bounds.js'
import { buildCidrTable } from '../clients/build-cidr-table.js'
import { parseCidrs } from '../clients/cidr.js'

/** How large an answer may be for someone who may not have asked. */
export interface AmplificationOptions {
  /**
   * Bytes of a UDP response for each byte of its query, where the client has shown no cookie of ours and is in no trusted network;
   * what is larger is truncated, so that an honest client asks over TCP. Default 3. 2 to 100.
   */
  ratio?: number
  /**
   * Networks in which nobody is attacked with our answers. Default: those that the Internet does not reach (loopback, link-local,
   * RFC 1918, RFC 6598 and RFC 4193 addresses). `[]` trusts nobody.
   */
  trusted?: string[]
}

/** Plain: it is posted to each thread. */
export interface ParsedAmplification {
  readonly ratio: number
  /** The data of a `CidrTable`. */
  readonly trusted: Int32Array
}

export const AMPLIFICATION_RATIO: Bounds = { default: 3, min: 2, max: 100 }

/** A forged address from here leads to a neighbour, not to a victim somewhere in the world. */
export const TRUSTED_NETWORKS: readonly string[] = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '::1',
  'fc00::/7',
  'fe80::/10',
]

/** Throws CDNS_OPTION_UNKNOWN, CDNS_OPTION_INVALID and CDNS_CIDR_INVALID. */
export function parseAmplification(given: AmplificationOptions = {}): ParsedAmplification {
  refuseUnknownKeys('amplification', given, ['ratio', 'trusted'])
  const trusted = parseCidrs('amplification.trusted', given.trusted === undefined ? TRUSTED_NETWORKS : given.trusted)
  return Object.freeze({
    ratio: numberWithin('amplification.ratio', given.ratio, AMPLIFICATION_RATIO),
    trusted: buildCidrTable(trusted.map((cidr) => ({ cidr, value: 0 }))),
  })
}
