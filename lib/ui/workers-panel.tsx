import { useMemo, useState } from 'preact/hooks'
import { latency, perSecond, short, whole } from './figures.js'
import type { LiveFigures } from './live-figures.js'
import { Plot } from './plot.js'
import type { ThreadRates } from './rates.js'

const LATENCIES = { median: 'median', p99: 'p99' } as const
type LatencyName = keyof typeof LATENCIES

/** Of the scales: queries a second, and seconds. */
const LEAST_QUERIES = 5
const LEAST_LATENCY = 1e-4

/** What answers: lines of queries and latency for each thread, and a table of what they are now. */
export function WorkersPanel({ figures }: { figures: LiveFigures }) {
  const [shown, setShown] = useState<LatencyName>('p99')
  const all = figures.stats.threads ?? []
  // The others ask, or write down.
  const threads = all
    .map(({ role }, thread) => ({ role, thread }))
    .filter(({ role }) => role === 'dns' || role === 'stream')
  const numbers = threads.map(({ thread }) => thread)
  const shape = numbers.join()
  // `shape` is what `numbers` say.
  const queries = useMemo(() => figures.lines(numbers, (rates) => rates.queries), [figures, shape])

  const latencies = useMemo(() => figures.lines(numbers, latencyNamed(shown)), [figures, shape, shown])
  const { rates } = figures
  return (
    <section class="panel">
      <h2>Workers</h2>
      <div class="columns">
        <figure>
          <figcaption>Queries a second</figcaption>
          <Plot
            label={`Queries a second of each worker over five minutes; all together now ${perSecond(rates?.queries)}`}
            {...{ data: queries, colours: numbers, text: short, leastTop: LEAST_QUERIES }}
          />
        </figure>
        <figure>
          <figcaption>
            <label>
              Latency{' '}
              <select value={shown} onChange={(event) => setShown(event.currentTarget.value as LatencyName)}>
                {Object.entries(LATENCIES).map(([name, title]) => (
                  <option key={name} value={name}>
                    {title}
                  </option>
                ))}
              </select>
            </label>
          </figcaption>
          <Plot
            label={`Latency, ${LATENCIES[shown]}, of each worker over five minutes; of all together now ${latency(rates?.[shown])}`}
            {...{ data: latencies, colours: numbers, text: latency, leastTop: LEAST_LATENCY }}
          />
        </figure>
      </div>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              {['Worker', 'Queries/s', 'Median', 'p99', 'Queries', 'Restarts'].map((title, i) => (
                <th key={title} scope="col" class={i === 0 ? '' : 'number'}>
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {threads.map(({ role, thread }) => (
              <tr key={thread}>
                <th scope="row">
                  <span class={`swatch series-${thread % 8}`} aria-hidden="true" />
                  {role} {thread}
                </th>
                <td class="number">{perSecond(rates?.threads[thread]?.queries)}</td>
                <td class="number">{latency(rates?.threads[thread]?.median)}</td>
                <td class="number">{latency(rates?.threads[thread]?.p99)}</td>
                <td class="number">{whole(all[thread]!.queries)}</td>
                <td class="number">{whole(all[thread]!.restarts)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

const LATENCY_OF: Record<LatencyName, (rates: ThreadRates) => number | null> = {
  median: ({ median }) => median,
  p99: ({ p99 }) => p99,
}

function latencyNamed(name: LatencyName): (rates: ThreadRates) => number | null {
  return LATENCY_OF[name]
}
