/**
 * Holds verdicts until references have been asked: whoever cannot reach those cannot say of others that they are dead.
 *
 * Each is judged by a round that began after it was condemned. Belongs to the probe thread.
 */
export class ReferenceRound<Item> {
  readonly #ask: (onAnswer: (isReachable: boolean) => void) => void
  readonly #judge: (items: Iterable<Item>, isReachable: boolean) => void
  #waiting = new Set<Item>()
  /** Those that the round under way is for. */
  #asked: Set<Item> | undefined

  constructor(
    ask: (onAnswer: (isReachable: boolean) => void) => void,
    judge: (items: Iterable<Item>, isReachable: boolean) => void,
  ) {
    this.#ask = ask
    this.#judge = judge
  }

  condemn(item: Item): void {
    if (this.#asked?.has(item) === true) return
    this.#waiting.add(item)
    if (this.#asked === undefined) this.#start()
  }

  /** Asks them for nobody's sake. */
  ask(): void {
    if (this.#asked === undefined) this.#start()
  }

  /** It is alive after all, or of no interest any more. */
  forget(item: Item): void {
    this.#waiting.delete(item)
    this.#asked?.delete(item)
  }

  #start(): void {
    const asked = this.#waiting
    this.#asked = asked
    this.#waiting = new Set()
    this.#ask((isReachable) => {
      this.#asked = undefined
      this.#judge(asked, isReachable)
      if (this.#waiting.size > 0) this.#start()
    })
  }
}
