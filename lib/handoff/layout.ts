// A ring in shared memory: words that are touched through Atomics only, then the bodies of the slots.
//
//   | owner's bell, 15 unused | parked: tail, 15 unused | parked: head, 15 unused | answered: tail, … | answered: head, … |
//   | parked queue: a slot each | answered queue: a slot each | states: a word each | bodies |
//
// A slot's state, in the lower bits of its word, and who may move it on:
//
//   FREE      owner writes the body, then → PARKED, and the slot goes into the parked queue
//   PARKED    taker → TAKEN;   owner, when it is overdue → EXPIRED
//   TAKEN     taker writes its verdict, then → ANSWERED, and the slot goes into the answered queue, or, for what needs no verdict,
//             → FREE;   owner, when it is overdue → EXPIRED
//   ANSWERED  owner reads the verdict, then → FREE, or → PARKED once more
//   EXPIRED   taker → FREE, as soon as it meets the slot: until then somebody may still be reading or writing there
//
// The bits above are the epoch: how often the slot has been parked. Each step of the taker is a compare-and-swap from the word that it
// has seen, so that a verdict on a slot that was given to another query meanwhile changes nothing.

const CACHE_LINE_WORDS = 16
export const OWNER_BELL = 0
export const PARKED_TAIL = OWNER_BELL + CACHE_LINE_WORDS
export const PARKED_HEAD = PARKED_TAIL + CACHE_LINE_WORDS
export const ANSWERED_TAIL = PARKED_HEAD + CACHE_LINE_WORDS
export const ANSWERED_HEAD = ANSWERED_TAIL + CACHE_LINE_WORDS
export const PARKED_QUEUE = ANSWERED_HEAD + CACHE_LINE_WORDS

export const FREE = 0
export const PARKED = 1
export const TAKEN = 2
export const ANSWERED = 3
export const EXPIRED = 4
export const STATE_MASK = 7
/** What the epoch goes up by. It wraps. */
export const ONE_EPOCH = STATE_MASK + 1

/** No slot. */
export const NONE = -1

/** What a thread that answers gives in the place of a response's length: it has parked the query, and the response will come later. */
export const LATER = -1

/** What both sides of a ring need. A plain object: it is posted to a thread. */
export interface HandoffHandle {
  readonly memory: SharedArrayBuffer
  readonly slotCount: number
  readonly bodyBytes: number
  /** The word on which the taker sleeps; one for all the rings that it takes from. */
  readonly takerBell: SharedArrayBuffer
}

/** A ring with nothing in it. `slotCount` is a power of two. */
export function createHandoff(slotCount: number, bodyBytes: number, takerBell: SharedArrayBuffer): HandoffHandle {
  const memory = new SharedArrayBuffer(bodiesStart(slotCount) + slotCount * bodyBytes)
  return Object.freeze({ memory, slotCount, bodyBytes, takerBell })
}

export function answeredQueue(slotCount: number): number {
  return PARKED_QUEUE + slotCount
}

export function states(slotCount: number): number {
  return PARKED_QUEUE + 2 * slotCount
}

/** In bytes; a whole number of cache lines. */
export function bodiesStart(slotCount: number): number {
  return 4 * CACHE_LINE_WORDS * Math.ceil((PARKED_QUEUE + 3 * slotCount) / CACHE_LINE_WORDS)
}
