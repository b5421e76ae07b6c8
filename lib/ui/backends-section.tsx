import { useRef, useState } from 'preact/hooks'
import type { ApiClient } from './api-client.js'
import type { Backend, Principal } from './api-data.js'
import { BackendHistory, StateOf } from './backend-history.js'
import { DnsField } from './dns-field.js'
import { whole } from './figures.js'
import type { LiveFigures } from './live-figures.js'
import { OutcomeLines, ProblemLine, useAttempts } from './outcome.js'
import { usePolled } from './polling.js'

const HEALTH_MS = 2000
const STATES = ['healthy', 'unhealthy', 'unknown'] as const
/** Of a large table, more is shown by searching. */
const SHOWN = 200
const KEPT_CHANGES = 50

interface Change {
  readonly address: string
  readonly from: Backend['state']
  readonly to: Backend['state']
  readonly at: Date
}

interface BackendsSectionProps {
  readonly api: ApiClient
  readonly principal: Principal
  readonly figures: LiveFigures | undefined
}

/** Addresses that are known to be alive or not, and what has changed since the page was opened. */
export function BackendsSection({ api, principal, figures }: BackendsSectionProps) {
  const [part, setPart] = useState('')
  const [chosen, setChosen] = useState<string>()
  const [changes, setChanges] = useState<readonly Change[]>([])
  const known = useRef<ReadonlyMap<string, Backend['state']> | undefined>(undefined)
  const { value, problem } = usePolled<{ addresses: readonly Backend[] }>(
    api,
    'v1/health',
    HEALTH_MS,
    ({ addresses }) => {
      const now = new Map(addresses.map(({ address, state }) => [address, state]))
      const news = known.current === undefined ? [] : changesBetween(known.current, now)
      known.current = now
      if (news.length > 0) setChanges((before) => [...news, ...before].slice(0, KEPT_CHANGES))
    },
  )
  const mayTell = principal.verbs.includes('health')
  const found = (value?.addresses ?? []).filter(({ address }) => address.includes(part.trim()))
  return (
    <>
      {mayTell && <TellForm api={api} />}
      <ProblemLine problem={problem} />
      <div class="columns">
        <section class="panel">
          <h2>
            Backends
            {figures?.stats.health && <span class="hint"> {whole(figures.stats.health.unhealthy)} unhealthy</span>}
          </h2>
          <label class="filter">
            Part of the address
            <input type="search" value={part} onInput={(event) => setPart(event.currentTarget.value)} />
          </label>
          {value !== undefined && <BackendTable found={found} onHistory={setChosen} />}
        </section>
        {chosen !== undefined && (
          <BackendHistory key={chosen} api={api} address={chosen} onClose={() => setChosen(undefined)} />
        )}
        <section class="panel">
          <h2>Changes seen</h2>
          {changes.length === 0 ? (
            <p class="empty">None since this section was opened.</p>
          ) : (
            <ul class="changes">
              {changes.map(({ address, from, to, at }) => (
                <li key={`${address} ${at.getTime()}`}>
                  <time datetime={at.toISOString()}>{at.toLocaleTimeString('en-GB')}</time> {address} {from} →{' '}
                  <StateOf state={to} />
                </li>
              ))}
            </ul>
          )}
        </section>
      </div>
    </>
  )
}

function changesBetween(
  before: ReadonlyMap<string, Backend['state']>,
  now: ReadonlyMap<string, Backend['state']>,
): Change[] {
  const at = new Date()
  return [...new Set([...before.keys(), ...now.keys()])].flatMap((address) => {
    const [from, to] = [before.get(address) ?? 'unknown', now.get(address) ?? 'unknown']
    return from === to ? [] : [{ address, from, to, at }]
  })
}

interface BackendTableProps {
  readonly found: readonly Backend[]
  readonly onHistory: (address: string) => void
}

function BackendTable({ found, onHistory }: BackendTableProps) {
  if (found.length === 0) return <p class="empty">Nothing is known of any: all are answered with.</p>
  // Those that need somebody first.
  const sorted = [...found].sort((a, b) =>
    a.state === b.state ? (a.address < b.address ? -1 : 1) : a.state === 'unhealthy' ? -1 : 1,
  )
  return (
    <>
      <table>
        <thead>
          <tr>
            <th scope="col">Address</th>
            <th scope="col">State</th>
            <th scope="col">History</th>
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, SHOWN).map(({ address, state }) => (
            <tr key={address}>
              <td class="dns">{address}</td>
              <td>
                <StateOf state={state} />
              </td>
              <td>
                <button type="button" aria-label={`History of ${address}`} onClick={() => onHistory(address)}>
                  Show
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {sorted.length > SHOWN && <p class="hint">and {whole(sorted.length - SHOWN)} more</p>}
    </>
  )
}

/** Says what an address is; a scanner may say otherwise later. */
function TellForm({ api }: { api: ApiClient }) {
  const [address, setAddress] = useState('')
  const [state, setState] = useState<Backend['state']>('unhealthy')
  const { outcome, attempt } = useAttempts()
  const send = (event: SubmitEvent) => {
    event.preventDefault()
    void attempt(async () => {
      const path = `v1/health/${encodeURIComponent(address.trim())}`
      const { body } = await api.ask<Backend>(path, { method: 'PUT', body: { state } })
      return `${body.address} is ${body.state} from now on.`
    })
  }
  return (
    <form class="panel search" onSubmit={send}>
      <DnsField label="Address" value={address} onText={setAddress} required wide />
      <label>
        State
        <select value={state} onChange={(event) => setState(event.currentTarget.value as Backend['state'])}>
          {STATES.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </label>
      <div class="buttons">
        <button type="submit">Set state</button>
      </div>
      <OutcomeLines {...outcome} />
    </form>
  )
}
