import { HEADER_SIZE } from '../wire/constants.js'
import type { QueryContext } from './query-context.js'

/** Leaves nothing of the response but its question, and TC: who has asked, asks again over a stream. */
export function truncate(context: QueryContext): void {
  const { question, response } = context
  response.undo(response.start + HEADER_SIZE + (context.hasQuestion ? question.length : 0))
  response.answerCount = 0
  response.authorityCount = 0
  response.additionalCount = 0
  context.isTruncated = true
}
