import { requireOwner } from './access.js'
import { type OriginBody, type OriginEdits, TTL } from './origin-edits.js'
import { type OriginName, originName, refuseService } from './origin-names.js'
import { fault, TEXTS } from './origin-texts.js'
import { replacing } from './record-edits.js'
import type { Call } from './route.js'

/** The calls for CNAME: the URL is the target, `alias` the name that gets the record. */
export class OriginAliases {
  readonly #edits: OriginEdits

  constructor(edits: OriginEdits) {
    this.#edits = edits
  }

  async add(call: Call, target: OriginName, { alias = '' }: OriginBody): Promise<void> {
    if (alias === '') throw fault('CDNS_REQUEST_INVALID', TEXTS.noName)
    const { source } = this.#edits
    const place = originName(source, alias, 'alias ')
    refuseService(place)
    refuseService(target)
    for (const rrset of await source.records.get(target.name)) requireOwner(call.principal, rrset)
    await this.#lead(call, place, target, target)
  }

  /** Another name leads to the target, and this one no longer. */
  async rename(call: Call, target: OriginName, before: string, after: string): Promise<void> {
    const { source } = this.#edits
    const [from, to] = [originName(source, before, 'alias '), originName(source, after, 'alias ')]
    refuseService(from)
    refuseService(to)
    const [current] = await source.records.get(from.name, 'CNAME')
    if (current === undefined) throw fault('CDNS_NOT_FOUND', TEXTS.noSuchAlias + before)
    if (current.data[0] !== target.name) throw fault('CDNS_STORE_CONFLICT', TEXTS.otherTarget + before)
    requireOwner(call.principal, current)
    if (from.name === to.name) return
    // First the new one: for a moment there are both, and never none.
    await this.#lead(call, to, target, to)
    await this.#edits.edit(
      call,
      from.name,
      replacing('CNAME', () => undefined),
    )
  }

  /** This name alone, and not what lies below it. */
  async remove(call: Call, { name }: OriginName): Promise<void> {
    const revise = replacing('CNAME', (current) => {
      if (current === undefined) throw fault('CDNS_NOT_FOUND', TEXTS.noSuchName)
      return undefined
    })
    await this.#edits.edit(call, name, revise)
  }

  /** `said` is the name that the origin says in its text when there is an alias already. */
  async #lead(call: Call, place: OriginName, target: OriginName, said: OriginName): Promise<void> {
    await this.#edits.edit(call, place.name, (rrsets) => {
      if (rrsets.some(({ type }) => type === 'CNAME'))
        throw fault('CDNS_STORE_CONFLICT', `${TEXTS.exists}${said.name}.`)
      return [...rrsets, { name: place.name, type: 'CNAME', ttl: TTL, data: [target.name] }]
    })
  }
}
