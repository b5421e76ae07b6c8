import { ContainerDnsError } from '../errors.js'
import { isAtOrBelow } from '../publish/records.js'
import { KUBERNETES, type RRset } from '../records/rrset.js'
import { foldName, nameFromText, nameToText } from '../wire/name.js'

/** What a token may be for. */
export const VERBS = ['read', 'write', 'health', 'cache', 'stats'] as const
export type Verb = (typeof VERBS)[number]

/** Whom a token belongs to, and what for. */
export interface Principal {
  /** New records are theirs. Undefined for whoever is on loopback where there are no tokens. */
  readonly name: string | undefined
  /** Everything, and the records of all others. */
  readonly isAdmin: boolean
  readonly verbs: ReadonlySet<Verb>
  /** Names at and below these may be read and written; undefined: all. Folded, in wire form. */
  readonly zones: readonly Uint8Array[] | undefined
}

/** Throws CDNS_FORBIDDEN. */
export function requireVerb(principal: Principal, verb: Verb): void {
  if (principal.isAdmin || principal.verbs.has(verb)) return
  throw new ContainerDnsError('CDNS_FORBIDDEN', `the token of ${principal.name} is not for ${verb}`)
}

/** Throws CDNS_FORBIDDEN. */
export function requireAdmin({ isAdmin, name }: Principal): void {
  if (!isAdmin) throw new ContainerDnsError('CDNS_FORBIDDEN', `the token of ${name} is not an admin’s`)
}

export function isInScope(principal: Principal, name: string): boolean {
  if (principal.isAdmin || principal.zones === undefined) return true
  const wire = foldedName(name)
  return principal.zones.some((zone) => isAtOrBelow(wire, zone))
}

/** Throws CDNS_FORBIDDEN. */
export function requireScope(principal: Principal, name: string): void {
  if (isInScope(principal, name)) return
  throw new ContainerDnsError('CDNS_FORBIDDEN', `the token of ${principal.name} is not for ${name}`)
}

/** Throws CDNS_RECORD_READ_ONLY and CDNS_FORBIDDEN unless the principal may change or remove an RRset that is there. */
export function requireOwner(principal: Principal, { name, type, owner }: RRset): void {
  if (owner === KUBERNETES) {
    throw new ContainerDnsError('CDNS_RECORD_READ_ONLY', `${name} ${type} comes from Kubernetes, and is changed there`)
  }
  if (principal.isAdmin || (owner !== undefined && owner === principal.name)) return
  const whose = owner === undefined ? 'has no owner, and is for admins to change' : 'belongs to somebody else'
  throw new ContainerDnsError('CDNS_FORBIDDEN', `${name} ${type} ${whose}`)
}

/** Whose an RRset is to be: an admin says so, or leaves it as it was; of all others it is theirs. Throws CDNS_FORBIDDEN. */
export function ownerAfter(principal: Principal, given: RRset, before: RRset | undefined): string | undefined {
  const { owner } = given
  if (owner === KUBERNETES && before?.owner !== KUBERNETES) {
    throw new ContainerDnsError('CDNS_FORBIDDEN', `${given.name} ${given.type} cannot be given to Kubernetes`)
  }
  if (principal.isAdmin) return owner ?? (before === undefined ? principal.name : before.owner)
  if (owner === undefined || owner === principal.name) return principal.name
  throw new ContainerDnsError('CDNS_FORBIDDEN', `${principal.name} cannot give ${given.name} ${given.type} to ${owner}`)
}

/** A name in its one written form: in lower case, without the last dot. Throws CDNS_NAME_INVALID. */
export function canonicalName(text: string): string {
  return nameToText(foldedName(text))
}

/** The zone, of several, that a name is in; undefined for none. */
export function zoneOf(name: string, zones: readonly string[]): string | undefined {
  const wire = foldedName(name)
  let best: string | undefined
  let bestLength = 0
  for (const zone of zones) {
    const apex = foldedName(zone)
    if (apex.length <= bestLength || !isAtOrBelow(wire, apex)) continue
    best = zone
    bestLength = apex.length
  }
  return best
}

export function foldedName(text: string): Uint8Array {
  const name = nameFromText(text)
  foldName(name, 0, name.length)
  return name
}
