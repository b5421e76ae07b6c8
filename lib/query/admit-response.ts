import { Counter } from '../metrics/counters.js'
import { HEADER_SIZE } from '../wire/constants.js'
import type { ClientRules } from './client-rules.js'
import type { QueryContext } from './query-context.js'

/** False for a response that does not go out; one that slips through is truncated, and has nothing but its question. */
export function admitsResponse(context: QueryContext, rules: ClientRules, counters: Uint32Array): boolean {
  const verdict = rules.judge(context)
  if (verdict === 'send') return true
  if (verdict === 'drop') {
    counters[Counter.responsesLimited]!++
    counters[Counter.dropped]!++
    return false
  }
  counters[Counter.responsesSlipped]!++
  const { question, response } = context
  response.undo(response.start + HEADER_SIZE + (context.hasQuestion ? question.length : 0))
  response.answerCount = 0
  response.authorityCount = 0
  response.additionalCount = 0
  context.isTruncated = true
  return true
}
