import { useState } from 'preact/hooks'
import type { ApiClient } from './api-client.js'
import type { Principal } from './api-data.js'
import { DnsField } from './dns-field.js'
import { Facts } from './facts.js'
import { bytes, perSecond, whole } from './figures.js'
import type { LiveFigures } from './live-figures.js'
import { OutcomeLines, useAttempts } from './outcome.js'
import { State } from './state.js'

interface UpstreamsSectionProps {
  readonly api: ApiClient
  readonly principal: Principal
  readonly figures: LiveFigures
}

/** Who is asked for other names, and what is remembered of their answers. */
export function UpstreamsSection({ api, principal, figures }: UpstreamsSectionProps) {
  const { stats, rates } = figures
  const { forward, counters } = stats
  if (forward === undefined || counters === undefined) return <p class="empty">Nothing is forwarded by this server.</p>
  const { cache, inFlight } = forward
  const asked = counters.cacheHits + counters.cacheMisses
  return (
    <>
      <UpstreamsPanel figures={figures} />
      <div class="columns">
        <Facts
          title="Questions"
          facts={[
            ['On their way', whole(inFlight.questions)],
            ['Queries that wait', whole(inFlight.queries)],
            ['Asked', whole(counters.forwarded)],
            ['Shared with one that was asked', whole(counters.forwardCoalesced)],
            ['Without an answer', whole(counters.forwardFailed)],
          ]}
        />
        <div>
          <Facts
            title="Answer cache"
            facts={[
              ['Hits/s', perSecond(rates?.cacheHits)],
              ['Misses/s', perSecond(rates?.cacheMisses)],
              ['Hits since the start', asked === 0 ? '–' : `${((100 * counters.cacheHits) / asked).toFixed(1)} %`],
              ['Stale answers', whole(counters.cacheStale)],
              ['Answers', whole(cache.entries)],
              ['Memory', `${bytes(cache.usedBytes)} of ${bytes(cache.allocatedBytes)}`],
              ['Evicted', whole(cache.evicted)],
            ]}
          />
          {principal.verbs.includes('cache') && <FlushForm api={api} />}
        </div>
      </div>
    </>
  )
}

function UpstreamsPanel({ figures: { stats, rates } }: { figures: LiveFigures }) {
  const upstreams = stats.forward?.upstreams ?? []
  return (
    <section class="panel">
      <h2>Upstreams</h2>
      {upstreams.length === 0 ? (
        <p class="empty">None has been asked yet.</p>
      ) : (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                {['Address', 'State', 'Asked/s', 'Round trip', 'Asked', 'Failed'].map((title, i) => (
                  <th key={title} scope="col" class={i < 2 ? '' : 'number'}>
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {upstreams.map(({ address, state, rttMs, sent, failed }) => (
                <tr key={address}>
                  <th scope="row" class="dns">
                    {address}
                  </th>
                  <td>
                    <State kind={state === 'up' ? 'good' : 'bad'}>{state}</State>
                  </td>
                  <td class="number">{perSecond(rates?.upstreams[address])}</td>
                  <td class="number">{rttMs === undefined ? '–' : `${rttMs.toFixed(1)} ms`}</td>
                  <td class="number">{whole(sent)}</td>
                  <td class="number">{whole(failed)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}

function FlushForm({ api }: { api: ApiClient }) {
  const [name, setName] = useState('')
  const { outcome, attempt } = useAttempts()
  const send = (event: SubmitEvent) => {
    event.preventDefault()
    const which = name.trim() === '' ? '' : `?name=${encodeURIComponent(name.trim())}`
    void attempt(async () => {
      const { body } = await api.ask<{ flushed: number }>(`v1/cache${which}`, { method: 'DELETE' })
      return `${whole(body.flushed)} answers have been forgotten.`
    })
  }
  return (
    <form class="panel search" onSubmit={send}>
      <DnsField label="Name to forget; empty for all" value={name} onText={setName} wide />
      <div class="buttons">
        <button type="submit">Forget answers</button>
      </div>
      <OutcomeLines {...outcome} />
    </form>
  )
}
