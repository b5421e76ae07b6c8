import type { PageStats } from './api-data.js'
import { type Fact, Facts } from './facts.js'
import { bytes, latency, timeSpan, whole } from './figures.js'
import type { LiveFigures } from './live-figures.js'
import { State } from './state.js'

/** Where records come from, where they are, and what the process is. */
export function ServerSection({ figures: { stats } }: { figures: LiveFigures }) {
  return (
    <div class="columns">
      <Facts title={`Store: ${stats.store.kind}`} facts={storeFacts(stats)} />
      <div>
        {stats.index !== undefined && <Facts title="Record index" facts={indexFacts(stats.index)} />}
        {stats.host !== undefined && <Facts title="Process" facts={processFacts(stats)} />}
      </div>
    </div>
  )
}

function storeFacts({ store }: PageStats): Fact[] {
  return [...(store.kind === 'memory' ? [] : sourceFacts(store)), ...recordFacts(store)]
}

/** Of a source elsewhere, that is followed: a memory is its own. */
function sourceFacts(store: PageStats['store']): Fact[] {
  const { snapshot } = store
  const facts: Fact[] = [
    [
      'Connection',
      <State key="connection" kind={store.connected ? 'good' : 'bad'}>
        {store.connected ? 'connected' : 'out of reach'}
      </State>,
    ],
    [
      'Answers',
      <State key="answers" kind={store.stale ? 'bad' : 'good'}>
        {store.stale ? 'stale' : 'current'}
      </State>,
    ],
    ['Behind by at most', timeSpan(store.lagMs)],
    ['Last heard of', store.lastContactAt === 0 ? '–' : `${timeSpan(Date.now() - store.lastContactAt)} ago`],
    ['Revision', whole(store.revision)],
    ['Checks against the source', whole(store.checks)],
    ['Changes that got lost', whole(store.discrepancies)],
  ]
  return snapshot === undefined
    ? facts
    : [...facts, ['Snapshot', `${timeSpan(snapshot.ageMs)} old, revision ${whole(snapshot.revision)}`]]
}

function recordFacts(store: PageStats['store']): Fact[] {
  return [
    ['Loads', whole(store.loads)],
    ['Changes since the last load', whole(store.changes)],
    [store.kind === 'memory' ? 'Lines not understood' : 'Keys not understood', whole(store.badRecords)],
    ['Records of views not served', whole(store.ignoredRecords)],
  ]
}

function indexFacts(index: NonNullable<PageStats['index']>): Fact[] {
  return [
    ['Names', whole(index.names)],
    ['Serial', String(index.serial)],
    ['Memory', `${bytes(index.usedBytes)} of ${bytes(index.allocatedBytes)}`],
    ['Waiting to be used again', bytes(index.retiredBytes)],
  ]
}

function processFacts({ version, host, addresses, transport, tcp }: PageStats): Fact[] {
  const where = (addresses ?? []).map(({ protocol, host: address, port }) => `${protocol} ${address} port ${port}`)
  return [
    ['Version', version ?? '–'],
    [
      'Answers on',
      <ul key="where">
        {where.map((each) => (
          <li key={each} class="dns">
            {each}
          </li>
        ))}
      </ul>,
    ],
    ['Transport', `${transport?.kind}: ${transport?.reason}`],
    ['Open connections', whole(tcp?.open ?? 0)],
    ['Running for', timeSpan(Date.now() - host!.startedAt)],
    ['Processor time', timeSpan(1000 * (host!.cpuUserSeconds + host!.cpuSystemSeconds))],
    ['Memory', bytes(host!.residentBytes)],
    ['Event loop late, p99', latency(host!.eventLoopDelay.p99Seconds)],
  ]
}
