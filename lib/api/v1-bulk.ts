import { DetailedError, type ErrorCode } from '../errors.js'
import type { RRset } from '../records/rrset.js'
import type { RecordType } from '../wire/rdata/record-type.js'
import { canonicalName, requireScope } from './access.js'
import { requireState } from './etag.js'
import { isOurs, problemOf } from './problem.js'
import {
  type Caller,
  type Edit,
  placedAt,
  type RecordEdits,
  recordType,
  replacing,
  viewOption,
} from './record-edits.js'
import { ok, type Route } from './route.js'
import { listOf, NAME, objectOf, PROBLEMS, RRSET, TYPE, VIEW } from './schemas.js'

type BulkChange =
  | { readonly action: 'put'; readonly rrset: RRset; readonly ifMatch?: string }
  | {
      readonly action: 'delete'
      readonly name: string
      readonly type?: string
      readonly view?: string
      readonly ifMatch?: string
    }

const ETAG = { type: 'string', description: 'As the header If-Match of a single request.' }
const CHANGE = {
  anyOf: [
    objectOf({ action: { const: 'put' }, rrset: RRSET, ifMatch: ETAG }, ['action', 'rrset']),
    objectOf({ action: { const: 'delete' }, name: NAME, type: TYPE, view: VIEW, ifMatch: ETAG }, ['action', 'name']),
  ],
}
const RESULT = objectOf(
  {
    name: NAME,
    view: VIEW,
    changes: { ...listOf({ type: 'integer' }), description: 'Which of the changes of the request, counted from 0.' },
    status: { type: 'string', enum: ['done', 'failed'] },
    code: { type: 'string' },
    detail: { type: 'string' },
  },
  ['name', 'changes', 'status'],
)

/** Many changes at once, all of them checked before the first is made. */
export function bulkRoutes(edits: RecordEdits, bulkLimit: number): Route[] {
  return [
    {
      ...{ method: 'POST', path: '/v1/bulk', access: 'write' },
      schema: {
        summary: 'Puts and deletes many RRsets',
        description:
          'All changes are checked before the first is made: if one is wrong, none is made (422, CDNS_BULK_REFUSED). Those of one name in one view are made in one step, in their order. Should some fail later, because somebody else has come between, 409 and CDNS_BULK_INCOMPLETE say which.',
        tags: ['records'],
        body: objectOf({ changes: { ...listOf(CHANGE), minItems: 1, maxItems: bulkLimit } }, ['changes']),
        response: { 200: objectOf({ results: listOf(RESULT) }, ['results']), ...PROBLEMS },
      },
      handle: async (call) => {
        const { changes } = call.body as { changes: readonly BulkChange[] }
        const groups = groupByName(changes)
        await checkAll(edits, call, groups)
        const results = await Promise.all(groups.map((group) => make(edits, call, group)))
        if (results.every(({ status }) => status === 'done')) return ok({ results })
        throw new DetailedError('CDNS_BULK_INCOMPLETE', 'some changes failed after others were made', { results })
      },
    },
  ]
}

/** The changes of one name in one view. */
interface Group extends Edit {
  readonly indexes: readonly number[]
  /** The change that was being made last. */
  readonly progress: { index: number }
}

interface Result {
  readonly name: string
  readonly view?: string
  readonly changes: readonly number[]
  readonly status: 'done' | 'failed'
  readonly code?: ErrorCode
  readonly detail?: string
}

/** Throws CDNS_BULK_REFUSED with what is wrong. */
function groupByName(changes: readonly BulkChange[]): Group[] {
  const groups = new Map<string, { name: string; view: string | undefined; parts: [number, BulkChange][] }>()
  const faults: object[] = []
  for (const [index, change] of changes.entries()) {
    try {
      const { name: text, view } = change.action === 'put' ? change.rrset : change
      const name = canonicalName(text)
      if (change.action === 'put') recordType(change.rrset.type)
      const key = `${name} ${viewOption(view).view ?? ''}`
      const group = groups.get(key) ?? { name, view, parts: [] }
      group.parts.push([index, change])
      groups.set(key, group)
    } catch (error) {
      faults.push(faultOf(index, error))
    }
  }
  refuse(faults)
  return Array.from(groups.values(), ({ name, view, parts }) => groupOf(name, view, parts))
}

function groupOf(name: string, view: string | undefined, parts: readonly [number, BulkChange][]): Group {
  const progress = { index: parts[0]![0] }
  return {
    ...{ name, view, progress, indexes: parts.map(([index]) => index) },
    revise: (before) => {
      let rrsets = before
      for (const [index, change] of parts) {
        progress.index = index
        rrsets = changed(rrsets, change, name)
      }
      return rrsets
    },
  }
}

function changed(rrsets: readonly RRset[], change: BulkChange, name: string): readonly RRset[] {
  const state = { ifMatch: change.ifMatch, ifNoneMatch: undefined }
  if (change.action === 'put') {
    const type = recordType(change.rrset.type)
    const wanted = placedAt(change.rrset, { name, type })
    return replacing(type, (current) => {
      requireState(state, current)
      return wanted
    })(rrsets)
  }
  const types: RecordType[] = change.type === undefined ? rrsets.map(({ type }) => type) : [recordType(change.type)]
  for (const type of types) {
    requireState(
      state,
      rrsets.find((each) => each.type === type),
    )
  }
  return rrsets.filter(({ type }) => !types.includes(type))
}

async function checkAll(edits: RecordEdits, caller: Caller, groups: readonly Group[]): Promise<void> {
  const faults: object[] = []
  for (const group of groups) {
    try {
      requireScope(caller.principal, group.name)
      await edits.check(caller, group)
    } catch (error) {
      faults.push(faultOf(group.progress.index, error))
    }
  }
  refuse(faults)
}

async function make(edits: RecordEdits, caller: Caller, group: Group): Promise<Result> {
  const what = { name: group.name, ...viewOption(group.view), changes: group.indexes }
  try {
    await edits.edit(caller, group)
    return { ...what, status: 'done' }
  } catch (error) {
    const { code, detail } = problemOf(error)
    return { ...what, status: 'failed', code, detail }
  }
}

function faultOf(index: number, error: unknown): object {
  if (!isOurs(error)) throw error
  const { code, detail } = problemOf(error)
  return { index, code, detail }
}

function refuse(faults: readonly object[]): void {
  if (faults.length === 0) return
  throw new DetailedError('CDNS_BULK_REFUSED', 'nothing was changed: some of the changes are wrong', { errors: faults })
}
