import type { ComponentChildren } from 'preact'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { ApiClient } from './api-client.js'
import type { PageStats, Principal } from './api-data.js'
import { BackendsSection } from './backends-section.js'
import { LiveFigures } from './live-figures.js'
import { OverviewSection } from './overview-section.js'
import { usePolled } from './polling.js'
import { RecordsSection } from './records-section.js'
import { ServerSection } from './server-section.js'
import { State } from './state.js'
import { UpstreamsSection } from './upstreams-section.js'

const FIGURES_MS = 1000

const SECTIONS = [
  { id: 'overview', title: 'Overview', verb: 'stats' },
  { id: 'records', title: 'Records', verb: 'read' },
  { id: 'backends', title: 'Backends', verb: 'read' },
  { id: 'upstreams', title: 'Upstreams', verb: 'stats' },
  { id: 'server', title: 'Server', verb: 'stats' },
] as const

interface PageProps {
  readonly api: ApiClient
  readonly principal: Principal
  readonly onSignOut: () => void
}

/** Everything behind the login. A token sees the sections that it is for. */
export function Page({ api, principal, onSignOut }: PageProps) {
  const sections = SECTIONS.filter(({ verb }) => principal.verbs.includes(verb))
  const hash = useHash()
  const current = sections.find(({ id }) => id === hash) ?? sections[0]
  useEffect(() => {
    document.title = current === undefined ? 'containerdns' : `${current.title} · containerdns`
  }, [current])
  const frame = (state: ComponentChildren, content: ComponentChildren) => (
    <>
      <Header {...{ sections, current: current?.id, principal, onSignOut }}>{state}</Header>
      <main id="main" tabIndex={-1}>
        {current !== undefined && <h1 class="unseen">{current.title}</h1>}
        {content}
      </main>
    </>
  )
  if (current === undefined)
    return frame(null, <p class="empty">The token of {principal.name} is for nothing that this page shows.</p>)
  const others = (figures: LiveFigures | undefined) => {
    if (current.id === 'records') return <RecordsSection {...{ api, principal }} />
    if (current.id === 'backends') return <BackendsSection {...{ api, principal, figures }} />
    if (figures === undefined) return <p class="waiting">Asking for figures …</p>
    if (current.id === 'upstreams') return <UpstreamsSection {...{ api, principal, figures }} />
    return current.id === 'server' ? <ServerSection figures={figures} /> : <OverviewSection {...{ api, figures }} />
  }
  if (!principal.verbs.includes('stats')) return frame(null, others(undefined))
  return (
    <Watched api={api}>
      {(figures, problem) => frame(<ServerState {...{ figures, problem }} />, others(figures))}
    </Watched>
  )
}

interface WatchedProps {
  readonly api: ApiClient
  readonly children: (figures: LiveFigures | undefined, problem: string | undefined) => ComponentChildren
}

/** Figures are followed on every section, so that their lines go on. */
function Watched({ api, children }: WatchedProps) {
  const [figures, setFigures] = useState<LiveFigures>()
  const add = useCallback((stats: PageStats) => {
    // The clock of the page, which no step of the host's changes, with the time of day that it began at.
    const nowMs = performance.timeOrigin + performance.now()
    setFigures((before) => (before === undefined ? LiveFigures.first(stats, nowMs) : before.next(stats, nowMs)))
  }, [])
  const { problem } = usePolled<PageStats>(api, 'v1/stats', FIGURES_MS, add)
  return <>{children(figures, problem)}</>
}

function ServerState({ figures, problem }: { figures: LiveFigures | undefined; problem: string | undefined }) {
  return (
    <span role="status">
      {problem !== undefined ? (
        <State kind="bad">{problem}</State>
      ) : figures === undefined ? (
        ''
      ) : figures.stats.ready ? (
        <State kind="good">ready</State>
      ) : (
        <State kind="bad">not ready</State>
      )}
    </span>
  )
}

interface HeaderProps extends Omit<PageProps, 'api'> {
  readonly sections: readonly (typeof SECTIONS)[number][]
  readonly current: string | undefined
  readonly children: ComponentChildren
}

function Header({ sections, current, principal, onSignOut, children }: HeaderProps) {
  const link = useRef<HTMLAnchorElement>(null)
  // On a phone, the links may go on beyond the screen.
  useEffect(() => link.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), [current])
  return (
    <header>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        To the content
      </button>
      <strong class="brand">containerdns</strong>
      {children}
      <nav aria-label="Sections">
        {sections.map(({ id, title }) => (
          <a key={id} href={`#${id}`} {...(id === current ? { ref: link, 'aria-current': 'page' } : {})}>
            {title}
          </a>
        ))}
      </nav>
      {principal.name !== undefined && (
        <span class="principal">
          <bdi>{principal.name}</bdi>
          <button type="button" onClick={onSignOut}>
            Sign out
          </button>
        </span>
      )}
    </header>
  )
}

function useHash(): string {
  const [hash, setHash] = useState(location.hash.slice(1))
  useEffect(() => {
    const onChange = () => setHash(location.hash.slice(1))
    addEventListener('hashchange', onChange)
    return () => removeEventListener('hashchange', onChange)
  }, [])
  return hash
}
