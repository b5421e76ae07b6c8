import { isIP } from 'node:net'
import { isOwner, KUBERNETES, type RRset } from '../records/rrset.js'
import { fnv32a } from '../store/etcd/new-leaves.js'
import type { MxData, RecordData, SrvData } from '../wire/rdata/record-data.js'
import { canonicalName, type Principal, VERBS, zoneOf } from './access.js'
import { fault, TEXTS } from './origin-texts.js'
import type { Call } from './route.js'
import type { Source } from './source.js'

/** A name of ours as one of these calls says it. */
export interface OriginName {
  readonly name: string
  readonly zone: string
}

/** A name without a dot is one of the first zone. Throws CDNS_NAME_OUT_OF_ZONE. */
export function originName({ zones }: Source, text: string, where = ''): OriginName {
  const given = canonicalName(text)
  const name = given.includes('.') || zones.includes(given) ? given : `${given}.${zones[0]!}`
  const zone = zoneOf(name, zones)
  if (zone === undefined) throw fault('CDNS_NAME_OUT_OF_ZONE', where + TEXTS.notOurs)
  return { name, zone }
}

/** `svc` of each zone is what Kubernetes writes; for both sides of an alias, too. Throws CDNS_RECORD_READ_ONLY. */
export function refuseService({ name, zone }: OriginName): void {
  if (zoneOf(name, [`svc.${zone}`]) !== undefined) throw fault('CDNS_RECORD_READ_ONLY', TEXTS.kubernetes)
}

/** The label of `LABEL.ZONE`, which stands for one NS, MX or TXT of the zone. Throws CDNS_REQUEST_INVALID at the apex, where there is none. */
export function labelOf({ name, zone }: OriginName): string {
  if (name === zone) throw fault('CDNS_REQUEST_INVALID', TEXTS.noName)
  return name.slice(0, -zone.length - 1)
}

/** The label that a record of the apex has where we have written it. */
function hashLabel(text: string): string {
  return fnv32a(text).toString(16)
}

/** The name that an SRV for an address leads to: below its own, as ContainerDNS has it. */
export function targetOf(name: string, address: string): string {
  return `${hashLabel(address)}.${name}`
}

/**
 * Whoever `user=` says, else the token's principal. An admin's token may speak for anybody, and then is no admin's: this is how the
 * origin's one token was used. Throws CDNS_FORBIDDEN.
 */
export function actingAs<T extends Call>(call: T): T {
  const { principal } = call
  const user = call.query['user']
  if (user === undefined || user === '' || user === principal.name) return call
  if (!principal.isAdmin || user === KUBERNETES || !isOwner(user)) throw fault('CDNS_FORBIDDEN', TEXTS.notYours)
  const acted: Principal = { name: user, isAdmin: false, verbs: new Set(VERBS), zones: undefined }
  return { ...call, principal: acted }
}

/** One name as the origin shows it. The order of fields is its, too. */
export interface OriginEntry {
  readonly 'alias-domain'?: string
  readonly type: string
  readonly ips?: readonly string[]
  readonly ports?: readonly number[]
  readonly nsHost?: string
  readonly mailHost?: string
  readonly mailPriority?: number
  readonly text?: string
  readonly user?: string
}

/** What the origin has of a name's RRsets, by its names for them, which end with a dot. */
export async function entriesOf(source: Source, rrsets: readonly RRset[]): Promise<[string, OriginEntry][]> {
  const entries: [string, OriginEntry][] = []
  for (const rrset of rrsets) {
    const { name, type, owner } = rrset
    const user = owner === undefined ? {} : { user: owner }
    for (const [below, entry] of await shownAs(source, rrset)) {
      entries.push([`${below}${name}.`, { ...entry, ...user, type: type === 'AAAA' ? 'A' : type } as OriginEntry])
    }
  }
  return entries
}

async function shownAs(source: Source, { name, type, data }: RRset): Promise<[string, object][]> {
  const items = data as RecordData[]
  switch (type) {
    case 'A':
    case 'AAAA':
      return [['', { type, ips: items.map(addressIn) }]]
    case 'CNAME':
      return [['', { 'alias-domain': `${items[0] as string}.`, type }]]
    case 'SRV':
      return [['', await shownService(source, items as SrvData[])]]
    case 'NS':
    case 'MX':
    case 'TXT':
      return shownOfZone(source, type, items, labelsAt(source, name, type))
    default:
      return []
  }
}

async function shownOfZone(
  source: Source,
  type: 'NS' | 'MX' | 'TXT',
  items: readonly RecordData[],
  labelsFor: (item: RecordData) => string[],
): Promise<[string, object][]> {
  const labelFor = (item: RecordData) => labelsFor(item)[0]!
  switch (type) {
    case 'NS':
      return Promise.all(
        items.map(async (host): Promise<[string, object]> => {
          const nsHost = await addressOf(source, host as string)
          return [`${labelFor(host)}.ns.dns.`, { type, nsHost }]
        }),
      )
    case 'MX':
      return (items as MxData[]).map((item) => [
        `${labelFor(item)}.mail.`,
        { type, mailHost: item.exchange, mailPriority: item.preference },
      ])
    case 'TXT':
      return items.map((item) => [`${labelFor(item)}.txt.`, { type, text: textOfTxt(item) }])
  }
}

/**
 * The labels that an NS, MX or TXT of a zone goes by, the first of them to be shown: what the store keeps, else the hash of what it
 * says, and before that the first of the host that it leads to, where that stands in the zone.
 */
export function labelsAt({ store }: Source, zone: string, type: string): (item: RecordData) => string[] {
  const kept = (store.labels?.(zone) ?? []).filter((each) => each.type === type)
  return (item) => {
    const written = JSON.stringify(item)
    const own = kept.filter(({ data }) => JSON.stringify(data) === written).map(({ label }) => label)
    if (own.length > 0) return own
    const text = textIn(item)
    const host = type !== 'TXT' && text.endsWith(`.${zone}`) ? [text.slice(0, -zone.length - 1)] : []
    return [...host, hashLabel(text)]
  }
}

async function shownService(source: Source, items: readonly SrvData[]): Promise<object> {
  const ips = await Promise.all(items.map(({ target }) => addressOf(source, target)))
  return { type: 'SRV', ips, ports: items.map(({ port }) => port) }
}

/** An address where the host has one, as the origin has nothing else; and else its name. */
async function addressOf({ records }: Source, host: string): Promise<string> {
  const [found] = await records.get(host, 'A')
  return found === undefined ? host : addressIn(found.data[0] as RecordData)
}

/** What a record says, of which the origin makes a hash. */
export function textIn(item: RecordData): string {
  if (typeof item === 'object' && 'exchange' in item) return (item as MxData).exchange
  return typeof item === 'object' && 'address' in item ? addressIn(item) : textOfTxt(item)
}

export function addressIn(item: RecordData): string {
  return typeof item === 'object' && 'address' in item ? item.address : (item as string)
}

function textOfTxt(item: RecordData): string {
  return Array.isArray(item) ? item.join('') : String(item)
}

/** Addresses by family. Throws CDNS_ADDRESS_INVALID. */
export function byFamily(addresses: readonly string[]): { A: string[]; AAAA: string[] } {
  const sorted = { A: [] as string[], AAAA: [] as string[] }
  for (const address of addresses) {
    const family = isIP(address)
    if (family === 0) throw fault('CDNS_ADDRESS_INVALID', TEXTS.notAnAddress)
    sorted[family === 4 ? 'A' : 'AAAA'].push(address)
  }
  return sorted
}
