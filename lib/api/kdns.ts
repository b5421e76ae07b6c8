import type { RRset } from '../records/rrset.js'
import type { SelectionPolicy } from '../records/selection-options.js'
import { DEFAULT_VIEW } from '../records/view.js'
import type { RecordData, SrvData } from '../wire/rdata/record-data.js'
import type { RecordType } from '../wire/rdata/record-type.js'
import { canonicalName, isInScope, requireScope, zoneOf } from './access.js'
import type { Audit } from './audit.js'
import { addressIn } from './origin-names.js'
import { notServed } from './origin-stats.js'
import { jsonReply, textReply } from './origin-texts.js'
import { problemOf } from './problem.js'
import { changedData, type Edit, type RecordEdits, replacing, viewOption } from './record-edits.js'
import type { Call, JsonSchema, Method, Reply, Route } from './route.js'
import { listOf, objectOf, plainText, TEXT_ERRORS } from './schemas.js'
import type { Source } from './source.js'
import { notHere, statsOf, whoAndWhen } from './v1-server.js'

// The calls of KDNS: each record by itself, with how to choose among those of its name. Whoever pushes records to KDNS can push them here.

const TYPES = ['A', 'AAAA', 'PTR', 'CNAME', 'SRV'] as const
/** What KDNS calls the default view. */
const NO_VIEW = 'no_info'
const TTL = 30
/** lbMode 0, 1, 2 and 3; the first says nothing. */
const POLICIES: readonly (SelectionPolicy | undefined)[] = [undefined, 'rotate', 'weighted', 'clientHash']
const WEIGHTED = 2

interface KdnsRecord {
  readonly zoneName: string
  readonly domainName: string
  readonly type: (typeof TYPES)[number]
  readonly host: string
  readonly ttl?: number
  readonly maxAnswer?: number
  readonly viewName?: string
  readonly lbMode?: number
  readonly lbWeight?: number
  readonly priority?: number
  readonly weight?: number
  readonly port?: number
}

const TEXT = { type: 'string' }
const NUMBER = { type: 'integer', minimum: 0, maximum: 65535 }
const RECORD: JsonSchema = {
  type: 'object',
  required: ['zoneName', 'domainName', 'type', 'host'],
  properties: {
    ...{ zoneName: TEXT, domainName: { ...TEXT, minLength: 1 }, type: { enum: TYPES }, host: TEXT },
    ttl: { type: 'integer', minimum: 0, maximum: 2147483647 },
    ...{ viewName: TEXT, maxAnswer: NUMBER, lbMode: { type: 'integer', enum: [0, 1, 2, 3] }, lbWeight: NUMBER },
    ...{ priority: NUMBER, weight: NUMBER, port: NUMBER },
  },
}

/** `/kdns/…` */
export function kdnsRoutes(source: Source, edits: RecordEdits, audit: Audit, bulkLimit: number): Route[] {
  const tags = ['KDNS']
  const many: JsonSchema = { ...listOf(RECORD), minItems: 1, maxItems: bulkLimit }
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
      ...(path.includes(':') ? { params: objectOf({ name: TEXT }) } : {}),
    },
  })
  return [
    change('POST', '/kdns/domain', 'Adds a record', RECORD),
    change('DELETE', '/kdns/domain', 'Removes a record', RECORD),
    change('POST', '/kdns/alldomains', 'Adds many records', many),
    change('DELETE', '/kdns/alldomains', 'Removes many records', many),
    show('/kdns/domain', 'All records', 'read', (call) => edits.passes.run(() => list(source, call)), listOf(RECORD)),
    show('/kdns/perdomain/:name', 'The records of a name', 'read', (call) => ofName(source, call), listOf(RECORD)),
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
      listOf(FIGURES),
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
const FIGURES: JsonSchema = { type: 'object' }
/** KDNS tells all that it has. */
const MAX_NAMES = 1000

/** KDNS's times are microseconds since 1970. How long names take is known for all of them together only. */
function topNames(source: Source): Reply {
  if (source.topNames === undefined) throw notHere('count of names')
  const microseconds = (at: Date) => 1000 * at.getTime()
  return jsonReply(
    source.topNames(MAX_NAMES).map(({ name, queries, firstSeen, lastSeen }) => ({
      ...{ Domain: name, QueryNum: queries },
      ...{ FirstQueryTime: microseconds(firstSeen), LastQueryTime: microseconds(lastSeen) },
    })),
  )
}

async function flush(source: Source, audit: Audit, call: Call): Promise<Reply> {
  if (source.cache === undefined) throw notHere('cache of answers')
  await source.cache.flush()
  audit.record({ ...whoAndWhen(call), action: 'flush' })
  return textReply('OK')
}

const VIEWS_ARE_OPTIONS = 'change of views: they are options of the server, which it can be told to reload'

function networksOf({ viewClients }: Source): object[] {
  return [...viewClients].flatMap(([viewName, clients]) => clients.map((cidrs) => ({ viewName, cidrs })))
}

async function changeAll(
  source: Source,
  edits: RecordEdits,
  call: Call,
  records: readonly KdnsRecord[],
  isAdded: boolean,
): Promise<Reply> {
  try {
    const names = groupByName(source, edits, records, isAdded)
    for (const edit of names) {
      requireScope(call.principal, edit.name)
      await edits.check(call, edit)
    }
    await Promise.all(names.map((edit) => edits.edit(call, edit)))
    return textReply('OK')
  } catch (error) {
    const { status } = problemOf(error)
    // KDNS has one text for all that is wrong with records.
    if (status === 400 || status === 422) return textReply('parse data err', status)
    throw error
  }
}

/** An edit for each name and view, in the order of its records. */
function groupByName(source: Source, edits: RecordEdits, records: readonly KdnsRecord[], isAdded: boolean): Edit[] {
  const groups = new Map<string, { name: string; view: string; records: KdnsRecord[] }>()
  for (const record of records) {
    const { viewName = NO_VIEW, domainName } = record
    const view = viewName === NO_VIEW ? DEFAULT_VIEW : viewName
    const name = fullName(source, domainName, record.zoneName)
    const key = `${name} ${view}`
    const group = groups.get(key) ?? { name, view, records: [] }
    group.records.push(record)
    groups.set(key, group)
  }
  return Array.from(groups.values(), ({ name, view, records }) => ({
    ...{ name, view },
    revise: (before) =>
      records.reduce<readonly RRset[]>(
        (rrsets, record) =>
          replacing(record.type, (current) => changed(edits, current, { name, view }, record, isAdded))(rrsets),
        before,
      ),
  }))
}

/** KDNS is given whole names; one that is not in the zone that it says is below that. */
function fullName(source: Source, domainName: string, zoneName: string): string {
  const name = canonicalName(domainName)
  const zone = canonicalName(zoneName)
  return zoneOf(name, source.zones) === undefined ? canonicalName(`${name}.${zone}`) : name
}

function changed(
  edits: RecordEdits,
  current: RRset | undefined,
  { name, view }: { name: string; view: string },
  record: KdnsRecord,
  isAdded: boolean,
): RRset | undefined {
  const { type, ttl = TTL, maxAnswer = 0, lbMode = 0 } = record
  const items = [dataOf(record)] as RecordData[]
  const data = changedData(edits, type, current?.data ?? [], isAdded ? items : [], isAdded ? [] : items)
  if (data.length === 0) return undefined
  if (!isAdded) return data.length === current?.data.length ? current : ({ ...current, data } as RRset)
  const policy = POLICIES[lbMode]
  const selection = {
    ...(policy === undefined ? {} : { policy }),
    ...(maxAnswer === 0 ? {} : { maxAnswers: maxAnswer }),
  }
  const isChosen = (type === 'A' || type === 'AAAA' || type === 'SRV') && Object.keys(selection).length > 0
  const { owner } = current ?? {}
  const whose = owner === undefined ? {} : { owner }
  return { name, type, ttl, data, ...viewOption(view), ...whose, ...(isChosen ? { selection } : {}) } as RRset
}

function dataOf({ type, host, lbMode, lbWeight = 0, priority = 0, weight = 0, port = 0 }: KdnsRecord): RecordData {
  if (type === 'SRV') return { priority, weight, port, target: host }
  const isWeighted = (type === 'A' || type === 'AAAA') && lbMode === WEIGHTED
  return isWeighted ? { address: host, weight: Math.max(1, lbWeight) } : host
}

async function list(source: Source, { principal }: Call): Promise<Reply> {
  const records: object[] = []
  for await (const rrset of source.records.list()) {
    if (isInScope(principal, rrset.name)) records.push(...shown(source, rrset))
  }
  return jsonReply(records)
}

async function ofName(source: Source, call: Call): Promise<Reply> {
  const name = canonicalName(call.params['name']!)
  requireScope(call.principal, name)
  const views = await Promise.all(source.views.map((view) => source.records.get(name, undefined, { view })))
  return jsonReply(views.flat().flatMap((rrset) => shown(source, rrset)))
}

function shown(source: Source, { name, type, ttl, data, view = NO_VIEW, selection }: RRset): object[] {
  if (!(TYPES as readonly RecordType[]).includes(type)) return []
  const zoneName = zoneOf(name, source.zones) ?? ''
  const common = { type, domainName: name, zoneName, viewName: view, ttl, maxAnswer: selection?.maxAnswers ?? 0 }
  const lbMode = Math.max(0, POLICIES.indexOf(selection?.policy))
  return (data as RecordData[]).map((item) => {
    if (type === 'SRV') {
      const { priority, weight, port, target } = item as SrvData
      return { ...common, host: target, priority, weight, port }
    }
    if (type === 'PTR' || type === 'CNAME') return { ...common, host: item }
    const lbWeight = typeof item === 'object' && 'weight' in item ? item.weight : 0
    return { ...common, host: addressIn(item), lbMode, lbWeight }
  })
}

/** Those of KDNS's figures that we have. */
function statistics(source: Source): Reply {
  const { counters, index } = statsOf(source) as { counters?: Record<string, number>; index?: { names: number } }
  if (counters === undefined) throw notHere('DNS server')
  const { queries = 0, responses = 0, dropped = 0, tcpQueries = 0 } = counters
  return jsonReply({
    ...{ domain_num: index?.names ?? 0, pkts_rcv: queries, dns_pkts_rcv: queries, dns_pkts_snd: responses },
    ...{ pkt_dropped: dropped, tcp_pkts_rcv: tcpQueries },
  })
}

/** As `stats().threads` has them. */
interface ThreadFigures {
  readonly role: string
  readonly queries: number
  readonly responses: number
  readonly dropped: number
}

/** KDNS has a thread a core. Ours are not bound to any, and are told by their numbers, which they keep for life. */
function threadStatistics(source: Source): Reply {
  const { threads } = statsOf(source) as { threads?: readonly ThreadFigures[] }
  if (threads === undefined) throw notHere('DNS server')
  return jsonReply(
    threads.map(({ role, queries, responses, dropped }, thread) => ({
      ...{ slave_lcore: thread, role, pkts_rcv: queries, dns_pkts_rcv: queries, dns_pkts_snd: responses },
      pkt_dropped: dropped,
    })),
  )
}
