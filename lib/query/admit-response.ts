import { Counter } from '../metrics/counters.js'
import type { ClientRules } from './client-rules.js'
import type { QueryContext } from './query-context.js'
import { truncate } from './truncate.js'

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
  truncate(context)
  return true
}
