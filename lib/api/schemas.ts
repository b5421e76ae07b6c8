import { DEFAULT_VIEW } from '../records/view.js'
import type { JsonSchema } from './route.js'

// JSON Schema of what the API takes and gives. What records must hold beyond their shape is for the library to check: it has a
// code for each fault. `propertyNames` and not `additionalProperties: false`, which a host's own validator may take for
// leave to drop what is not known.

const TEXT: JsonSchema = { type: 'string' }

export const NAME: JsonSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 1024,
  description: 'A domain name, absolute; the last dot may be left out. What is special is escaped as in a zone file.',
}

export const TYPE: JsonSchema = {
  type: 'string',
  pattern: '^[A-Za-z][A-Za-z0-9]{0,15}$',
  description: 'A record type: A, AAAA, CAA, CNAME, HTTPS, MX, NAPTR, NS, PTR, SOA, SRV, SVCB, TXT or TYPEnnn.',
}

export const VIEW: JsonSchema = {
  type: 'string',
  pattern: '^[A-Za-z0-9_-]{1,63}$',
  description: `One of the server's views. Left out: ${DEFAULT_VIEW}, or where several are listed, all of them.`,
}

const DATA_ITEM: JsonSchema = {
  description: 'As docs/records.md has it for the type: text, texts, or an object with numbers and names.',
  anyOf: [{ type: 'string' }, { type: 'array', items: TEXT }, { type: 'object' }],
}

const DATA: JsonSchema = { type: 'array', minItems: 1, maxItems: 16_384, items: DATA_ITEM }

const SELECTION: JsonSchema = { type: 'object', description: 'Which records are answered: see docs/selection.md.' }

export const OWNER: JsonSchema = { type: 'string', minLength: 1, maxLength: 255 }

const TTL: JsonSchema = { type: 'integer', minimum: 0, maximum: 2147483647 }

const RRSET_PROPERTIES = {
  name: NAME,
  type: TYPE,
  ttl: TTL,
  data: DATA,
  view: VIEW,
  selection: SELECTION,
  fallback: DATA,
  owner: OWNER,
}

export const RRSET: JsonSchema = objectOf(RRSET_PROPERTIES, ['name', 'type', 'data'])

/** In a body whose URL says the name and the type. */
export const RRSET_BODY: JsonSchema = objectOf(RRSET_PROPERTIES, ['data'])

export const RRSET_PATCH: JsonSchema = objectOf({
  ttl: TTL,
  add: { ...DATA, description: 'Items to add; an address that is there takes the new weight.' },
  remove: { ...DATA, description: 'Items to take away. With the last of them the RRset goes.' },
  selection: { anyOf: [SELECTION, { type: 'null' }] },
  fallback: { anyOf: [DATA, { type: 'null' }] },
  owner: OWNER,
})

export const HEALTH_STATE: JsonSchema = { type: 'string', enum: ['healthy', 'unhealthy', 'unknown'] }

export const ADDRESS_HEALTH: JsonSchema = objectOf({ address: TEXT, state: HEALTH_STATE }, ['address', 'state'])

const HEALTH_SOURCE: JsonSchema = { type: 'string', enum: ['program', 'store', 'probe'] }

/** With what is remembered of the last change: not of all addresses, where there are very many. */
export const KNOWN_HEALTH: JsonSchema = objectOf(
  { address: TEXT, state: HEALTH_STATE, since: TEXT, source: HEALTH_SOURCE, reason: TEXT },
  ['address', 'state'],
)

export const HEALTH_CHANGE: JsonSchema = objectOf(
  {
    at: TEXT,
    state: HEALTH_STATE,
    previous: HEALTH_STATE,
    source: HEALTH_SOURCE,
    reason: TEXT,
  },
  ['at', 'state', 'previous', 'source'],
)

export const PROBLEM: JsonSchema = {
  type: 'object',
  description: 'RFC 9457',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: { type: TEXT, title: TEXT, status: { type: 'integer' }, detail: TEXT, code: TEXT },
}

/** An object that has these properties and no others. */
export function objectOf(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
): JsonSchema {
  return { type: 'object', propertyNames: { enum: Object.keys(properties) }, properties, required }
}

export function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items }
}

/** What every route may answer beside its own: problems. */
export const PROBLEMS: Readonly<Record<string, JsonSchema>> = Object.fromEntries(
  ['4xx', '5xx'].map((status) => [
    status,
    { description: 'A problem', content: { 'application/problem+json': { schema: PROBLEM } } },
  ]),
)

/** The same for the calls of ContainerDNS and KDNS, whose errors are texts. */
export const TEXT_ERRORS: Readonly<Record<string, JsonSchema>> = Object.fromEntries(
  ['4xx', '5xx'].map((status) => [status, plainText('What went wrong, in a line')]),
)

export function plainText(description: string): JsonSchema {
  return { description, content: { 'text/plain': { schema: TEXT } } }
}

export const NOTHING: JsonSchema = { description: 'Done; there is nothing to tell.', type: 'null' }
