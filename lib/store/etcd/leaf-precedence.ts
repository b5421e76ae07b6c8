import type { Leaf } from './leaf.js'
import { kindOf, prefixOf, viewOfPath } from './leaf-path.js'
import { chooseServices } from './service-leaf.js'

/** An owner's leaves, sorted by view and type: those that are answered with, and those that others overrule. */
export interface Arranged {
  readonly shown: readonly Leaf[]
  readonly hidden: readonly Leaf[]
}

const NOTHING: readonly Leaf[] = []

/** A whole RRset wins over the leaves of its type, and views have whole ones only; of two whole ones, that of the earlier prefix. All leaves of an owner are of one layout. */
export function arrange(leaves: readonly Leaf[]): Arranged {
  if (leaves.every(({ path }) => kindOf(path) === 'record')) return { shown: leaves, hidden: NOTHING }
  const winners = new Map<string, Leaf>()
  for (const leaf of leaves) {
    const kind = kindOf(leaf.path)
    if (kind === 'service') return chooseServices(leaves)
    if (kind !== 'rrset') continue
    const other = winners.get(rrsetOf(leaf))
    if (other === undefined || prefixOf(leaf.path) < prefixOf(other.path)) winners.set(rrsetOf(leaf), leaf)
  }
  const isShown = (leaf: Leaf) => (winners.get(rrsetOf(leaf)) ?? leaf) === leaf
  return { shown: leaves.filter(isShown), hidden: leaves.filter((leaf) => !isShown(leaf)) }
}

function rrsetOf({ path, type }: Leaf): string {
  return `${viewOfPath(path)} ${type}`
}
