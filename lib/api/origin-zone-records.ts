import type { RRset } from '../records/rrset.js'
import { splitText } from '../store/etcd/value-containerdns.js'
import type { MxData, RecordData } from '../wire/rdata/record-data.js'
import { canonicalName } from './access.js'
import { addressesOf, type OriginBody, type OriginEdits } from './origin-edits.js'
import { byFamily, labelOf, labelsAt, type OriginName, refuseService, textIn } from './origin-names.js'
import { fault, TEXTS } from './origin-texts.js'
import type { Call } from './route.js'

type OfZone = 'NS' | 'MX' | 'TXT'

/**
 * The calls for NS, MX and TXT: they are of the zone, and posted to a name below it, whose label is what the record is called.
 * MX and TXT keep it in etcd. That of an NS is the first of its host's name, if that is in the zone.
 */
export class OriginZoneRecords {
  readonly #edits: OriginEdits

  constructor(edits: OriginEdits) {
    this.#edits = edits
  }

  async add(call: Call, place: OriginName, body: OriginBody): Promise<void> {
    const label = labelOf(place)
    refuseService(place)
    const type = typeOf(body)
    const { data, address } = this.#dataOf(place, type, body)
    const addresses = address === undefined ? undefined : byFamily([address])
    const revise = this.#edits.added(call, place.zone, { [type]: [data] })
    const isThere = this.#meant(place, type, label)
    await this.#edits.check(call, place.zone, revise)
    const refuseSecond = (rrsets: readonly RRset[]) => {
      const items = (rrsets.find((rrset) => rrset.type === type)?.data ?? []) as RecordData[]
      if (items.some((item) => isThere(item) || JSON.stringify(item) === JSON.stringify(data)))
        throw fault('CDNS_STORE_CONFLICT', `${TEXTS.exists}${place.name}.`)
    }
    refuseSecond(await this.#edits.source.records.get(place.zone, type))
    if (addresses !== undefined) await this.#edits.add(call, place.name, addresses)
    await this.#edits.edit(
      call,
      place.zone,
      (rrsets) => {
        refuseSecond(rrsets)
        return revise(rrsets)
      },
      label,
    )
  }

  /** The one of the label. Where labels are not kept, or are more than one, also the one that the body tells of, or the only one there. */
  async remove(call: Call, place: OriginName, body: OriginBody): Promise<void> {
    const type = typeOf(body)
    const label = labelOf(place)
    const isMeant = this.#meant(place, type, label)
    const said = saidIn(type, body)?.replace(/\.$/, '')
    const isTold = (item: RecordData) => said !== undefined && textIn(item) === said
    let removed: readonly RecordData[] = []
    const hasLabels = type !== 'NS' && !label.includes('.') && this.#edits.source.store.labels !== undefined
    await this.#edits.edit(call, place.zone, (rrsets) => {
      const items = (rrsets.find((rrset) => rrset.type === type)?.data ?? []) as RecordData[]
      const found = items.filter((item) => isMeant(item) || (!hasLabels && isTold(item)))
      removed = found.length === 0 && items.length === 1 && !hasLabels ? items : found
      if (removed.length === 0) throw fault('CDNS_NOT_FOUND', TEXTS.noSuchName)
      return this.#edits.withoutData(rrsets, type, removed)
    })
    if (type !== 'TXT' && said !== undefined && removed.some((item) => hostOf(item) === place.name))
      await this.#removeAddress(call, place, said)
  }

  /**
   * The address that a host was posted as goes with the last record of that host, if the body tells of it. Nothing else says whether an address came with an
   * NS or MX, or was posted by itself: one that nobody tells of stays, and so does what is somebody else's.
   */
  async #removeAddress(call: Call, { name, zone }: OriginName, told: string): Promise<void> {
    const ofZone = await this.#edits.source.records.get(zone)
    const hosts = ofZone
      .filter(({ type }) => type === 'NS' || type === 'MX')
      .flatMap(({ data }) => data as RecordData[])
    if (hosts.some((item) => hostOf(item) === name)) return
    await this.#edits.edit(call, name, (rrsets) => {
      const addresses = addressesOf(rrsets.filter(({ owner }) => owner === call.principal.name))
      return this.#edits.withoutAddresses(rrsets, byFamily(addresses.filter((address) => address === told)))
    })
  }

  /** Which records of the zone go by a label. */
  #meant({ zone }: OriginName, type: OfZone, label: string): (item: RecordData) => boolean {
    const labelsFor = labelsAt(this.#edits.source, zone, type)
    return (item) => labelsFor(item).includes(label)
  }

  /** An address where a host is wanted makes `LABEL.ZONE` the host, with that address. */
  #dataOf({ name }: OriginName, type: OfZone, body: OriginBody): { data: RecordData; address?: string } {
    const given = saidIn(type, body)
    if (given === undefined || given === '') throw fault('CDNS_REQUEST_INVALID', TEXTS.noName)
    if (type === 'TXT') return { data: this.#edits.canonical('TXT', splitText(given)) }
    const isAddress = /^[\d.]+$|:/.test(given)
    const host = isAddress ? name : canonicalName(given)
    const data = type === 'NS' ? host : ({ preference: body.mailPriority ?? 0, exchange: host } satisfies MxData)
    return isAddress ? { data, address: given } : { data }
  }
}

/** Where an NS or MX leads. */
function hostOf(item: RecordData): string {
  return typeof item === 'string' ? item : (item as MxData).exchange
}

function typeOf({ type = '' }: OriginBody): OfZone {
  return type.toUpperCase() as OfZone
}

function saidIn(type: OfZone, body: OriginBody): string | undefined {
  return type === 'NS' ? body.nsHost : type === 'MX' ? body.mailHost : body.text
}
