import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { type ApiClient, ApiProblem, type AskOptions, wordsFor } from './api-client.js'
import type { Principal, RRset } from './api-data.js'
import { dataFromLines, linesFromData } from './data-lines.js'
import { DnsField } from './dns-field.js'
import { visibleText } from './figures.js'
import { ProblemLine } from './outcome.js'
import { TYPES } from './records-section.js'
import { mayEdit, pathOf } from './rrset-place.js'

/** What a line looks like, by type. */
const EXAMPLES: Readonly<Record<string, string>> = {
  A: '192.0.2.1',
  AAAA: '2001:db8::1',
  CAA: '{"flags":0,"tag":"issue","value":"ca.example.net"}',
  CNAME: 'www.example.org',
  HTTPS: '{"priority":1,"target":".","params":{"alpn":["h2"]}}',
  MX: '{"preference":10,"exchange":"mail.example.org"}',
  NS: 'ns.example.org',
  PTR: 'www.example.org',
  SRV: '{"priority":0,"weight":5,"port":5060,"target":"sip.example.org"}',
  TXT: 'some text',
}

interface Draft {
  readonly name: string
  readonly type: string
  readonly ttl: string
  readonly lines: string
}

interface RecordDialogProps {
  readonly api: ApiClient
  readonly zones: readonly string[]
  readonly principal: Principal
  /** Undefined for a new one. */
  readonly rrset: RRset | undefined
  readonly onChanged: (before: RRset | undefined, after: RRset | undefined) => void
  readonly onClose: () => void
}

/** Shows one RRset, and changes it if it is still as it was shown. */
export function RecordDialog({ api, zones, principal, rrset, onChanged, onClose }: RecordDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [known, setKnown] = useState<{ readonly rrset: RRset; readonly etag: string | undefined }>()
  const [draft, setDraft] = useState(draftOf(rrset))
  const [problem, setProblem] = useState<string>()
  const [isOutdated, setIsOutdated] = useState(false)
  const [isSure, setIsSure] = useState(false)
  const [isBusy, setIsBusy] = useState(false)
  const isNew = rrset === undefined
  const isEditable = isNew || mayEdit(principal, known?.rrset ?? rrset)

  // Before anything else is typed: from now on keys are for the dialog.
  useLayoutEffect(() => dialog.current!.showModal(), [])
  const load = useCallback(
    async (signal?: AbortSignal) => {
      const path = rrset && pathOf(rrset, zones)
      if (path === undefined) return
      try {
        const { body, etag } = await api.ask<RRset>(path, signal === undefined ? {} : { signal })
        setKnown({ rrset: body, etag })
        setDraft(draftOf(body))
        setProblem(undefined)
        setIsOutdated(false)
      } catch (error) {
        if (!signal?.aborted) setProblem(wordsFor(error))
      }
    },
    [api, rrset, zones],
  )
  useEffect(() => {
    const abort = new AbortController()
    void load(abort.signal)
    return () => abort.abort()
  }, [load])

  /** One change at a time; the dialog ends with the one that is made. */
  const attempt = async (change: () => Promise<RRset | undefined>) => {
    setIsBusy(true)
    try {
      const after = await change()
      // Gives the focus back to where it was.
      dialog.current?.close()
      onChanged(known?.rrset, after)
    } catch (error) {
      setIsOutdated(error instanceof ApiProblem && error.status === 412)
      setProblem(wordsFor(error))
      setIsBusy(false)
      setIsSure(false)
    }
  }
  const ask = async (options: AskOptions) => {
    const path = pathOf(known?.rrset ?? { name: draft.name.trim(), type: draft.type.trim() }, zones)
    if (path === undefined) throw new Error(`no zone of this server has ${draft.name.trim()}`)
    const state = known?.etag === undefined ? { 'if-none-match': '*' } : { 'if-match': known.etag }
    return (await api.ask<RRset | undefined>(path, { ...options, headers: state })).body
  }
  const save = (event: SubmitEvent) => {
    event.preventDefault()
    void attempt(() => ask({ method: 'PUT', body: bodyOf(draft, known?.rrset) }))
  }
  const remove = () => (isSure ? void attempt(() => ask({ method: 'DELETE' })) : setIsSure(true))
  const set = (part: Partial<Draft>) => setDraft({ ...draft, ...part })
  const isWaiting = isBusy || (!isNew && known === undefined)
  return (
    <dialog ref={dialog} aria-labelledby="record-title" onClose={onClose}>
      <form class="fields" onSubmit={save}>
        <h2 id="record-title">
          {isNew ? (
            'New record'
          ) : (
            <>
              <bdi class="dns">{visibleText(rrset.name)}</bdi> {rrset.type}
            </>
          )}
        </h2>
        {isNew && <PlaceFields {...{ draft, set }} />}
        <label>
          TTL in seconds
          <input
            type="number"
            inputMode="numeric"
            min={0}
            max={2147483647}
            placeholder="the server's"
            readOnly={!isEditable}
            value={draft.ttl}
            onInput={(event) => set({ ttl: event.currentTarget.value })}
          />
        </label>
        <label>
          Data, a line each
          <textarea
            class="dns"
            rows={Math.min(12, Math.max(4, draft.lines.split('\n').length + 1))}
            required
            spellcheck={false}
            autocapitalize="none"
            readOnly={!isEditable}
            placeholder={EXAMPLES[draft.type.trim().toUpperCase()] ?? ''}
            value={draft.lines}
            onInput={(event) => set({ lines: event.currentTarget.value })}
          />
        </label>
        {known !== undefined && <About rrset={known.rrset} />}
        {!isEditable && <p class="hint">{whyNot(principal, known?.rrset ?? rrset!)}</p>}
        <ProblemLine problem={problem}>
          {isOutdated && !isNew && (
            <button type="button" onClick={() => void load()}>
              Load what is there now
            </button>
          )}
        </ProblemLine>
        <div class="buttons">
          {isEditable && (
            <button type="submit" class="primary" disabled={isWaiting}>
              Save
            </button>
          )}
          <button type="button" onClick={() => dialog.current?.close()}>
            {isEditable ? 'Cancel' : 'Close'}
          </button>
          {isEditable && !isNew && (
            <button type="button" class="danger" disabled={isWaiting} onClick={remove}>
              {isSure ? 'Really remove' : 'Remove'}
            </button>
          )}
        </div>
      </form>
    </dialog>
  )
}

function PlaceFields({ draft, set }: { draft: Draft; set: (part: Partial<Draft>) => void }) {
  return (
    <div class="place">
      <DnsField label="Name" value={draft.name} onText={(name) => set({ name })} required />
      <label>
        Type
        <input
          required
          list="types"
          autocomplete="off"
          spellcheck={false}
          pattern="\s*[A-Za-z][A-Za-z0-9]{0,15}\s*"
          value={draft.type}
          onInput={(event) => set({ type: event.currentTarget.value })}
        />
        <datalist id="types">
          {TYPES.map((type) => (
            <option key={type} value={type} />
          ))}
        </datalist>
      </label>
    </div>
  )
}

/** What the editor leaves as it is. */
function About({ rrset: { owner, view, selection, fallback } }: { rrset: RRset }) {
  const facts = [
    ['Owner', owner ?? 'nobody'],
    ['View', view],
    ['Selection', selection && JSON.stringify(selection)],
    ['Fallback', fallback && linesFromData(fallback)],
  ] as const
  return (
    <dl class="facts">
      {facts.map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="dns">{visibleText(value)}</dd>
            </div>
          ),
      )}
    </dl>
  )
}

function whyNot({ verbs }: Principal, { owner }: RRset): string {
  if (!verbs.includes('write')) return 'Your token is for reading.'
  if (owner === 'kubernetes') return 'It comes from Kubernetes, and is changed there.'
  return owner === undefined ? 'It has no owner, and is for admins to change.' : 'It belongs to somebody else.'
}

function draftOf(rrset: RRset | undefined): Draft {
  if (rrset === undefined) return { name: '', type: 'A', ttl: '', lines: '' }
  const { name, type, ttl, data } = rrset
  return { name, type, ttl: ttl === undefined ? '' : String(ttl), lines: linesFromData(data) }
}

/** What the form does not show stays. */
function bodyOf({ ttl, lines }: Draft, before: RRset | undefined): object {
  const { name: _, type: __, ttl: ___, ...rest } = before ?? { name: '', type: '' }
  return { ...rest, data: dataFromLines(lines), ...(ttl === '' ? {} : { ttl: Number(ttl) }) }
}
