import { nameToText } from '../wire/name.js'
import { VERBS } from './access.js'
import { ok, type Route } from './route.js'
import { listOf, NAME, OWNER, objectOf, PROBLEMS } from './schemas.js'

/** Who a token belongs to, for whoever has it: a page asks what it may offer. */
export function principalRoute(): Route {
  const body = { name: OWNER, admin: { type: 'boolean' }, verbs: listOf({ enum: VERBS }), zones: listOf(NAME) }
  return {
    ...{ method: 'GET', path: '/v1/principal', access: 'any' },
    schema: {
      ...{ summary: 'Who the token belongs to, and what it is for', tags: ['access'] },
      description:
        'Without a name: there are no tokens, and whoever is on this host may do everything. Without zones: all names.',
      response: { 200: objectOf(body, ['admin', 'verbs']), ...PROBLEMS },
    },
    handle: ({ principal: { name, isAdmin, verbs, zones } }) =>
      ok({
        name,
        admin: isAdmin,
        verbs: isAdmin ? VERBS : [...verbs],
        zones: isAdmin ? undefined : zones?.map(nameToText),
      }),
  }
}
