import { ContainerDnsError } from '../errors.js'
import type { RRset } from '../records/rrset.js'
import { DEFAULT_VIEW } from '../records/view.js'
import { isInScope } from './access.js'
import { recordType } from './record-edits.js'
import { type Call, ok, type Reply } from './route.js'
import type { Source } from './source.js'

export const PAGE = 100
export const MAX_PAGE = 10_000

/**
 * RRsets in the order of names, types and views, from a cursor on. The cursor is the last of the page before, so that it means
 * the same in every process, and what is there all the while comes once, whatever changes beside it.
 */
export async function listPage(source: Source, { principal, query }: Call, under: string | undefined): Promise<Reply> {
  const limit = (query['limit'] as number | undefined) ?? PAGE
  const after = cursorIn(query['cursor'] as string | undefined)
  const type = query['type'] as string | undefined
  const view = query['view'] as string | undefined
  const part = ((query['contains'] as string | undefined) ?? '').toLowerCase()
  const page = new SmallestFirst(limit)
  const filter = {
    ...(under === undefined ? {} : { under }),
    ...(type === undefined ? {} : { type: recordType(type) }),
    ...(view === undefined ? {} : { view }),
  }
  for await (const rrset of source.records.list(filter)) {
    if (!rrset.name.includes(part)) continue
    const key = keyOf(rrset)
    if (key > after && page.wants(key) && isInScope(principal, rrset.name)) page.add(key, rrset)
  }
  const { rrsets, lastKey } = page.taken()
  return ok({ rrsets, ...(lastKey === undefined ? {} : { cursor: Buffer.from(lastKey).toString('base64url') }) })
}

/** Keeps the smallest of what it is given: what is beyond is thrown away in bulk, so that memory stays within two pages. */
class SmallestFirst {
  readonly #limit: number
  #entries: { readonly key: string; readonly rrset: RRset }[] = []
  /** Nothing above it is wanted any more. */
  #bound: string | undefined
  #hasMore = false

  constructor(limit: number) {
    this.#limit = limit
  }

  wants(key: string): boolean {
    if (this.#bound === undefined || key < this.#bound) return true
    this.#hasMore = true
    return false
  }

  add(key: string, rrset: RRset): void {
    if (this.#entries.push({ key, rrset }) >= 2 * this.#limit) this.#cut()
  }

  taken(): { rrsets: RRset[]; lastKey: string | undefined } {
    this.#cut()
    return {
      rrsets: this.#entries.map(({ rrset }) => rrset),
      lastKey: this.#hasMore ? this.#entries.at(-1)!.key : undefined,
    }
  }

  #cut(): void {
    this.#entries.sort((a, b) => (a.key < b.key ? -1 : 1))
    if (this.#entries.length <= this.#limit) return
    this.#entries.length = this.#limit
    this.#hasMore = true
    this.#bound = this.#entries.at(-1)!.key
  }
}

/** A space comes before all that names have. */
function keyOf({ name, type, view = DEFAULT_VIEW }: RRset): string {
  return `${name} ${type} ${view}`
}

function cursorIn(given: string | undefined): string {
  if (given === undefined) return ''
  const key = Buffer.from(given, 'base64url').toString()
  if (/^\S+ \S+ \S+$/.test(key)) return key
  throw new ContainerDnsError('CDNS_REQUEST_INVALID', 'cursor must be what a page before has given')
}
