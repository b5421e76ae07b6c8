import { setImmediate as nextTurn } from 'node:timers/promises'

/** For so long a slice may hold the host's event loop: several may come in one turn, and all of ours is to stay well below 10 ms. */
const SLICE_MS = 2
/** Between two looks at the clock. */
const LOOK_AFTER = 16

/**
 * Visits each in turns of the event loop that are short, however many there are; few are visited before this returns. What is
 * added to a Map or Set meanwhile is visited as well. Ends early once `isOver`. `onSlice` is called after each slice.
 */
export async function inSlices<Item>(
  items: Iterable<Item>,
  visit: (item: Item) => void,
  isOver: () => boolean,
  onSlice: () => void = () => {},
): Promise<void> {
  let end = performance.now() + SLICE_MS
  let left = LOOK_AFTER
  for (const item of items) {
    if (left-- === 0) {
      left = LOOK_AFTER
      if (performance.now() >= end) {
        onSlice()
        await nextTurn()
        end = performance.now() + SLICE_MS
      }
      if (isOver()) break
    }
    visit(item)
  }
  onSlice()
}
