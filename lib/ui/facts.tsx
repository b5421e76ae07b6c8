import type { ComponentChildren } from 'preact'

export type Fact = readonly [name: string, value: ComponentChildren]

/** A panel of names with values. */
export function Facts({ title, facts }: { title: string; facts: readonly Fact[] }) {
  return (
    <section class="panel">
      <h2>{title}</h2>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

/** Figures that are seen from afar. */
export function Tiles({ label, facts }: { label: string; facts: readonly Fact[] }) {
  return (
    <dl class="tiles" aria-label={label}>
      {facts.map(([name, value]) => (
        <div key={name} class="panel">
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
