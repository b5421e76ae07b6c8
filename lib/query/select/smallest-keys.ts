/** Up to here, insertion is faster than a heap: an RRset is rarely larger, and rarely are more of its records wanted. */
const FEW = 12

/**
 * Brings the positions with the `wanted` smallest keys to the front, in order of their keys. What comes behind them is in disorder.
 *
 * Keys are moved with their positions. Takes time in proportion to `count` + `wanted` * log(`count`); with few wanted and keys in no order, little more
 * than a comparison for each. `scratch` is as long as `positions`.
 */
export function bringSmallestToFront(
  keys: Float64Array,
  positions: Uint32Array,
  count: number,
  wanted: number,
  scratch: Uint32Array,
): void {
  if (count <= FEW || wanted <= FEW) {
    const sorted = Math.min(count, FEW)
    sortByInsertion(keys, positions, sorted)
    for (let i = sorted; i < count; i++) if (keys[i]! < keys[sorted - 1]!) insert(keys, positions, i, sorted)
    return
  }
  for (let root = (count >>> 1) - 1; root >= 0; root--) siftDown(keys, positions, root, count)
  let left = count
  for (let i = 0; i < wanted; i++) {
    scratch[i] = positions[0]!
    left--
    keys[0] = keys[left]!
    positions[0] = positions[left]!
    siftDown(keys, positions, 0, left)
  }
  // Those that were not wanted stand in front.
  for (let i = left - 1; i >= 0; i--) positions[wanted + i] = positions[i]!
  for (let i = 0; i < wanted; i++) positions[i] = scratch[i]!
}

function sortByInsertion(keys: Float64Array, positions: Uint32Array, count: number): void {
  for (let i = 1; i < count; i++) {
    const key = keys[i]!
    const position = positions[i]!
    let at = i
    for (; at > 0 && keys[at - 1]! > key; at--) {
      keys[at] = keys[at - 1]!
      positions[at] = positions[at - 1]!
    }
    keys[at] = key
    positions[at] = position
  }
}

/** Puts the position at `i` among those in front, which are sorted, in the place of the last of these. */
function insert(keys: Float64Array, positions: Uint32Array, i: number, sorted: number): void {
  const key = keys[i]!
  const position = positions[i]!
  let at = sorted - 1
  keys[i] = keys[at]!
  positions[i] = positions[at]!
  for (; at > 0 && keys[at - 1]! > key; at--) {
    keys[at] = keys[at - 1]!
    positions[at] = positions[at - 1]!
  }
  keys[at] = key
  positions[at] = position
}

/** Restores the order of a heap, the smallest key first, below one place. */
function siftDown(keys: Float64Array, positions: Uint32Array, root: number, count: number): void {
  const key = keys[root]!
  const position = positions[root]!
  let at = root
  for (;;) {
    let child = 2 * at + 1
    if (child >= count) break
    if (child + 1 < count && keys[child + 1]! < keys[child]!) child++
    if (keys[child]! >= key) break
    keys[at] = keys[child]!
    positions[at] = positions[child]!
    at = child
  }
  keys[at] = key
  positions[at] = position
}
