import type { ComponentChildren } from 'preact'

/** How something is: a word, with a dot of a colour beside it. */
export function State({ kind, children }: { kind: 'good' | 'bad' | 'unknown'; children: ComponentChildren }) {
  return (
    <span class={`state ${kind}`}>
      <span class="dot" aria-hidden="true" />
      {children}
    </span>
  )
}
