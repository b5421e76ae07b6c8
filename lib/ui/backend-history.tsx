import type { ApiClient } from './api-client.js'
import type { Backend, BackendChange } from './api-data.js'
import { visibleText } from './figures.js'
import { usePolled } from './polling.js'
import { State } from './state.js'

const HISTORY_MS = 2000
const SOURCES = { program: 'by a program', store: 'by the store', probe: 'by a probe' } as const

interface BackendHistoryProps {
  readonly api: ApiClient
  readonly address: string
  readonly onClose: () => void
}

/** The latest changes of one address, as the server remembers them, the newest first. */
export function BackendHistory({ api, address, onClose }: BackendHistoryProps) {
  const path = `v1/health/${encodeURIComponent(address)}/history`
  const { value, problem } = usePolled<{ changes: readonly BackendChange[] }>(api, path, HISTORY_MS)
  return (
    <section class="panel" aria-label={`History of ${address}`}>
      <h2>
        History of <span class="dns">{address}</span>
      </h2>
      {problem !== undefined && (
        <p role="alert" class="problem">
          {problem}
        </p>
      )}
      {value?.changes.length === 0 && <p class="empty">The server remembers no change.</p>}
      <ul class="changes">
        {[...(value?.changes ?? [])].reverse().map((change) => (
          <li key={`${change.at} ${change.state}`}>
            <Change {...change} />
          </li>
        ))}
      </ul>
      <div class="buttons">
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </section>
  )
}

function Change({ at, state, previous, source, reason }: BackendChange) {
  return (
    <>
      <time datetime={at}>{new Date(at).toLocaleString('en-GB')}</time> {previous} → <StateOf state={state} />{' '}
      {SOURCES[source]}
      {reason !== undefined && <>: {visibleText(reason)}</>}
    </>
  )
}

export function StateOf({ state }: { state: Backend['state'] }) {
  return <State kind={state === 'healthy' ? 'good' : state === 'unhealthy' ? 'bad' : 'unknown'}>{state}</State>
}
