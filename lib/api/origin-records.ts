import type { RRset } from '../records/rrset.js'
import { splitText } from '../store/etcd/value-containerdns.js'
import type { Revise } from '../store/revise.js'
import type { MxData, RecordData, SrvData } from '../wire/rdata/record-data.js'
import type { RecordType } from '../wire/rdata/record-type.js'
import { canonicalName, isInScope, requireOwner, requireScope } from './access.js'
import {
  actingAs,
  addressIn,
  byFamily,
  entriesOf,
  hashLabel,
  labelOf,
  type OriginEntry,
  type OriginName,
  originName,
  refuseService,
  targetOf,
  textOfTxt,
} from './origin-names.js'
import { errorReply, fault, jsonReply, TEXTS, textReply } from './origin-texts.js'
import { changedData, type RecordEdits, replacing } from './record-edits.js'
import type { Call, JsonSchema, Method, Reply, Route } from './route.js'
import { listOf, plainText, TEXT_ERRORS } from './schemas.js'
import type { Source } from './source.js'

// The calls of ContainerDNS's own API, for programs that have been written for it: the bodies are its, and the status tells
// what happened. That a CNAME is posted to its target, and that records of a zone are posted to a name below it, is known here only.

/** The origin's own; what leaves of it say. */
const TTL = 30
const SRV_PRIORITY = 10
const SRV_WEIGHT = 10
/** Sees everybody's records, if the token is an admin's. */
const SEES_ALL = 'k8sSvc'

interface OriginBody {
  readonly type?: string
  readonly ips?: readonly string[]
  readonly ports?: readonly number[]
  readonly alias?: string
  readonly update?: Readonly<Record<string, string>>
  readonly nsHost?: string
  readonly mailHost?: string
  readonly mailPriority?: number
  readonly text?: string
}

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
  return [
    route('GET', '/containerdns/api', 'All names of a user', (call) => calls.all(call)),
    route('GET', '/containerdns/api/', 'All names of a user', (call) => calls.all(call)),
    route('GET', one, 'One name', (call) => calls.get(call)),
    route('POST', one, 'Adds to a name', (call) => calls.post(call)),
    route('PUT', one, 'Changes one address, or the name of one alias', (call) => calls.put(call)),
    route('DELETE', one, 'Removes records of a name', (call) => calls.remove(call)),
  ]
}

class OriginCalls {
  readonly #source: Source
  readonly #edits: RecordEdits

  constructor(source: Source, edits: RecordEdits) {
    this.#source = source
    this.#edits = edits
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
        await this.#addAddresses(call, place, body)
        break
      case 'SRV':
        await this.#addServices(call, place, body)
        break
      case 'CNAME':
        await this.#addAlias(call, place, body)
        break
      case 'NS':
      case 'MX':
      case 'TXT':
        await this.#addOfZone(call, place, body)
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
    if (type === 'A') await this.#changeAddress(call, place, before, after)
    else if (type === 'CNAME') await this.#renameAlias(call, place, before, after)
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
        await this.#removeAddresses(call, place, body)
        break
      case 'CNAME':
        // This name alone, and not what lies below it.
        await this.#edit(call, place.name, replacing('CNAME', found(TEXTS.noSuchName)))
        break
      case 'NS':
      case 'MX':
      case 'TXT':
        await this.#removeOfZone(call, place, body)
        break
      default:
        throw fault('CDNS_REQUEST_INVALID', TEXTS.unknownType)
    }
    return textReply(TEXTS.ok)
  }

  async #addAddresses(call: Call, place: OriginName, { ips = [] }: OriginBody): Promise<void> {
    refuseService(place)
    if (ips.length === 0) throw fault('CDNS_REQUEST_INVALID', TEXTS.noAddresses)
    const addresses = byFamily(ips)
    await this.#add(call, place.name, addresses)
    await this.#watch(place.name, [...addresses.A, ...addresses.AAAA], true)
  }

  /** Where there is a scanner, it looks after what these calls add, as the origin's does. */
  async #watch(name: string, addresses: readonly string[], isWanted: boolean): Promise<void> {
    await this.#source.store.watchHealth?.(this.#edits.canonicalAddresses(addresses), name, isWanted)
  }

  /** Each SRV leads to a name below, which has the address: this is what the origin answers. */
  async #addServices(call: Call, place: OriginName, { ips = [], ports = [] }: OriginBody): Promise<void> {
    refuseService(place)
    if (ips.length === 0) throw fault('CDNS_REQUEST_INVALID', TEXTS.noAddresses)
    if (ports.length === 0) throw fault('CDNS_REQUEST_INVALID', TEXTS.noPorts)
    if (ports.length !== ips.length) throw fault('CDNS_REQUEST_INVALID', TEXTS.portsDiffer)
    byFamily(ips)
    const services = ips.map((ip, i): SrvData => {
      const target = targetOf(place.name, ip)
      return { priority: SRV_PRIORITY, weight: SRV_WEIGHT, port: ports[i]!, target }
    })
    await this.#check(call, place.name, { SRV: services })
    // First what is led to.
    for (const ip of ips) await this.#add(call, targetOf(place.name, ip), byFamily([ip]))
    await this.#add(call, place.name, { SRV: services })
  }

  /** The URL is the target, `alias` the name that gets the record. */
  async #addAlias(call: Call, target: OriginName, { alias = '' }: OriginBody): Promise<void> {
    if (alias === '') throw fault('CDNS_REQUEST_INVALID', TEXTS.noName)
    const place = originName(this.#source, alias, 'alias ')
    refuseService(place)
    refuseService(target)
    for (const rrset of await this.#source.records.get(target.name)) requireOwner(call.principal, rrset)
    await this.#edit(call, place.name, (rrsets) => {
      if (rrsets.some(({ type }) => type === 'CNAME'))
        throw fault('CDNS_STORE_CONFLICT', `${TEXTS.exists}${target.name}.`)
      return [...rrsets, { name: place.name, type: 'CNAME', ttl: TTL, data: [target.name] }]
    })
  }

  async #addOfZone(call: Call, place: OriginName, body: OriginBody): Promise<void> {
    const label = labelOf(place)
    refuseService(place)
    const type = body.type!.toUpperCase() as 'NS' | 'MX' | 'TXT'
    const { data, address } = this.#ofZone(place, type, body)
    const addresses = address === undefined ? undefined : byFamily([address])
    const isThere = (rrset: RRset) =>
      rrset.type === type &&
      (rrset.data as RecordData[]).some((item) => same(item, data) || labelsOf(item, place).includes(label))
    const revise = this.#added(call, place.zone, { [type]: [data] })
    await this.#checkEdit(call, place.zone, revise)
    if (addresses !== undefined) await this.#add(call, place.name, addresses)
    await this.#edit(call, place.zone, (rrsets) => {
      if (rrsets.some(isThere)) throw fault('CDNS_STORE_CONFLICT', `${TEXTS.exists}${place.name}.`)
      return revise(rrsets)
    })
  }

  /** An address where a host is wanted makes `LABEL.ZONE` the host, with that address. */
  #ofZone({ name }: OriginName, type: 'NS' | 'MX' | 'TXT', body: OriginBody): { data: RecordData; address?: string } {
    const given = type === 'NS' ? body.nsHost : type === 'MX' ? body.mailHost : body.text
    if (given === undefined || given === '') throw fault('CDNS_REQUEST_INVALID', TEXTS.noName)
    if (type === 'TXT') return { data: this.#edits.canonicalData('TXT', [splitText(given)])[0]! }
    const isAddress = /^[\d.]+$|:/.test(given)
    const host = isAddress ? name : canonicalName(given)
    const data = type === 'NS' ? host : { preference: body.mailPriority ?? 0, exchange: host }
    return isAddress ? { data, address: given } : { data }
  }

  async #changeAddress(call: Call, { name }: OriginName, before: string, after: string): Promise<void> {
    const [from, to] = [byFamily([before]), byFamily([after])]
    await this.#edit(call, name, (rrsets) => {
      if (rrsets.length === 0) throw fault('CDNS_NOT_FOUND', TEXTS.noSuchName)
      const rest = this.#without(rrsets, from)
      if (rest === rrsets) throw fault('CDNS_NOT_FOUND', TEXTS.noSuchAddress)
      return this.#added(call, name, to)(rest)
    })
    await this.#watch(name, [before], false)
    await this.#watch(name, [after], true)
  }

  async #renameAlias(call: Call, target: OriginName, before: string, after: string): Promise<void> {
    const [from, to] = [originName(this.#source, before, 'alias '), originName(this.#source, after, 'alias ')]
    refuseService(from)
    refuseService(to)
    const [current] = await this.#source.records.get(from.name, 'CNAME')
    if (current === undefined) throw fault('CDNS_NOT_FOUND', TEXTS.noSuchAlias + before)
    if (current.data[0] !== target.name) throw fault('CDNS_STORE_CONFLICT', TEXTS.otherTarget + before)
    requireOwner(call.principal, current)
    if (from.name === to.name) return
    // First the new one: for a moment there are both, and never none.
    await this.#edit(call, to.name, (rrsets) => {
      if (rrsets.some(({ type }) => type === 'CNAME')) throw fault('CDNS_STORE_CONFLICT', `${TEXTS.exists}${to.name}.`)
      return [...rrsets, { name: to.name, type: 'CNAME', ttl: TTL, data: [target.name] }]
    })
    await this.#edit(
      call,
      from.name,
      replacing('CNAME', () => undefined),
    )
  }

  async #removeAddresses(call: Call, { name }: OriginName, { type = '', ips = [] }: OriginBody): Promise<void> {
    const isAll = ips.length === 0 || type === ''
    const wanted = isAll ? undefined : byFamily(ips)
    const services: SrvData[] = []
    let gone: readonly string[] = []
    await this.#edit(call, name, (rrsets) => {
      services.length = 0
      const held = rrsets.filter(({ type }) => isShownAt(type, 'A') && type !== 'CNAME')
      if (held.length === 0) throw fault('CDNS_NOT_FOUND', TEXTS.noSuchName)
      for (const rrset of held) {
        if (rrset.type !== 'SRV') continue
        for (const item of rrset.data)
          if (isAll || ips.some((ip) => item.target === targetOf(name, ip))) services.push(item)
      }
      const rest =
        wanted === undefined ? rrsets.filter((rrset) => !held.includes(rrset)) : this.#without(rrsets, wanted)
      const after = services.length === 0 ? rest : this.#withoutData(rest, 'SRV', services)
      if (after === rrsets) throw fault('CDNS_NOT_FOUND', TEXTS.noSuchAddress)
      const left = addressesOf(after)
      gone = addressesOf(rrsets).filter((address) => !left.includes(address))
      return after
    })
    await this.#watch(name, gone, false)
    for (const { target } of services) {
      if (!target.endsWith(`.${name}`)) continue
      await this.#edit(call, target, (rrsets) => rrsets.filter(({ type }) => type !== 'A' && type !== 'AAAA'))
    }
  }

  /** The record is told by its label, or by what the body says of it, or is the only one there. */
  async #removeOfZone(call: Call, place: OriginName, body: OriginBody): Promise<void> {
    const label = labelOf(place)
    const type = body.type!.toUpperCase() as 'NS' | 'MX' | 'TXT'
    const said = type === 'NS' ? body.nsHost : type === 'MX' ? body.mailHost : body.text
    const isMeant = (item: RecordData) =>
      labelsOf(item, place).includes(label) || (said !== undefined && textIn(item) === said.replace(/\.$/, ''))
    await this.#edit(call, place.zone, (rrsets) => {
      const current = rrsets.find((rrset) => rrset.type === type)
      const items = (current?.data ?? []) as RecordData[]
      const meant = items.filter(isMeant)
      const removed = meant.length === 0 && items.length === 1 ? items : meant
      if (removed.length === 0) throw fault('CDNS_NOT_FOUND', TEXTS.noSuchName)
      return this.#withoutData(rrsets, type, removed)
    })
  }

  #name(call: Call): OriginName {
    const place = originName(this.#source, call.params['domain']!)
    requireScope(call.principal, place.name)
    return place
  }

  async #edit(call: Call, name: string, revise: Revise): Promise<void> {
    requireScope(call.principal, name)
    await this.#edits.edit(call, { name, revise })
  }

  async #checkEdit(call: Call, name: string, revise: Revise): Promise<void> {
    await this.#edits.check(call, { name, revise })
  }

  async #check(call: Call, name: string, added: Added): Promise<void> {
    await this.#checkEdit(call, name, this.#added(call, name, added))
  }

  async #add(call: Call, name: string, added: Added): Promise<void> {
    await this.#edit(call, name, this.#added(call, name, added))
  }

  /** Whoever adds to a name must be whose all of it is. */
  #added({ principal }: Call, name: string, added: Added): Revise {
    return (before) => {
      for (const rrset of before) requireOwner(principal, rrset)
      let rrsets = before
      for (const [type, items] of Object.entries(added) as [RecordType, readonly RecordData[]][]) {
        if (items.length === 0) continue
        rrsets = replacing(type, (current) => {
          const data = changedData(this.#edits, type, current?.data ?? [], items, [])
          return { ttl: TTL, ...(current ?? { name, type }), data } as RRset
        })(rrsets)
      }
      return rrsets
    }
  }

  #without(rrsets: readonly RRset[], { A, AAAA }: { A: readonly string[]; AAAA: readonly string[] }): readonly RRset[] {
    return this.#withoutData(this.#withoutData(rrsets, 'A', A), 'AAAA', AAAA)
  }

  /** The same array if nothing of it was there. */
  #withoutData(rrsets: readonly RRset[], type: RecordType, items: readonly RecordData[]): readonly RRset[] {
    return replacing(type, (current) => {
      if (current === undefined || items.length === 0) return current
      const data = changedData(this.#edits, type, current.data, [], items)
      if (data.length === current.data.length) return current
      return data.length === 0 ? undefined : ({ ...current, data } as RRset)
    })(rrsets)
  }
}

function addressesOf(rrsets: readonly RRset[]): string[] {
  return rrsets
    .filter(({ type }) => type === 'A' || type === 'AAAA')
    .flatMap(({ data }) => (data as RecordData[]).map(addressIn))
}

type Added = Readonly<Partial<Record<RecordType, readonly RecordData[]>>>

/** What a call for a name shows: its addresses, services and alias, or those of a type. */
function isShownAt(held: RecordType, type: string): boolean {
  if (type !== '' && type !== 'A') return held === type
  return held === 'A' || held === 'AAAA' || held === 'SRV' || held === 'CNAME'
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

function found(text: string): (current: RRset | undefined) => undefined {
  return (current) => {
    if (current === undefined) throw fault('CDNS_NOT_FOUND', text)
    return undefined
  }
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

/** The labels that a record of the apex is known by: that of its key, and that of its host, if it stands in the zone. */
function labelsOf(item: RecordData, { zone }: OriginName): string[] {
  const text = textIn(item)
  const host = text.endsWith(`.${zone}`) ? [text.slice(0, -zone.length - 1)] : []
  return [hashLabel(text), ...host]
}

function textIn(item: RecordData): string {
  if (typeof item === 'object' && 'exchange' in item) return (item as MxData).exchange
  return typeof item === 'object' && 'address' in item ? addressIn(item) : textOfTxt(item)
}

function same(a: RecordData, b: RecordData): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
