import { CONTROL_EPOCH, CONTROL_READER_COUNT, CONTROL_READERS, IDLE, READER_STRIDE } from './layout.js'

// Who may still see old bytes. A reader writes the current epoch into its slot before it reads and IDLE when it holds nothing;
// the writer reuses what it unlinked in epoch e once every slot is IDLE or later than e. A reader that loads the epoch just
// before the writer moves on writes an older one than it could: that errs on the safe side.

/** A reader's side. One thread, one slot; it must not await between `enter` and `leave`. */
export class ReaderSlot {
  readonly #control: Int32Array
  readonly #word: number

  constructor(control: Int32Array, slot: number) {
    this.#control = control
    this.#word = CONTROL_READERS + slot * READER_STRIDE
  }

  enter(): void {
    Atomics.store(this.#control, this.#word, Atomics.load(this.#control, CONTROL_EPOCH))
  }

  leave(): void {
    Atomics.store(this.#control, this.#word, IDLE)
  }
}

/** Starts the next epoch and returns it. The writer alone. */
export function advanceEpoch(control: Int32Array): number {
  let next = (Atomics.load(control, CONTROL_EPOCH) + 1) | 0
  if (next === IDLE) next = 1
  Atomics.store(control, CONTROL_EPOCH, next)
  return next
}

/** Whether every reader is idle or has entered in `epoch` or later. */
export function hasReached(control: Int32Array, epoch: number): boolean {
  const readers = Atomics.load(control, CONTROL_READER_COUNT)
  for (let slot = 0; slot < readers; slot++) {
    const seen = Atomics.load(control, CONTROL_READERS + slot * READER_STRIDE)
    // Subtraction, so that the order holds where the counter wraps.
    if (seen !== IDLE && ((seen - epoch) | 0) < 0) return false
  }
  return true
}

/** For the supervisor: a dead thread reads nothing any more. */
export function releaseReader(control: Int32Array, slot: number): void {
  Atomics.store(control, CONTROL_READERS + slot * READER_STRIDE, IDLE)
}
