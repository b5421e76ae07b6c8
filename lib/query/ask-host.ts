import { Counter } from '../metrics/counters.js'
import { Rcode } from '../wire/constants.js'
import { ExtendedError } from '../wire/edns.js'
import type { QueryContext } from './query-context.js'
import type { QueryHooks } from './query-hooks.js'

/** The host has its say over a query that its client may ask, before a name is looked up. */
export function askHost(context: QueryContext, hooks: QueryHooks, counters: Uint32Array): void {
  const decision = hooks.onQuery(context)
  switch (decision) {
    case 'continue':
      break
    case 'later':
      context.isParked = true
      break
    case 'answer':
      context.verdict = 'hooked'
      break
    case 'refuse':
      context.verdict = 'answered'
      context.rcode = Rcode.REFUSED
      context.extendedError = ExtendedError.PROHIBITED
      break
    case 'drop':
      context.verdict = 'dropped'
      counters[Counter.dropped]!++
      break
    default:
      decision satisfies never
  }
}
