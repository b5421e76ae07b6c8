import { FoldedName } from './folded-name.js'
import type { WireReader } from './reader.js'

/** RFC 1035 §4.1.2: the one question of a query. Made once per thread. */
export class Question {
  readonly name = new FoldedName()
  type = 0
  class = 0
  /** Octets of the whole question: name, type and class. */
  length = 0

  /**
   * Reads the question at the reader's position. False when it is cut short, or its name breaks a limit.
   * A compressed name is refused: there is nothing before it that it could point to but the header.
   */
  read(reader: WireReader, seed: number): boolean {
    if (!this.name.read(reader.bytes, reader.position, reader.end, seed)) return false
    reader.skip(this.name.length)
    this.type = reader.u16()
    this.class = reader.u16()
    this.length = this.name.length + 4
    return !reader.failed
  }
}
