import type { Principal, RRset } from './api-data.js'

export interface RRsetPlace {
  readonly name: string
  readonly type: string
  readonly view?: string | undefined
}

/** Where the API has an RRset; undefined where none of the zones has the name. */
export function pathOf({ name, type, view }: RRsetPlace, zones: readonly string[]): string | undefined {
  const zone = zoneOf(name, zones)
  if (zone === undefined) return undefined
  const path = ['v1/zones', zone, 'rrsets', name, type].map((part, i) => (i === 0 ? part : encodeURIComponent(part)))
  return path.join('/') + (view === undefined ? '' : `?view=${encodeURIComponent(view)}`)
}

/** The longest zone that a name is in. A dot after a backslash is one within a label. */
function zoneOf(name: string, zones: readonly string[]): string | undefined {
  const folded = name.trim().toLowerCase().replace(/\.$/, '')
  const isIn = (zone: string) => {
    if (zone === '.' || folded === zone) return true
    if (!folded.endsWith(`.${zone}`)) return false
    const backslashes = /\\*$/.exec(folded.slice(0, -zone.length - 1))![0]
    return backslashes.length % 2 === 0
  }
  return zones.filter(isIn).sort((a, b) => b.length - a.length)[0]
}

/** What Kubernetes says is changed there, and what is somebody else's by them. The server has the last word. */
export function mayEdit(principal: Principal, { owner }: RRset): boolean {
  if (!principal.verbs.includes('write') || owner === 'kubernetes') return false
  return principal.admin || (owner !== undefined && owner === principal.name)
}

export function isSamePlace(a: RRsetPlace, b: RRsetPlace): boolean {
  return a.name === b.name && a.type === b.type && a.view === b.view
}
