import { describe, refuseUnknownKeys } from '../bounds.js'
import { buildCidrTable, type CidrEntry } from '../clients/build-cidr-table.js'
import { parseCidrs } from '../clients/cidr.js'
import { ContainerDnsError } from '../errors.js'

/** What becomes of the queries of some clients. Of all rules, the one with the longest prefix that holds a client counts. */
export interface AclRule {
  /** Networks, such as `10.0.0.0/8` and `2001:db8::/32`, or single addresses. */
  clients: string[]
  /** `allow` answers, as it is with clients in no rule; `refuse` says REFUSED; `drop` says nothing. */
  action: AclAction
}

/** In the order of their numbers in the table. */
export const ACL_ACTIONS = ['allow', 'refuse', 'drop'] as const
export type AclAction = (typeof ACL_ACTIONS)[number]

/** The data of a `CidrTable` that gives the place of an action in ACL_ACTIONS; undefined without rules. Throws CDNS_OPTION_… and CDNS_CIDR_INVALID. */
export function parseAcl(given: unknown = []): Int32Array | undefined {
  if (!Array.isArray(given)) {
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `acl must be an array of rules, got ${describe(given)}`)
  }
  const entries = Array.from(given, (rule, i) => parseRule(`acl[${i}]`, rule)).flat()
  return entries.length === 0 ? undefined : buildCidrTable(entries)
}

function parseRule(option: string, given: unknown): CidrEntry[] {
  refuseUnknownKeys(option, given as object, ['clients', 'action'])
  const { clients, action } = given as Partial<AclRule>
  const value = ACL_ACTIONS.indexOf(action as AclAction)
  if (value === -1) {
    const wanted = `${option}.action must be one of ${ACL_ACTIONS.join(', ')}`
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `${wanted}, got ${describe(action)}`)
  }
  return parseCidrs(`${option}.clients`, clients).map((cidr) => ({ cidr, value }))
}
