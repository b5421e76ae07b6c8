import { NO_VIEWS } from '../../records/view.js'
import type { KeyLayout } from './key-layout.js'
import { ContainerdnsLayout } from './layout-containerdns.js'
import { PrefixesLayout } from './layout-prefixes.js'
import { SkydnsLayout } from './layout-skydns.js'

/** What a layout is made from. Plain data, so that it can be posted to another thread; part of the parsed options of a store. */
export interface LayoutOptions {
  readonly layout: LayoutName
  /** At least one, each with a slash at its end; none of them holds keys of another. */
  readonly prefixes: readonly string[]
  /** How far above its own name a service of SkyDNS is found. */
  readonly serviceLevels: number
}

export type LayoutName = 'containerdns' | 'skydns'

/** `views` are those that are served. */
export function keyLayoutFor({ layout, prefixes, serviceLevels }: LayoutOptions, views = NO_VIEWS): KeyLayout {
  const layouts = prefixes.map((prefix) =>
    layout === 'skydns' ? new SkydnsLayout(prefix, serviceLevels) : new ContainerdnsLayout(prefix, views),
  )
  return layouts.length === 1 ? layouts[0]! : new PrefixesLayout(layouts)
}
