import { ContainerDnsError } from '../errors.js'
import type { RRset } from '../records/rrset.js'
import { nameToText } from '../wire/name.js'
import type { RecordData } from '../wire/rdata/record-data.js'
import type { RecordType } from '../wire/rdata/record-type.js'
import { canonicalName, isInScope, requireScope, zoneOf } from './access.js'
import { etagOf, names, requireState } from './etag.js'
import { listPage, MAX_PAGE, PAGE } from './list-page.js'
import {
  changedData,
  type Edited,
  placedAt,
  type RecordEdits,
  recordType,
  replacing,
  viewOption,
} from './record-edits.js'
import { type Call, ok, type Reply, type Route } from './route.js'
import { listOf, NAME, NOTHING, objectOf, PROBLEMS, RRSET, RRSET_BODY, RRSET_PATCH, TYPE, VIEW } from './schemas.js'
import type { Source } from './source.js'

const TAGS = ['records']
const PLACE = { zone: NAME, name: NAME, type: TYPE }
const IN_VIEW = { view: VIEW }
const PAGED = {
  limit: { type: 'integer', minimum: 1, maximum: MAX_PAGE, default: PAGE },
  cursor: { type: 'string', maxLength: 4096, description: 'What the page before has given as `cursor`.' },
}
const PAGE_BODY = objectOf({ rrsets: listOf(RRSET), cursor: { type: 'string' } }, ['rrsets'])

/** Zones, and RRsets by their names. */
export function recordRoutes(source: Source, edits: RecordEdits): Route[] {
  return [
    ...zoneRoutes(source),
    ...listRoutes(source, edits),
    ...nameRoutes(source, edits),
    ...rrsetRoutes(source, edits),
  ]
}

function zoneRoutes(source: Source): Route[] {
  const zone = objectOf({ name: NAME }, ['name'])
  return [
    {
      ...{ method: 'GET', path: '/v1/zones', access: 'read' },
      schema: {
        ...{ summary: 'The zones that are answered for, as far as the token is for them', tags: TAGS },
        response: { 200: objectOf({ zones: listOf(zone) }, ['zones']), ...PROBLEMS },
      },
      handle: ({ principal }) => {
        const isOfInterest = (name: string) =>
          isInScope(principal, name) ||
          (principal.zones ?? []).some((each) => zoneOf(nameToText(each), source.zones) === name)
        return ok({ zones: source.zones.filter(isOfInterest).map((name) => ({ name })) })
      },
    },
    {
      ...{ method: 'GET', path: '/v1/zones/:zone', access: 'read' },
      schema: {
        ...{ summary: 'One zone', tags: TAGS, params: objectOf({ zone: NAME }) },
        response: { 200: objectOf({ name: NAME, views: listOf(VIEW) }, ['name', 'views']), ...PROBLEMS },
      },
      handle: ({ params }) => ok({ name: zoneNamed(source, params['zone']!), views: source.views }),
    },
  ]
}

function listRoutes(source: Source, edits: RecordEdits): Route[] {
  const contains = { type: 'string', minLength: 1, maxLength: 1024, description: 'A part of their names.' }
  const filter = { type: TYPE, view: VIEW, contains, ...PAGED }
  const description = 'In the order of names. Each page is a pass over all records: take large ones to read everything.'
  const page = (call: Call, under: string | undefined) => edits.passes.run(() => listPage(source, call, under))
  return [
    {
      ...{ method: 'GET', path: '/v1/rrsets', access: 'read' },
      schema: {
        ...{ summary: 'RRsets of all zones, a page at a time', description, tags: TAGS },
        querystring: objectOf({ under: NAME, ...filter }),
        response: { 200: PAGE_BODY, ...PROBLEMS },
      },
      handle: (call) => page(call, call.query['under'] as string | undefined),
    },
    {
      ...{ method: 'GET', path: '/v1/zones/:zone/rrsets', access: 'read' },
      schema: {
        ...{ summary: 'RRsets of a zone, a page at a time', description, tags: TAGS },
        params: objectOf({ zone: NAME }),
        querystring: objectOf(filter),
        response: { 200: PAGE_BODY, ...PROBLEMS },
      },
      handle: (call) => page(call, zoneNamed(source, call.params['zone']!)),
    },
  ]
}

function nameRoutes(source: Source, edits: RecordEdits): Route[] {
  const path = '/v1/zones/:zone/rrsets/:name'
  const params = objectOf({ zone: NAME, name: NAME })
  return [
    {
      ...{ method: 'GET', path, access: 'read' },
      schema: {
        ...{ summary: 'All RRsets of a name in a view', tags: TAGS, params, querystring: objectOf(IN_VIEW) },
        response: { 200: objectOf({ rrsets: listOf(RRSET) }, ['rrsets']), ...PROBLEMS },
      },
      handle: async (call) => {
        const { name, view } = placeOf(source, call)
        return ok({ rrsets: await edits.read(call, name, view) })
      },
    },
    {
      ...{ method: 'DELETE', path, access: 'write' },
      schema: {
        ...{ summary: 'Removes all RRsets of a name in a view', tags: TAGS, params, querystring: objectOf(IN_VIEW) },
        response: { 204: NOTHING, ...PROBLEMS },
      },
      handle: async (call) => {
        const { name, view } = placeOf(source, call)
        requireScope(call.principal, name)
        const { before } = await edits.edit(call, { name, view, revise: () => [] })
        if (before.length === 0) throw noSuch(`${name} has no RRset`)
        return { status: 204 }
      },
    },
  ]
}

function rrsetRoutes(source: Source, edits: RecordEdits): Route[] {
  const path = '/v1/zones/:zone/rrsets/:name/:type'
  const common = { tags: TAGS, params: objectOf(PLACE), querystring: objectOf(IN_VIEW) }
  const description =
    'With If-Match, done only while the RRset is in the state of that ETag (412 otherwise); with If-None-Match: *, only while there is none.'
  return [
    {
      ...{ method: 'GET', path, access: 'read' },
      schema: { summary: 'One RRset, with its ETag', ...common, response: { 200: RRSET, 304: NOTHING, ...PROBLEMS } },
      handle: async (call) => {
        const { name, type, view } = rrsetPlaceOf(source, call)
        const rrset = (await edits.read(call, name, view)).find((each) => each.type === type)
        if (rrset === undefined) throw noSuch(`${name} has no ${type} RRset`)
        const etag = etagOf(rrset)
        const known = call.header('if-none-match')
        if (known !== undefined && names(known, etag)) return { status: 304, headers: { etag } }
        return ok(rrset, { etag })
      },
    },
    {
      ...{ method: 'PUT', path, access: 'write' },
      schema: {
        ...{ summary: 'Replaces an RRset, or creates it', description, ...common, body: RRSET_BODY },
        response: { 200: RRSET, 201: RRSET, ...PROBLEMS },
      },
      handle: (call) => {
        const place = rrsetPlaceOf(source, call)
        const wanted = placedAt(call.body as object, place)
        return replace(edits, call, { ...place, view: place.view ?? wanted.view }, () => wanted)
      },
    },
    {
      ...{ method: 'PATCH', path, access: 'write' },
      schema: {
        ...{ summary: 'Adds data to an RRset, takes some away, or changes what it says beside', ...common },
        description: `What is not named stays, so that edits of several clients add up without ETags. ${description}`,
        body: RRSET_PATCH,
        response: { 200: RRSET, 201: RRSET, 204: NOTHING, ...PROBLEMS },
      },
      handle: (call) => {
        const place = rrsetPlaceOf(source, call)
        return replace(edits, call, place, (current) => patched(edits, place, current, call.body as RRsetPatch))
      },
    },
    {
      ...{ method: 'DELETE', path, access: 'write' },
      schema: { summary: 'Removes an RRset', description, ...common, response: { 204: NOTHING, ...PROBLEMS } },
      handle: async (call) => {
        const place = rrsetPlaceOf(source, call)
        return replace(edits, call, place, (current) => {
          if (current === undefined) throw noSuch(`${place.name} has no ${place.type} RRset`)
          return undefined
        })
      },
    },
  ]
}

interface Place {
  readonly name: string
  readonly type: RecordType
  readonly view?: string | undefined
}

interface RRsetPatch {
  readonly ttl?: number
  readonly add?: readonly RecordData[]
  readonly remove?: readonly RecordData[]
  readonly selection?: object | null
  readonly fallback?: readonly RecordData[] | null
  readonly owner?: string
}

/** Changes one RRset while it is in the state that the request demands. */
async function replace(
  edits: RecordEdits,
  call: Call,
  { name, type, view }: Place,
  change: (current: RRset | undefined) => RRset | undefined,
): Promise<Reply> {
  requireScope(call.principal, name)
  const state = { ifMatch: call.header('if-match'), ifNoneMatch: call.header('if-none-match') }
  const revise = replacing(type, (current) => {
    requireState(state, current)
    return change(current)
  })
  const edited = await edits.edit(call, { name, view, revise })
  return replyOf(edited, type)
}

function replyOf({ before, after }: Edited, type: RecordType): Reply {
  const rrset = after.find((each) => each.type === type)
  if (rrset === undefined) return { status: 204 }
  const isNew = before.every((each) => each.type !== type)
  return { status: isNew ? 201 : 200, body: rrset, headers: { etag: etagOf(rrset) } }
}

function patched(
  edits: RecordEdits,
  { name, type, view }: Place,
  current: RRset | undefined,
  { ttl, add = [], remove = [], selection, fallback, owner }: RRsetPatch,
): RRset | undefined {
  if (current === undefined && add.length === 0) throw noSuch(`${name} has no ${type} RRset`)
  const data = changedData(edits, type, current?.data ?? [], add, remove)
  if (data.length === 0) return undefined
  const before = current ?? { name, type, ...viewOption(view) }
  const next: Record<string, unknown> = { ...before, data }
  for (const [key, value] of Object.entries({ ttl, selection, fallback, owner })) {
    if (value === null) delete next[key]
    else if (value !== undefined) next[key] = value
  }
  return next as unknown as RRset
}

function rrsetPlaceOf(source: Source, call: Call): Place {
  return { ...placeOf(source, call), type: recordType(call.params['type']!) }
}

/** The name must be in the zone that is named before it: CDNS_NOT_FOUND otherwise. */
function placeOf(source: Source, { params, query }: Call): { name: string; view?: string } {
  const zone = zoneNamed(source, params['zone']!)
  const name = canonicalName(params['name']!)
  if (zoneOf(name, source.zones) !== zone) throw noSuch(`${name} is not in the zone ${zone}`)
  return { name, ...viewOption(query['view'] as string | undefined) }
}

function zoneNamed(source: Source, text: string): string {
  const zone = canonicalName(text)
  if (source.zones.includes(zone)) return zone
  throw noSuch(`there is no zone ${zone} here`)
}

export function noSuch(message: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_NOT_FOUND', message)
}
