import { MAX_NAME_LENGTH } from '../wire/constants.js'
import { FoldedName } from '../wire/folded-name.js'

/** How many CNAMEs one answer follows. */
export const MAX_CHAIN_LENGTH = 8

/**
 * How long the names of a chain may be in all, the question's included: nine of 17 labels and 113 octets are within it. A client of a
 * longer one asks again for the rest, so that no query costs more than five ordinary ones.
 */
const MAX_CHAIN_LABELS = 160
const MAX_CHAIN_OCTETS = 4 * MAX_NAME_LENGTH

/** How far an answer has followed CNAMEs, and where it has to end. Made once per thread, and started for each question. */
export class CnameChain {
  /** Where the last CNAME leads; the question's name itself stays as it is. */
  readonly target = new FoldedName()
  /** Of the owners so far, so that a loop ends where it closes. */
  readonly #hashes = new Int32Array(MAX_CHAIN_LENGTH + 1)
  #links = 0
  #labels = 0
  #octets = 0

  start({ hash, labelCount, length }: FoldedName): void {
    this.#hashes[0] = hash
    this.#links = 0
    this.#labels = labelCount
    this.#octets = length
  }

  /** Whether a further CNAME is one too many. */
  get isFull(): boolean {
    return this.#links === MAX_CHAIN_LENGTH
  }

  /** Whether the target has been an owner before. */
  get closesLoop(): boolean {
    const { hash } = this.target
    for (let i = 0; i <= this.#links; i++) if (this.#hashes[i] === hash) return true
    return false
  }

  /** Goes on to the target. False where the names have become too long in all. */
  follow(): boolean {
    const { hash, labelCount, length } = this.target
    this.#hashes[++this.#links] = hash
    this.#labels += labelCount
    this.#octets += length
    return this.#labels <= MAX_CHAIN_LABELS && this.#octets <= MAX_CHAIN_OCTETS
  }
}
