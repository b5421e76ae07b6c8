import type { QueryContext } from '../../query/query-context.js'
import { Rcode } from '../../wire/constants.js'
import type { FoldedName } from '../../wire/folded-name.js'
import { FLAG_AD } from '../../wire/header.js'
import { NO_BYTES, relocateBody } from '../reply/relocate-body.js'

/**
 * An answer of others behind the CNAMEs of ours that lead to its name: `begin`, then the answer is written as for a question about that
 * name, then `end`. Made once per thread.
 */
export class ChainedAnswer {
  // What `relocateBody` is told.
  bytes: Uint8Array = NO_BYTES
  start = 0
  bodyOffset = 0
  recordCount = 0
  nameLength = 0
  nameOffset = 0
  #chainLength = 0

  /** The target stands at `offset` of the response. */
  begin({ response }: QueryContext, target: FoldedName, offset: number): void {
    this.bytes = response.bytes
    this.start = response.start
    this.bodyOffset = response.length
    this.nameLength = target.length
    this.nameOffset = offset
    this.#chainLength = response.answerCount
  }

  /** The first owner being ours, the response is as authoritative as that (RFC 1035 §4.1.1), and nobody has authenticated all of it. */
  end(context: QueryContext): void {
    const { response } = context
    context.forwardFlags &= ~FLAG_AD
    const { answerCount, authorityCount, additionalCount } = response
    this.recordCount = answerCount - this.#chainLength + authorityCount + additionalCount
    if (relocateBody(this)) return
    response.undo(this.start + this.bodyOffset)
    response.answerCount = this.#chainLength
    response.authorityCount = 0
    response.additionalCount = 0
    context.rcode = Rcode.NOERROR
    context.isNodata = false
  }
}
