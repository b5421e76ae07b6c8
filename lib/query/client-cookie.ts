import { Rcode } from '../wire/constants.js'
import { EDNS_VERSION } from '../wire/edns.js'
import type { ClientAddresses, QueryContext } from './query-context.js'

/** RFC 7873 §5.2: each client that knows cookies gets one, and is known by it the next time. For a query that has one. */
export function checkCookie(context: QueryContext, clients: ClientAddresses, i: number): void {
  const { edns, reader, settings } = context
  const { cookies } = settings
  if (cookies === undefined || edns.version !== EDNS_VERSION || edns.isCookieMalformed) return
  if (!context.readClient(clients, i)) return
  context.answersCookie = true
  context.isClientVerified = cookies.check(reader.bytes, edns.cookieStart, edns.cookieLength, context.client)
  if (context.isClientVerified || context.isStream || !settings.requiresCookie) return
  // RFC 7873 §5.2.3: with the right cookie it may ask again.
  if (context.verdict !== 'accepted' && context.verdict !== 'chaos') return
  context.verdict = 'answered'
  context.rcode = Rcode.BADCOOKIE
}
