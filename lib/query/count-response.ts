import { Counter } from '../metrics/counters.js'
import { Rcode } from '../wire/constants.js'
import type { QueryContext } from './query-context.js'

/** Counts a response that goes out, by what it says. */
export function countResponse(context: QueryContext, counters: Uint32Array): void {
  counters[Counter.responses]!++
  counters[rcodeCounter(context.rcode)]!++
  if (context.isTruncated) counters[Counter.truncated]!++
  if (context.isNodata) counters[Counter.nodata]!++
}

/** RCODEs up to REFUSED stand in the row in the order of their numbers. */
function rcodeCounter(rcode: number): number {
  if (rcode <= Rcode.REFUSED) return Counter.NOERROR + rcode
  return rcode === Rcode.BADVERS ? Counter.BADVERS : Counter.BADCOOKIE
}
