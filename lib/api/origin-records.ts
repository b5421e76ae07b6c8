import type { RRset } from '../records/rrset.js'
import { isInScope, requireScope } from './access.js'
import { OriginAddresses } from './origin-addresses.js'
import { OriginAliases } from './origin-aliases.js'
import { isShownAt, type OriginBody, OriginEdits } from './origin-edits.js'
import { actingAs, entriesOf, type OriginEntry, type OriginName, originName, refuseService } from './origin-names.js'
import { errorReply, fault, jsonReply, TEXTS, textReply } from './origin-texts.js'
import { OriginZoneRecords } from './origin-zone-records.js'
import type { RecordEdits } from './record-edits.js'
import type { Call, JsonSchema, Method, Reply, Route } from './route.js'
import { listOf, plainText, TEXT_ERRORS } from './schemas.js'
import type { Source } from './source.js'

// The calls of ContainerDNS's own API, for programs that have been written for it: the bodies are its, and the status tells
// what happened. That a CNAME is posted to its target, and that records of a zone are posted to a name below it, is known here only.

/** Sees everybody's records, if the token is an admin's. */
const SEES_ALL = 'k8sSvc'

const TEXT = { type: 'string' }
const BODY: JsonSchema = {
  type: 'object',
  properties: {
    type: { ...TEXT, description: 'A, SRV, CNAME, NS, MX or TXT, in any case' },
    ips: { ...listOf(TEXT), maxItems: 4096 },
    ports: listOf({ type: 'integer', minimum: 0, maximum: 65535 }),
    alias: { ...TEXT, description: 'CNAME: the name that is to lead to the one in the URL' },
    update: { type: 'object', additionalProperties: TEXT, description: 'The old one and the new one' },
    nsHost: TEXT,
    mailHost: TEXT,
    mailPriority: { type: 'integer', minimum: 0, maximum: 65535 },
    text: TEXT,
  },
}
const QUERY: JsonSchema = {
  type: 'object',
  properties: { user: TEXT, token: TEXT, type: TEXT },
}

/** `/containerdns/api`. */
export function originRecordRoutes(source: Source, edits: RecordEdits): Route[] {
  const calls = new OriginCalls(source, edits)
  const route = (method: Method, path: string, summary: string, handle: (call: Call) => Promise<Reply>): Route => ({
    ...{ method, path, access: method === 'GET' ? 'read' : 'write', errors: 'origin' },
    schema: {
      ...{ summary, tags: ['ContainerDNS'], querystring: QUERY },
      ...(path.endsWith(':domain') ? { params: { type: 'object', properties: { domain: TEXT } } } : {}),
      ...(method === 'GET' ? {} : { body: BODY }),
      response: {
        200: method === 'GET' ? { type: 'object', description: 'Entries by name' } : plainText('OK'),
        ...TEXT_ERRORS,
      },
    },
    handle: (call) => handle(call).catch(errorReply),
  })
  const one = '/containerdns/api/:domain'
  const all = (call: Call) => edits.passes.run(() => calls.all(call))
  return [
    route('GET', '/containerdns/api', 'All names of a user', all),
    route('GET', '/containerdns/api/', 'All names of a user', all),
    route('GET', one, 'One name', (call) => calls.get(call)),
    route('POST', one, 'Adds to a name', (call) => calls.post(call)),
    route('PUT', one, 'Changes one address, or the name of one alias', (call) => calls.put(call)),
    route('DELETE', one, 'Removes records of a name', (call) => calls.remove(call)),
  ]
}

class OriginCalls {
  readonly #source: Source
  readonly #edits: OriginEdits
  readonly #addresses: OriginAddresses
  readonly #aliases: OriginAliases
  readonly #ofZones: OriginZoneRecords

  constructor(source: Source, edits: RecordEdits) {
    this.#source = source
    this.#edits = new OriginEdits(source, edits)
    this.#addresses = new OriginAddresses(this.#edits)
    this.#aliases = new OriginAliases(this.#edits)
    this.#ofZones = new OriginZoneRecords(this.#edits)
  }

  async all(call: Call): Promise<Reply> {
    const isSeen = seenBy(call)
    const found = new Map<string, OriginEntry>()
    for await (const rrset of this.#source.records.list({ view: 'default' })) {
      if (!isSeen(rrset) || !isInScope(call.principal, rrset.name)) continue
      for (const [name, entry] of await entriesOf(this.#source, [rrset])) add(found, name, entry)
    }
    return jsonReply(Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1))))
  }

  async get(call: Call): Promise<Reply> {
    const { name, zone } = this.#name(call)
    const type = String(call.query['type'] ?? '').toUpperCase()
    if (name === zone && type === '') throw fault('CDNS_REQUEST_INVALID', TEXTS.noType)
    const isSeen = seenBy(call)
    const ofZone = type === 'NS' || type === 'MX' || type === 'TXT'
    const rrsets = (await this.#edits.read(call, name)).filter(
      (rrset) => isSeen(rrset) && (ofZone ? rrset.type === type : isShownAt(rrset.type, type)),
    )
    const found = new Map<string, OriginEntry>()
    for (const [key, entry] of await entriesOf(this.#source, rrsets)) add(found, key, entry)
    if (found.size === 0) throw fault('CDNS_NOT_FOUND', TEXTS.noSuchName)
    return jsonReply(Object.fromEntries(found))
  }

  async post(given: Call): Promise<Reply> {
    const call = actingAs(given)
    const body = (call.body ?? {}) as OriginBody
    const place = this.#name(call)
    switch ((body.type ?? '').toUpperCase()) {
      case '':
        throw fault('CDNS_REQUEST_INVALID', TEXTS.typeUnsupported)
      case 'A':
        await this.#addresses.add(call, place, body)
        break
      case 'SRV':
        await this.#addresses.addServices(call, place, body)
        break
      case 'CNAME':
        await this.#aliases.add(call, place, body)
        break
      case 'NS':
      case 'MX':
      case 'TXT':
        await this.#ofZones.add(call, place, body)
        break
      default:
        throw fault('CDNS_REQUEST_INVALID', TEXTS.unknownType)
    }
    return textReply(TEXTS.ok)
  }

  async put(given: Call): Promise<Reply> {
    const call = actingAs(given)
    const body = (call.body ?? {}) as OriginBody
    const place = this.#name(call)
    const updates = Object.entries(body.update ?? {})
    const type = (body.type ?? '').toUpperCase()
    if (type === '') throw fault('CDNS_REQUEST_INVALID', TEXTS.typeUnsupported)
    if (updates.length === 0) throw fault('CDNS_REQUEST_INVALID', TEXTS.noUpdate)
    if (updates.length > 1) throw fault('CDNS_REQUEST_INVALID', TEXTS.oneUpdate)
    const [before, after] = updates[0]!
    refuseService(place)
    if (type === 'A') await this.#addresses.change(call, place, before, after)
    else if (type === 'CNAME') await this.#aliases.rename(call, place, before, after)
    else throw fault('CDNS_REQUEST_INVALID', TEXTS.unknownType)
    return textReply(TEXTS.ok)
  }

  async remove(given: Call): Promise<Reply> {
    const call = actingAs(given)
    const body = (call.body ?? {}) as OriginBody
    const place = this.#name(call)
    refuseService(place)
    switch ((body.type ?? '').toUpperCase()) {
      case '':
      case 'A':
      case 'SRV':
        await this.#addresses.remove(call, place, body)
        break
      case 'CNAME':
        await this.#aliases.remove(call, place)
        break
      case 'NS':
      case 'MX':
      case 'TXT':
        await this.#ofZones.remove(call, place, body)
        break
      default:
        throw fault('CDNS_REQUEST_INVALID', TEXTS.unknownType)
    }
    return textReply(TEXTS.ok)
  }

  #name(call: Call): OriginName {
    const place = originName(this.#source, call.params['domain']!)
    requireScope(call.principal, place.name)
    return place
  }
}

/** Their own, of whoever the call speaks for. */
function seenBy(call: Call): (rrset: RRset) => boolean {
  const { principal, query } = call
  if (
    principal.isAdmin &&
    (query['user'] === SEES_ALL || (query['user'] === undefined && principal.name === undefined))
  ) {
    return () => true
  }
  const { name } = actingAs(call).principal
  return ({ owner }) => owner === name
}

/** Of two with one name, as of A and AAAA, the addresses add up. */
function add(entries: Map<string, OriginEntry>, name: string, entry: OriginEntry): void {
  const there = entries.get(name)
  if (there?.type === 'A' && entry.type === 'A') {
    entries.set(name, { ...there, ips: [...there.ips!, ...entry.ips!] })
  } else if (there === undefined) {
    entries.set(name, entry)
  }
}
