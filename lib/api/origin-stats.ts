import { canonicalName, requireScope } from './access.js'
import type { Audit } from './audit.js'
import { jsonReply, textReply } from './origin-texts.js'
import type { Call, JsonSchema, Method, Reply, Route } from './route.js'
import { objectOf, plainText, TEXT_ERRORS } from './schemas.js'
import type { Source } from './source.js'
import { notHere, statsOf, whoAndWhen } from './v1-server.js'

// The calls of ContainerDNS's statistics. Counters that are 0 are there, unlike in the origin, where they vanish.

/** `/containerdns/stats` and its neighbours. */
export function originStatsRoutes(source: Source, audit: Audit): Route[] {
  const text = { type: 'string' }
  const route = (
    method: Method,
    path: string,
    summary: string,
    access: Route['access'],
    handle: (call: Call) => Reply | Promise<Reply>,
  ): Route => ({
    ...{ method, path, access, errors: 'origin', handle },
    schema: {
      ...{ summary, tags: ['ContainerDNS'] },
      ...(path.includes(':')
        ? { params: objectOf({ domain: text, topN: { type: 'string', pattern: '^\\d{1,9}$' } }) }
        : {}),
      response: { 200: method === 'GET' ? ANY_JSON : plainText('OK'), ...TEXT_ERRORS },
    },
  })
  return [
    route('GET', '/containerdns/stats', 'Figures', 'stats', () => figures(source)),
    route('GET', '/containerdns/stats/top/:topN', 'The names that are asked for most', 'stats', (call) =>
      top(source, call),
    ),
    route('GET', '/containerdns/stats/:domain', 'How often a name was asked for', 'stats', (call) =>
      ofName(source, call),
    ),
    route('DELETE', '/containerdns/domain/:domain', 'Forgets what upstreams have answered of a name', 'cache', (call) =>
      flush(source, audit, call),
    ),
    route('GET', '/containerdns/domainL1/:domain', 'The records of a name', 'read', (call) => records(source, call)),
    notServed('GET', '/containerdns/domain/:domain', 'ContainerDNS', 'way to look into the cache of answers'),
    notServed('DELETE', '/containerdns/domainL1/:domain', 'ContainerDNS', FOLLOWS),
    notServed('POST', '/containerdns/domainL1/:domain', 'ContainerDNS', FOLLOWS),
    notServed('GET', '/containerdns/master', 'ContainerDNS', NO_PERIODS),
    notServed('POST', '/containerdns/master', 'ContainerDNS', NO_PERIODS),
  ]
}

const FOLLOWS = 'copy of records to drop or to read anew: it follows etcd, and compares now and then by itself'
const NO_PERIODS = 'times to keep answers or to read etcd anew: it answers with what etcd holds, and follows it'

/** A call that programs may know and that means nothing here, told in words. */
export function notServed(method: Method, path: string, tag: string, what: string): Route {
  const params = path.endsWith(':domain') ? { params: objectOf({ domain: { type: 'string' } }) } : {}
  return {
    ...{ method, path, access: method === 'GET' ? 'stats' : 'write', errors: 'origin' },
    schema: { summary: 'Not served', tags: [tag], ...params, response: { 501: plainText('Why'), ...TEXT_ERRORS } },
    handle: () => {
      throw notHere(what)
    },
  }
}

const ANY_JSON: JsonSchema = { anyOf: [{ type: 'object' }, { type: 'array' }] }
const MAX_TOP = 1000

function figures(source: Source): Reply {
  const { counters, index } = statsOf(source) as { counters?: Record<string, number>; index?: { names: number } }
  if (counters === undefined) throw notHere('DNS server')
  return jsonReply({
    reqCount: counters['queries'] ?? 0,
    domainSize: index?.names ?? 0,
    noNameCount: counters['NXDOMAIN'] ?? 0,
    overFlowCount: counters['truncated'] ?? 0,
    noDataCount: counters['nodata'] ?? 0,
  })
}

function top(source: Source, { params }: Call): Reply {
  if (source.topNames === undefined) throw notHere('count of names')
  const names = source.topNames(Math.min(Number(params['topN']), MAX_TOP))
  return jsonReply(names.map(({ name, queries }) => ({ reqCount: queries, domain: `${name}.` })))
}

function ofName(source: Source, { principal, params }: Call): Reply {
  if (source.nameQueries === undefined) throw notHere('count of names')
  const name = canonicalName(params['domain']!)
  requireScope(principal, name)
  const found = source.nameQueries(name)
  if (found === undefined) return textReply('domain not found', 404)
  const { queries, firstSeen, lastSeen } = found
  return jsonReply({ reqCount: queries, lastQueryTime: lastSeen, firstQueryTime: firstSeen })
}

async function flush(source: Source, audit: Audit, call: Call): Promise<Reply> {
  const name = canonicalName(call.params['domain']!)
  if (source.cache === undefined) throw notHere('cache of answers')
  const flushed = await source.cache.flush(name)
  audit.record({ ...whoAndWhen(call), action: 'flush', name })
  return flushed > 0 ? textReply('OK') : textReply(`no found domain: ${name}.`, 404)
}

async function records(source: Source, { principal, params }: Call): Promise<Reply> {
  const name = canonicalName(params['domain']!)
  requireScope(principal, name)
  const rrsets = await source.records.get(name)
  if (rrsets.length === 0) return textReply(`no found domain : ${name}.`, 404)
  const msgs = rrsets.flatMap(({ type, ttl, data }) =>
    (data as unknown[]).map((item) => ({
      type,
      ttl,
      ...(typeof item === 'string' ? { host: item } : (item as object)),
    })),
  )
  return jsonReply({ msgs })
}
