/** A piece of time, in milliseconds. */
export interface Span {
  readonly from: number
  readonly to: number
}

export function spanLength({ from, to }: Span): number {
  return to - from
}

/** How much of a span lies in others, which do not overlap each other. */
export function overlap({ from, to }: Span, others: readonly Span[]): number {
  return others.reduce((total, other) => total + Math.max(0, Math.min(to, other.to) - Math.max(from, other.from)), 0)
}
