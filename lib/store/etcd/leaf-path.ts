import { DEFAULT_VIEW } from '../../records/view.js'

// The path of a leaf is the place of its key as seen from the owner, and tells what kind of leaf it is. Labels in keys are printable and
// have no dots, so these cannot be mistaken for one:
//   1f0c24bd, mail/1f0c24bd, /full/KEY   one record, in the layout of the origin (see leaf.ts)
//   .A                                   a whole RRset in one key, which wins over the leaves of its type
//   .office/A                            the same for the clients of a view
//   " A 1f0c24bd"                        a service of SkyDNS, as a record of that type
// A character below the space before it says which of several prefixes the key has: none for the first, 1 for the second, …

export type LeafKind = 'record' | 'rrset' | 'service'

export const MAX_PREFIXES = 16

export function rrsetPath(type: string, view = DEFAULT_VIEW): string {
  return view === DEFAULT_VIEW ? `.${type}` : `.${view}/${type}`
}

/** The view that a leaf is for. */
export function viewOfPath(path: string): string {
  if (kindOf(path) !== 'rrset') return DEFAULT_VIEW
  const slash = path.indexOf('/')
  return slash === -1 ? DEFAULT_VIEW : path.slice(path.indexOf('.') + 1, slash)
}

export function servicePath(type: string, below: string): string {
  return ` ${type} ${below}`
}

export function kindOf(path: string): LeafKind {
  const first = path[path.charCodeAt(0) < SPACE ? 1 : 0]
  return first === '.' ? 'rrset' : first === ' ' ? 'service' : 'record'
}

/** Which of the prefixes a path belongs to. */
export function prefixOf(path: string): number {
  const first = path.charCodeAt(0)
  return first < SPACE ? first : 0
}

export function withPrefix(path: string, prefix: number): string {
  return prefix === 0 ? path : String.fromCharCode(prefix) + path
}

export function withoutPrefix(path: string): string {
  return prefixOf(path) === 0 ? path : path.slice(1)
}

/** The path of a service without the type of its record: one and the same for all records of a key. */
export function serviceKeyOf(path: string): string {
  const from = prefixOf(path) === 0 ? 1 : 2
  return path.slice(0, from) + path.slice(path.indexOf(' ', from))
}

/** Where the key of a service stands below its owner, as `servicePath` was given it. */
export function serviceBelow(path: string): string {
  return path.slice(path.indexOf(' ', 1) + 1)
}

const SPACE = 0x20
