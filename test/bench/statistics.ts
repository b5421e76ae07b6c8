/** The middle value, or the mean of the two in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value below which a share of the values lies, between two of them by proportion; NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const place = share * (sorted.length - 1)
  const lower = Math.floor(place)
  const upper = Math.ceil(place)
  return sorted[lower]! + (sorted[upper]! - sorted[lower]!) * (place - lower)
}

/**
 * The median of ratios of values measured side by side. Steadier than the ratio of medians on a machine that others use too:
 * what slows one round slows both halves of its ratio.
 */
export function medianRatio(values: readonly number[], to: readonly number[]): number {
  return median(values.slice(0, to.length).map((value, round) => value / to[round]!))
}
