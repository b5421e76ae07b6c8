import type { ApiClient } from './api-client.js'
import type { TopNameRow } from './api-data.js'
import { type Fact, Tiles } from './facts.js'
import { latency, perSecond, visibleText, whole } from './figures.js'
import type { LiveFigures } from './live-figures.js'
import { usePolled } from './polling.js'
import { RCODES } from './rates.js'
import { State } from './state.js'
import { WorkersPanel } from './workers-panel.js'

const TOP_MS = 2000
const TOP_COUNT = 15

/** What the server is doing now. */
export function OverviewSection({ api, figures }: { api: ApiClient; figures: LiveFigures }) {
  if (figures.stats.counters === undefined) {
    return <p class="empty">This process serves the API beside DNS servers elsewhere; queries are counted there.</p>
  }
  return (
    <>
      <Tiles label="Now" facts={now(figures)} />
      <WorkersPanel figures={figures} />
      <div class="columns">
        <RcodesPanel figures={figures} />
        <TopNamesPanel api={api} />
      </div>
    </>
  )
}

function now({ stats: { health, index, forward, store }, rates }: LiveFigures): Fact[] {
  const asked = rates === undefined ? 0 : rates.cacheHits + rates.cacheMisses
  return [
    ['Queries/s', perSecond(rates?.queries)],
    ['Median latency', latency(rates?.median)],
    ['p99 latency', latency(rates?.p99)],
    ['Dropped/s', perSecond(rates?.dropped)],
    ['Names', whole(index?.names ?? 0)],
    ['Unhealthy', whole(health?.unhealthy ?? 0)],
    ...(forward === undefined
      ? []
      : [['Cache hits', asked === 0 ? '–' : `${Math.round((100 * rates!.cacheHits) / asked)} %`] as Fact]),
    [
      `Store: ${store.kind}`,
      <State key="store" kind={store.connected && !store.stale ? 'good' : 'bad'}>
        {store.connected ? (store.stale ? 'stale' : 'connected') : 'out of reach'}
      </State>,
    ],
  ]
}

function RcodesPanel({ figures: { stats, rates } }: { figures: LiveFigures }) {
  const totals = RCODES.map((rcode) => ({ rcode, total: stats.counters?.[rcode] ?? 0 }))
  const most = Math.max(1, ...totals.map(({ total }) => total))
  const shown = totals.filter(({ rcode, total }) => total > 0 || rcode === 'NOERROR')
  return (
    <section class="panel">
      <h2>Response codes</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Code</th>
            <th scope="col" class="number">
              Now/s
            </th>
            <th scope="col" class="number">
              Total
            </th>
            <td class="bar" />
          </tr>
        </thead>
        <tbody>
          {shown.map(({ rcode, total }) => (
            <tr key={rcode}>
              <th scope="row">{rcode}</th>
              <td class="number">{perSecond(rates?.rcodes[rcode])}</td>
              <td class="number">{whole(total)}</td>
              <td class="bar" aria-hidden="true">
                <div class={rcode === 'NOERROR' ? 'good' : ''} style={{ width: `${(100 * total) / most}%` }} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function TopNamesPanel({ api }: { api: ApiClient }) {
  const { value, problem } = usePolled<{ names: readonly TopNameRow[] }>(api, `v1/top?limit=${TOP_COUNT}`, TOP_MS)
  const names = value?.names ?? []
  return (
    <section class="panel">
      <h2>Names asked for most</h2>
      {problem !== undefined && <p class="problem">{problem}</p>}
      {value !== undefined && names.length === 0 && <p class="empty">No queries yet.</p>}
      {names.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" class="number">
                Queries
              </th>
            </tr>
          </thead>
          <tbody>
            {names.map(({ name, queries }) => (
              <tr key={name}>
                <td class="dns">
                  <bdi>{visibleText(name)}</bdi>
                </td>
                <td class="number">{whole(queries)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}
