import { LATER } from '../handoff/layout.js'
import { ADDRESS_LABELS, isSynthesisType, SEARCH_LIST } from '../records/synthesis-types.js'
import { Rcode, RDLENGTH_SIZE, Type } from '../wire/constants.js'
import { ExtendedError } from '../wire/edns.js'
import type { FoldedName } from '../wire/folded-name.js'
import { AdditionalSection, pointsToHosts } from './additional.js'
import { AddressLabel } from './address-label.js'
import { CnameChain } from './cname-chain.js'
import { NegativeAnswer } from './negative-answer.js'
import { QueryContext, type QuerySettings } from './query-context.js'
import type { QueryForwarding } from './query-forwarding.js'
import type { QueryHooks } from './query-hooks.js'
import type { ResponseWriter } from './response-writer.js'
import { QNAME_OFFSET, RDATA_OFFSET, SMALLEST_RECORD } from './response-writer.js'
import { ALL_DOWN, RRsetWriter } from './rrset-writer.js'
import { SearchList } from './search-list.js'
import type { ChosenRecords } from './select/chosen-records.js'
import type { QueryClient } from './select/query-client.js'
import { SrvWeights } from './srv-weights.js'
import { Wildcards } from './wildcards.js'
import type { Zone } from './zone.js'
import { findCut, NO_CUT } from './zone-cuts.js'

const IPV4_SIZE = 4

/**
 * Finds the answer to a question and writes it (RFC 1034 §4.3.2). Made once per thread.
 *
 * Each step leaves its records in `context.response` or, where an RRset does not fit, sets `isTruncated` and ends.
 */
export class Lookup {
  readonly #settings: QuerySettings
  readonly #response: ResponseWriter
  readonly #chosen: ChosenRecords
  readonly #rrsets: RRsetWriter
  readonly #additional: AdditionalSection
  readonly #negative: NegativeAnswer
  readonly #wildcards: Wildcards
  readonly #addressLabel = new AddressLabel()
  readonly #searchList: SearchList
  /** Whether the CNAME that leads on is one to a name that the search list has found. */
  #isSearched = false
  readonly #srvWeights: SrvWeights | undefined
  readonly #hooks: QueryHooks | undefined
  readonly #forwarding: QueryForwarding | undefined
  /** The query in hand. */
  #context: QueryContext
  readonly #chain = new CnameChain()

  constructor(
    settings: QuerySettings,
    response: ResponseWriter,
    chosen: ChosenRecords,
    client: QueryClient,
    hooks?: QueryHooks,
    forwarding?: QueryForwarding,
  ) {
    this.#hooks = hooks
    this.#forwarding = forwarding
    this.#settings = settings
    this.#response = response
    this.#chosen = chosen
    this.#rrsets = new RRsetWriter(settings, response, chosen)
    this.#negative = new NegativeAnswer(settings, response)
    this.#wildcards = new Wildcards(settings)
    this.#searchList = new SearchList(settings, this.#wildcards, client, forwarding)
    this.#additional = new AdditionalSection(settings, response, this.#rrsets, chosen, this.#wildcards)
    this.#srvWeights = settings.normalizesSrvWeights ? new SrvWeights() : undefined
    this.#context = new QueryContext(settings, response)
  }

  /** Finds out whose the name of a question is, before it is answered: what is read ahead for it depends on that. */
  locate(context: QueryContext): void {
    const { name, type } = context.question
    context.ownZone = this.#settings.zones.match(name)
    context.isForOthers = this.#forwarding?.takes(name, type, context.ownZone) ?? false
  }

  /** What is in none of our zones is forwarded, or refused. It has been located. */
  answer(context: QueryContext): void {
    this.#context = context
    const { question } = context
    if (context.isForOthers) {
      this.#forwarding!.answer(context)
      return
    }
    if (context.ownZone === undefined) {
      context.rcode = Rcode.REFUSED
      context.extendedError = ExtendedError.NOT_AUTHORITATIVE
      return
    }
    const zone = this.#zoneThatKnows(context.ownZone, question.name)
    context.zone = zone.number
    context.isAuthoritative = true
    context.limitHash = question.name.hash
    this.#follow(zone)
  }

  /** RFC 1034 §4.3.2 step 3a: from CNAME to CNAME, as long as they stay in our zones. */
  #follow(firstZone: Zone): void {
    const { question } = this.#context
    const { zones } = this.#settings
    const response = this.#response
    const chain = this.#chain
    const { target } = chain
    let zone = firstZone
    let name = question.name
    let ownerOffset = QNAME_OFFSET
    this.#isSearched = false
    for (chain.start(name); ; ) {
      this.#rrsets.ownAt(ownerOffset)
      if (this.#answerAt(zone, name) || chain.isFull || !this.#readTarget(target)) return
      // Eight links of names of 255 octets end well before the last offset that a pointer can hold.
      const targetOffset = response.length + RDATA_OFFSET
      if (!this.#countAnswers(this.#writeLink(target)) || chain.closesLoop) return
      // Who asks for a CNAME has it, where one was made up: those in the index are answers by themselves.
      if (question.type === Type.CNAME) return
      const next = zones.match(target)
      if (this.#forwarding?.takes(target, question.type, next)) {
        this.#forwarding.answerTarget(this.#context, target, response.resolvePointer(targetOffset))
        return
      }
      // The rest of the chain is for a server of that zone to tell.
      if (next === undefined || !chain.follow()) return
      zone = this.#zoneThatKnows(next, target)
      name = target
      ownerOffset = response.resolvePointer(targetOffset)
    }
  }

  /** RFC 4035 §3.1.4.1: of type DS at an apex it is the zone above, where both are ours. `own` is the zone of the name. */
  #zoneThatKnows(own: Zone, name: FoldedName): Zone {
    if (this.#context.question.type !== Type.DS || name.labelCount !== own.labelCount) return own
    return this.#settings.zones.zoneAbove(name) ?? own
  }

  /** Where the CNAME leads that `#answerAt` has found. */
  #readTarget(target: FoldedName): boolean {
    const { index } = this.#settings
    if (this.#isSearched) {
      const { bytes, length } = this.#searchList.found
      return target.read(bytes, 0, length, index.seed)
    }
    return target.read(index.bytes, index.wireStart + RDLENGTH_SIZE, index.wireStart + index.wireLength, index.seed)
  }

  #writeLink({ bytes, length }: FoldedName): number {
    if (!this.#isSearched) return this.#rrsets.write()
    this.#isSearched = false
    return this.#rrsets.writeOne(Type.CNAME, this.#searchList.ttl, bytes, length) ? 1 : 0
  }

  /** Writes what a name has to say to the question. False when that is a CNAME, now under the index' cursor, which leads on. */
  #answerAt(zone: Zone, name: FoldedName): boolean {
    const { question } = this.#context
    const { index } = this.#settings
    const cut = findCut(index, zone, name, question.type)
    if (cut !== NO_CUT) return this.#refer(name, cut)
    this.#chosen.chooseBy(zone.selection, name.hash)
    const exists = index.findFolded(name)
    const isApex = name.labelCount === zone.labelCount
    if (exists && this.#findWanted(question.type)) this.#writeWanted(zone, name)
    else if (isApex && isSynthesized(question.type)) this.#writeSoaOrNs(zone, name, exists)
    else if (exists && index.findType(Type.CNAME)) return false
    else if (exists || isApex) this.#negative.write(this.#context, zone, true)
    else return this.#answerMissing(zone, name)
    return true
  }

  /** The same for a name that is not in the index: it may be there for other reasons, or a wildcard speaks for it. */
  #answerMissing(zone: Zone, name: FoldedName): boolean {
    const { question } = this.#context
    const { zones } = this.#settings
    if (zone.isNameServer(name)) this.#writeOwnAddresses(zone)
    else if (zones.isAboveZone(name) || (question.type === Type.DS && zones.match(name) !== zone)) {
      // An empty zone of ours begins there, about which this one was asked.
      this.#negative.write(this.#context, zone, true)
    } else if (!this.#wildcards.find(zone, name))
      this.#negative.write(this.#context, zone, zone.isAboveNameServer(name))
    else return this.#answerByWildcard(zone, name)
    return true
  }

  #answerByWildcard(zone: Zone, name: FoldedName): boolean {
    const { type } = this.#context.question
    this.#context.limitHash = this.#wildcards.hash
    const { index } = this.#settings
    // What stands beside other data says nothing.
    const isAlone = index.rrsetCount === 1
    if (isAlone && index.findType(ADDRESS_LABELS)) this.#answerAddressLabel(zone, name)
    else if (isAlone && index.findType(SEARCH_LIST)) return this.#answerBySearchList(zone, name)
    else if (this.#findWanted(type)) this.#writeWanted(zone, name)
    else if (index.findType(Type.CNAME)) return false
    else this.#negative.write(this.#context, zone, true)
    return true
  }

  /** The RRset under the index' cursor says that a label is an address, and its own. */
  #answerAddressLabel(zone: Zone, name: FoldedName): void {
    const { type } = this.#context.question
    const size = this.#wildcards.label === 1 ? this.#addressLabel.read(name.bytes, 1, name.bytes[0]!) : 0
    const ownType = size === IPV4_SIZE ? Type.A : Type.AAAA
    if (size === 0 || (type !== ownType && type !== Type.ANY)) this.#negative.write(this.#context, zone, size > 0)
    else {
      const isWritten = this.#rrsets.writeOne(ownType, this.#settings.index.ttl, this.#addressLabel.octets, size)
      this.#countAnswers(isWritten ? 1 : 0)
    }
  }

  /** The RRset under the index' cursor has where else to look for a name that is not here. False where that leads on. */
  #answerBySearchList(zone: Zone, name: FoldedName): boolean {
    this.#isSearched =
      name === this.#context.question.name && this.#searchList.find(this.#context, this.#wildcards.label)
    if (!this.#isSearched) this.#negative.write(this.#context, zone, false)
    return !this.#isSearched
  }

  /**
   * RFC 8482 §4.1: ANY is answered with one RRset, the smallest, so that it is of no use to who wants to amplify. What says how names are made up
   * is answered by, and never with.
   */
  #findWanted(type: number): boolean {
    const { index } = this.#settings
    if (type === Type.ANY) return index.findSmallest(SMALLEST_RECORD, isSynthesisType)
    return !isSynthesisType(type) && index.findType(type)
  }

  /** What is chosen of the name's RRset under the index' cursor goes into the answer, and the addresses of what it points to beside it. */
  #writeWanted(zone: Zone, name: FoldedName): void {
    const response = this.#response
    const { type } = this.#settings.index
    const before = response.position
    const written = this.#writeBackends()
    if (this.#context.isParked) return
    if (written === ALL_DOWN) this.#negative.write(this.#context, zone, true)
    else if (this.#countAnswers(written) && pointsToHosts(type)) {
      if (type === Type.SRV) this.#srvWeights?.normalize(response.bytes, before, written)
      this.#additional.addForAnswer(name, written)
    }
  }

  /** What a hook chooses of the RRset under the index' cursor, or what is chosen without one. ANY is no question for backends. */
  #writeBackends(): number {
    const hooks = this.#hooks
    const context = this.#context
    if (hooks === undefined || !hooks.selects || context.question.type === Type.ANY) return this.#rrsets.write()
    const chosen = hooks.select(context)
    if (chosen === LATER) {
      context.isParked = true
      return 0
    }
    return chosen === 0 ? this.#rrsets.write() : this.#rrsets.writeChosen(hooks.chosen, chosen)
  }

  /** Whether what was to be answered has found room. */
  #countAnswers(written: number): boolean {
    this.#response.answerCount += written
    if (written === 0) this.#context.isTruncated = true
    return written > 0
  }

  /** What every apex has. A view that has an address of its own for it does not make another zone of it. */
  #writeSoaOrNs(zone: Zone, apex: FoldedName, exists: boolean): void {
    const { type } = this.#context.question
    if (exists && this.#settings.index.findTypeInDefaultView(type)) this.#writeWanted(zone, apex)
    else this.#writeSynthesized(zone)
  }

  /** At the apex, an SOA and an NS stand in for what the store has not: every zone has both (RFC 1034 §4.2.1). */
  #writeSynthesized(zone: Zone): void {
    const { question } = this.#context
    const settings = this.#settings
    const isNs = question.type === Type.NS
    const rdata = isNs ? zone.nsRdata : zone.soaRdata(settings.index.serial)
    if (!this.#rrsets.writeOne(isNs ? Type.NS : Type.SOA, settings.negativeTtl, rdata)) {
      this.#context.isTruncated = true
      return
    }
    this.#response.answerCount++
    if (isNs) this.#additional.addForTarget(rdata)
  }

  /** The name server of a synthesized NS is this server, unless the store has something else for it. */
  #writeOwnAddresses(zone: Zone): void {
    const { type } = this.#context.question
    const { ipv4, ipv6 } = this.#settings.ownAddresses
    const wantsIpv4 = type === Type.A || (type === Type.ANY && ipv4.length > 0)
    const addresses = wantsIpv4 ? ipv4 : ipv6
    if (addresses.length === 0 || !(wantsIpv4 || type === Type.AAAA || type === Type.ANY)) {
      this.#negative.write(this.#context, zone, true)
      return
    }
    const written = this.#rrsets.writeAddresses(wantsIpv4 ? Type.A : Type.AAAA, addresses)
    this.#response.answerCount += written
    if (written === 0) this.#context.isTruncated = true
  }

  /** RFC 1034 §4.3.2 step 3b: other servers answer from this cut on. Their NS RRset is under the index' cursor. */
  #refer(name: FoldedName, cut: number): true {
    const context = this.#context
    const response = this.#response
    // RFC 1035 §4.1.1: AA is about the first owner in the answer. Without a chain before the cut there is none.
    if (response.answerCount === 0) context.isAuthoritative = false
    context.limitHash = name.suffixHashes[cut]!
    this.#rrsets.ownByName(name.bytes, name.labelStarts[cut]!, name.length)
    const written = this.#rrsets.write()
    response.authorityCount += written
    if (written === 0 || !this.#additional.addGlue(name, cut)) context.isTruncated = true
    return true
  }
}

/** What an apex has even if the store has no such RRset. ANY takes what there is, which is the SOA if nothing else (RFC 8482 §4.1). */
function isSynthesized(type: number): boolean {
  return type === Type.SOA || type === Type.NS || type === Type.ANY
}
