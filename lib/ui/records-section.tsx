import type { ComponentChildren } from 'preact'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { type ApiClient, wordsFor } from './api-client.js'
import type { Principal, RRset } from './api-data.js'
import { readable } from './data-lines.js'
import { visibleText } from './figures.js'
import { OutcomeLines } from './outcome.js'
import { RecordDialog } from './record-dialog.js'
import { isSamePlace, mayEdit } from './rrset-place.js'

/** Those that the editor has an example for; others can be typed. */
export const TYPES = ['A', 'AAAA', 'CAA', 'CNAME', 'HTTPS', 'MX', 'NAPTR', 'NS', 'PTR', 'SOA', 'SRV', 'SVCB', 'TXT']
/** A long RRset is shown as far as this in the list. */
const SHOWN_ITEMS = 4

interface Search {
  readonly under: string
  readonly contains: string
  readonly type: string
}

interface Found {
  readonly rrsets: readonly RRset[]
  readonly cursor?: string
}

const EVERYTHING: Search = { under: '', contains: '', type: '' }

/** RRsets, looked for and changed. */
export function RecordsSection({ api, principal }: { api: ApiClient; principal: Principal }) {
  const [zones, setZones] = useState<readonly string[]>([])
  const [search, setSearch] = useState(EVERYTHING)
  const [found, setFound] = useState<Found>()
  const [problem, setProblem] = useState<string>()
  const [editing, setEditing] = useState<{ readonly rrset: RRset | undefined }>()
  const [said, setSaid] = useState('')
  const latest = useRef(0)

  const look = useCallback(
    async (what: Search, before?: Found) => {
      const number = ++latest.current
      try {
        const page = await api.get<Found>(`v1/rrsets?${parametersOf(what, before?.cursor)}`)
        // Whoever has asked for something else since does not want this.
        if (number !== latest.current) return
        setProblem(undefined)
        setFound({ ...page, rrsets: [...(before?.rrsets ?? []), ...page.rrsets] })
      } catch (error) {
        if (number === latest.current) setProblem(wordsFor(error))
      }
    },
    [api],
  )
  useEffect(() => {
    void look(EVERYTHING)
    api
      .get<{ zones: readonly { name: string }[] }>('v1/zones')
      .then(({ zones: all }) => setZones(all.map(({ name }) => name)))
      .catch((error: unknown) => setProblem(wordsFor(error)))
  }, [api, look])

  const onChanged = (before: RRset | undefined, after: RRset | undefined) => {
    setEditing(undefined)
    setSaid(
      `${(after ?? before)!.name} ${(after ?? before)!.type} has been ${after === undefined ? 'removed' : 'saved'}.`,
    )
    setFound((known) => known && { ...known, rrsets: changed(known.rrsets, before, after) })
  }
  return (
    <>
      <SearchForm {...{ zones, search, setSearch, onSearch: () => void look(search) }}>
        {principal.verbs.includes('write') && (
          <button type="button" onClick={() => setEditing({ rrset: undefined })}>
            New record
          </button>
        )}
      </SearchForm>
      <OutcomeLines {...{ said, problem }} />
      {found !== undefined && (
        <RRsetList
          {...{ found, principal, onOpen: (rrset) => setEditing({ rrset }), onMore: () => void look(search, found) }}
        />
      )}
      {editing !== undefined && (
        <RecordDialog
          {...{ api, zones, principal, rrset: editing.rrset, onChanged, onClose: () => setEditing(undefined) }}
        />
      )}
    </>
  )
}

function parametersOf(search: Search, cursor: string | undefined): URLSearchParams {
  const given = Object.entries({ ...search, contains: search.contains.trim(), cursor: cursor ?? '' })
  return new URLSearchParams(given.filter(([, value]) => value !== ''))
}

/** What was there stays in its place, what is new comes first: it has just been made. */
function changed(rrsets: readonly RRset[], before: RRset | undefined, after: RRset | undefined): RRset[] {
  const place = (after ?? before)!
  if (after === undefined) return rrsets.filter((each) => !isSamePlace(each, place))
  if (!rrsets.some((each) => isSamePlace(each, place))) return [after, ...rrsets]
  return rrsets.map((each) => (isSamePlace(each, place) ? after : each))
}

interface SearchFormProps {
  readonly zones: readonly string[]
  readonly search: Search
  readonly setSearch: (search: Search) => void
  readonly onSearch: () => void
  readonly children: ComponentChildren
}

function SearchForm({ zones, search, setSearch, onSearch, children }: SearchFormProps) {
  const set = (part: Partial<Search>) => setSearch({ ...search, ...part })
  const send = (event: SubmitEvent) => {
    event.preventDefault()
    onSearch()
  }
  return (
    <search>
      <form class="panel search" onSubmit={send}>
        <label class="wide">
          Part of the name
          <input
            type="search"
            autocomplete="off"
            spellcheck={false}
            autocapitalize="none"
            value={search.contains}
            onInput={(event) => set({ contains: event.currentTarget.value })}
          />
        </label>
        <label>
          Zone
          <select value={search.under} onChange={(event) => set({ under: event.currentTarget.value })}>
            <option value="">all</option>
            {zones.map((zone) => (
              <option key={zone} value={zone}>
                {zone}
              </option>
            ))}
          </select>
        </label>
        <label>
          Type
          <select value={search.type} onChange={(event) => set({ type: event.currentTarget.value })}>
            <option value="">all</option>
            {TYPES.map((type) => (
              <option key={type} value={type}>
                {type}
              </option>
            ))}
          </select>
        </label>
        <div class="buttons">
          <button type="submit" class="primary">
            Search
          </button>
          {children}
        </div>
      </form>
    </search>
  )
}

interface RRsetListProps {
  readonly found: Found
  readonly principal: Principal
  readonly onOpen: (rrset: RRset) => void
  readonly onMore: () => void
}

function RRsetList({ found: { rrsets, cursor }, principal, onOpen, onMore }: RRsetListProps) {
  if (rrsets.length === 0) return <p class="empty">There are no such records.</p>
  return (
    <>
      <ul class="rrsets panel" aria-label="Records">
        {rrsets.map((rrset) => (
          <RRsetRow
            key={`${rrset.name} ${rrset.type} ${rrset.view ?? ''}`}
            {...{ rrset, isEditable: mayEdit(principal, rrset), onOpen: () => onOpen(rrset) }}
          />
        ))}
      </ul>
      {cursor !== undefined && (
        <button type="button" onClick={onMore}>
          More
        </button>
      )}
    </>
  )
}

function RRsetRow({ rrset, isEditable, onOpen }: { rrset: RRset; isEditable: boolean; onOpen: () => void }) {
  const { name, type, ttl, view, data, owner } = rrset
  const verb = isEditable ? 'Edit' : 'Show'
  const shown = data.slice(0, SHOWN_ITEMS)
  return (
    <li>
      <bdi class="dns name">{visibleText(name)}</bdi>
      <span class="type">{type}</span>
      <span class="data">
        {shown.map((item, i) => (
          <bdi key={i} class="dns">
            {readable(item)}
          </bdi>
        ))}
        {data.length > shown.length && <span class="hint">and {data.length - shown.length} more</span>}
      </span>
      <span class="hint about">
        {ttl !== undefined && <span>TTL {ttl}</span>}
        {view !== undefined && <span>view {view}</span>}
        <span>
          {owner === undefined ? (
            'no owner'
          ) : (
            <>
              of <bdi>{visibleText(owner)}</bdi>
            </>
          )}
        </span>
      </span>
      <button
        type="button"
        aria-label={`${verb} ${name} ${type}${view === undefined ? '' : ` in ${view}`}`}
        onClick={onOpen}
      >
        {verb}
      </button>
    </li>
  )
}
