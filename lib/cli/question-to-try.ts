import type { RRset } from '../records/rrset.js'
import { nameFromText, nameToText } from '../wire/name.js'

/** Something to ask a server for, and which names it refuses where it has no others. */
export interface QuestionToTry {
  /** `www.example.org A` */
  readonly question: string
  /** Where names are in the store and none of them lies in a zone. */
  readonly outside: { readonly names: number; readonly example: string } | undefined
}

/** RRsets that are looked at for an address, once there is another that will do. */
const LOOKED_AT = 1000

/**
 * An address that lies in a zone, for clients of all networks; or any other RRset that does; or else the SOA of the first zone, which always is.
 * What servers of other zones share with us may be anything: only where nothing at all is ours do we go through all of it.
 */
export async function questionToTry(zones: readonly string[], rrsets: AsyncIterable<RRset>): Promise<QuestionToTry> {
  const suffixes = zones.map(suffixOf)
  const outside = new Set<string>()
  let found: string | undefined
  let seen = 0
  for await (const { name, type, view } of rrsets) {
    seen++
    if (!suffixes.some((suffix) => suffixOf(name).endsWith(suffix))) outside.add(name)
    else if (view === undefined && type === 'A') return { question: `${name} A`, outside: undefined }
    else if (view === undefined) found ??= `${name} ${type}`
    else found ??= ''
    if (found !== undefined && seen >= LOOKED_AT) break
  }
  const [example] = outside
  return {
    question: found || `${zones[0]} SOA`,
    outside: found === undefined && example !== undefined ? { names: outside.size, example } : undefined,
  }
}

/** `www.Example.org` is `.www.example.org`: a name is in a zone where it ends with that of the zone. The root's is empty. */
function suffixOf(name: string): string {
  const folded = nameToText(nameFromText(name))
    .toLowerCase()
    .replace(/(?<!\\)\.$/, '')
  return folded === '' ? '' : `.${folded}`
}
