import type { Audit } from './audit.js'
import { statistics, threadStatistics, topNames } from './kdns-figures.js'
import { allRecords, changeAll, KDNS_RECORD, type KdnsRecord, recordsOfName } from './kdns-records.js'
import { notServed } from './origin-stats.js'
import { jsonReply, textReply } from './origin-texts.js'
import type { RecordEdits } from './record-edits.js'
import type { Call, JsonSchema, Method, Reply, Route } from './route.js'
import { listOf, objectOf, plainText, TEXT_ERRORS } from './schemas.js'
import type { Source } from './source.js'
import { notHere, whoAndWhen } from './v1-server.js'

// The calls of KDNS: each record by itself, with how to choose among those of its name. Whoever pushes records to KDNS can push them here.

/** `/kdns/…` */
export function kdnsRoutes(source: Source, edits: RecordEdits, audit: Audit, bulkLimit: number): Route[] {
  const tags = ['KDNS']
  const many: JsonSchema = { ...listOf(KDNS_RECORD), minItems: 1, maxItems: bulkLimit }
  const change = (method: Method, path: string, summary: string, body: JsonSchema): Route => ({
    ...{ method, path, access: 'write', errors: 'origin' },
    schema: { summary, tags, body, response: { 200: plainText('OK'), ...TEXT_ERRORS } },
    handle: (call) => changeAll(source, edits, call, [call.body].flat() as KdnsRecord[], method === 'POST'),
  })
  const absent = (method: Method, path: string, what: string) => notServed(method, path, 'KDNS', what)
  const show = (
    path: string,
    summary: string,
    access: 'read' | 'stats',
    handle: (call: Call) => Reply | Promise<Reply>,
    response: JsonSchema,
  ): Route => ({
    ...{ method: 'GET', path, access, errors: 'origin', handle },
    schema: {
      ...{ summary, tags, response: { 200: response, ...TEXT_ERRORS } },
      ...(path.includes(':') ? { params: objectOf({ name: { type: 'string' } }) } : {}),
    },
  })
  return [
    change('POST', '/kdns/domain', 'Adds a record', KDNS_RECORD),
    change('DELETE', '/kdns/domain', 'Removes a record', KDNS_RECORD),
    change('POST', '/kdns/alldomains', 'Adds many records', many),
    change('DELETE', '/kdns/alldomains', 'Removes many records', many),
    show(
      '/kdns/domain',
      'All records',
      'read',
      (call) => edits.passes.run(() => allRecords(source, call)),
      listOf(KDNS_RECORD),
    ),
    show(
      '/kdns/perdomain/:name',
      'The records of a name',
      'read',
      (call) => recordsOfName(source, call),
      listOf(KDNS_RECORD),
    ),
    show(
      '/kdns/view',
      'The views, a line for each of their networks',
      'read',
      () => jsonReply(networksOf(source)),
      listOf({ type: 'object' }),
    ),
    ...['/kdns/view', '/kdns/allview'].flatMap((path) => [
      absent('POST', path, VIEWS_ARE_OPTIONS),
      absent('DELETE', path, VIEWS_ARE_OPTIONS),
    ]),
    show(
      '/kdns/status',
      'Whether all records are loaded',
      'read',
      () => ({ status: 200, body: source.ready ? 'running' : 'init', headers: { 'content-type': 'text/plain' } }),
      plainText('running or init'),
    ),
    {
      ...{ method: 'POST', path: '/kdns/status', access: 'write', errors: 'origin' },
      schema: {
        summary: 'Ends an initial push; nothing waits for it here',
        tags,
        response: { 200: plainText('OK'), ...TEXT_ERRORS },
      },
      handle: () => textReply('OK'),
    },
    show('/kdns/statistics/get', 'Figures', 'stats', () => statistics(source), { type: 'object' }),
    show(
      '/kdns/statistics/percore/get',
      'Figures of each thread that answers',
      'stats',
      () => threadStatistics(source),
      listOf({ type: 'object' }),
    ),
    ...['/kdns/statistics/reset', '/kdns/statistics/port/reset', '/kdns/metrics/resetlocal'].map((path) =>
      absent('POST', path, COUNTERS_GROW),
    ),
    absent('GET', '/kdns/statistics/port/get', 'figures of network ports: those are the kernel’s'),
    show(
      '/kdns/metrics/domains',
      'The names that are asked for most',
      'stats',
      () => topNames(source),
      listOf({ type: 'object' }),
    ),
    absent('GET', '/kdns/metrics/clientIp', 'count of names by client'),
    absent('GET', '/kdns/forward/caches', 'way to look into the cache of answers'),
    {
      ...{ method: 'DELETE', path: '/kdns/forward/caches', access: 'cache', errors: 'origin' },
      schema: {
        ...{ summary: 'Forgets what upstreams have answered', tags },
        response: { 200: plainText('OK'), ...TEXT_ERRORS },
      },
      handle: (call) => flush(source, audit, call),
    },
  ]
}

const COUNTERS_GROW = 'counters to reset: they only grow, and whoever wants differences takes them'
const VIEWS_ARE_OPTIONS = 'change of views: they are options of the server, which it can be told to reload'

async function flush(source: Source, audit: Audit, call: Call): Promise<Reply> {
  if (source.cache === undefined) throw notHere('cache of answers')
  await source.cache.flush()
  audit.record({ ...whoAndWhen(call), action: 'flush' })
  return textReply('OK')
}

function networksOf({ viewClients }: Source): object[] {
  return [...viewClients].flatMap(([viewName, clients]) => clients.map((cidrs) => ({ viewName, cidrs })))
}
