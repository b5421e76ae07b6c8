import type { RRset } from '../records/rrset.js'
import type { SelectionPolicy } from '../records/selection-options.js'
import { DEFAULT_VIEW } from '../records/view.js'
import type { RecordData, SrvData } from '../wire/rdata/record-data.js'
import type { RecordType } from '../wire/rdata/record-type.js'
import { canonicalName, isInScope, requireScope, zoneOf } from './access.js'
import { addressIn } from './origin-names.js'
import { jsonReply, textReply } from './origin-texts.js'
import { problemOf } from './problem.js'
import { changedData, type Edit, type RecordEdits, replacing, viewOption } from './record-edits.js'
import type { Call, JsonSchema, Reply } from './route.js'
import type { Source } from './source.js'

const TYPES = ['A', 'AAAA', 'PTR', 'CNAME', 'SRV'] as const
/** What KDNS calls the default view. */
const NO_VIEW = 'no_info'
const TTL = 30
/** lbMode 0, 1, 2 and 3; the first says nothing. */
const POLICIES: readonly (SelectionPolicy | undefined)[] = [undefined, 'rotate', 'weighted', 'clientHash']
const WEIGHTED = 2

/** A record as KDNS has it: by itself, with how to choose among those of its name. */
export interface KdnsRecord {
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
export const KDNS_RECORD: JsonSchema = {
  type: 'object',
  required: ['zoneName', 'domainName', 'type', 'host'],
  properties: {
    ...{ zoneName: TEXT, domainName: { ...TEXT, minLength: 1 }, type: { enum: TYPES }, host: TEXT },
    ttl: { type: 'integer', minimum: 0, maximum: 2147483647 },
    ...{ viewName: TEXT, maxAnswer: NUMBER, lbMode: { type: 'integer', enum: [0, 1, 2, 3] }, lbWeight: NUMBER },
    ...{ priority: NUMBER, weight: NUMBER, port: NUMBER },
  },
}

/** Adds or removes records, all of them or none that is refused. */
export async function changeAll(
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

/** Those that the token is for. */
export async function allRecords(source: Source, { principal }: Call): Promise<Reply> {
  const records: object[] = []
  for await (const rrset of source.records.list()) {
    if (isInScope(principal, rrset.name)) records.push(...shown(source, rrset))
  }
  return jsonReply(records)
}

/** In all views. */
export async function recordsOfName(source: Source, call: Call): Promise<Reply> {
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
