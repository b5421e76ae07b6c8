import type { SrvData } from '../wire/rdata/record-data.js'
import { addressesOf, isShownAt, type OriginBody, type OriginEdits } from './origin-edits.js'
import { byFamily, type OriginName, refuseService, targetOf } from './origin-names.js'
import { fault, TEXTS } from './origin-texts.js'
import type { Call } from './route.js'

const SRV_PRIORITY = 10
const SRV_WEIGHT = 10

/** The calls for A and SRV, whose records are told by their addresses. */
export class OriginAddresses {
  readonly #edits: OriginEdits

  constructor(edits: OriginEdits) {
    this.#edits = edits
  }

  async add(call: Call, place: OriginName, { ips = [] }: OriginBody): Promise<void> {
    refuseService(place)
    if (ips.length === 0) throw fault('CDNS_REQUEST_INVALID', TEXTS.noAddresses)
    const addresses = byFamily(ips)
    await this.#edits.add(call, place.name, addresses)
    await this.#edits.watch(place.name, [...addresses.A, ...addresses.AAAA], true)
  }

  /** Each SRV leads to a name below, which has the address: this is what the origin answers. */
  async addServices(call: Call, place: OriginName, { ips = [], ports = [] }: OriginBody): Promise<void> {
    refuseService(place)
    if (ips.length === 0) throw fault('CDNS_REQUEST_INVALID', TEXTS.noAddresses)
    if (ports.length === 0) throw fault('CDNS_REQUEST_INVALID', TEXTS.noPorts)
    if (ports.length !== ips.length) throw fault('CDNS_REQUEST_INVALID', TEXTS.portsDiffer)
    byFamily(ips)
    const services = ips.map((ip, i): SrvData => {
      const target = targetOf(place.name, ip)
      return { priority: SRV_PRIORITY, weight: SRV_WEIGHT, port: ports[i]!, target }
    })
    await this.#edits.check(call, place.name, this.#edits.added(call, place.name, { SRV: services }))
    // First what is led to.
    for (const ip of ips) await this.#edits.add(call, targetOf(place.name, ip), byFamily([ip]))
    await this.#edits.add(call, place.name, { SRV: services })
  }

  async change(call: Call, { name }: OriginName, before: string, after: string): Promise<void> {
    const [from, to] = [byFamily([before]), byFamily([after])]
    await this.#edits.edit(call, name, (rrsets) => {
      if (rrsets.length === 0) throw fault('CDNS_NOT_FOUND', TEXTS.noSuchName)
      const rest = this.#edits.withoutAddresses(rrsets, from)
      if (rest === rrsets) throw fault('CDNS_NOT_FOUND', TEXTS.noSuchAddress)
      return this.#edits.added(call, name, to)(rest)
    })
    await this.#edits.watch(name, [before], false)
    await this.#edits.watch(name, [after], true)
  }

  /** All of a name, or what leads to these addresses. */
  async remove(call: Call, { name }: OriginName, { type = '', ips = [] }: OriginBody): Promise<void> {
    const isAll = ips.length === 0 || type === ''
    const wanted = isAll ? undefined : byFamily(ips)
    const services: SrvData[] = []
    let gone: readonly string[] = []
    await this.#edits.edit(call, name, (rrsets) => {
      services.length = 0
      const held = rrsets.filter(({ type }) => isShownAt(type, 'A') && type !== 'CNAME')
      if (held.length === 0) throw fault('CDNS_NOT_FOUND', TEXTS.noSuchName)
      for (const rrset of held) {
        if (rrset.type !== 'SRV') continue
        for (const item of rrset.data)
          if (isAll || ips.some((ip) => item.target === targetOf(name, ip))) services.push(item)
      }
      const rest =
        wanted === undefined
          ? rrsets.filter((rrset) => !held.includes(rrset))
          : this.#edits.withoutAddresses(rrsets, wanted)
      const after = services.length === 0 ? rest : this.#edits.withoutData(rest, 'SRV', services)
      if (after === rrsets) throw fault('CDNS_NOT_FOUND', TEXTS.noSuchAddress)
      const left = addressesOf(after)
      gone = addressesOf(rrsets).filter((address) => !left.includes(address))
      return after
    })
    await this.#edits.watch(name, gone, false)
    for (const { target } of services) {
      if (!target.endsWith(`.${name}`)) continue
      await this.#edits.edit(call, target, (rrsets) => rrsets.filter(({ type }) => type !== 'A' && type !== 'AAAA'))
    }
  }
}
