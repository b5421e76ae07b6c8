import { readClient } from '../clients/client-address.js'
import type { RecordIndexReader } from '../record-index/record-index-reader.js'
import { ADDRESS_LABELS, SEARCH_LIST } from '../records/synthesis-types.js'
import { MAX_NAME_LENGTH, RDLENGTH_SIZE, Type } from '../wire/constants.js'
import { FoldedName } from '../wire/folded-name.js'
import { FLAG_RD } from '../wire/header.js'
import { writeAddressLabel } from './address-label.js'
import type { QueryContext, QuerySettings } from './query-context.js'
import type { QueryForwarding } from './query-forwarding.js'
import type { QueryClient } from './select/query-client.js'
import type { Wildcards } from './wildcards.js'
import type { Zone } from './zone.js'
import { findCut, NO_CUT } from './zone-cuts.js'

/** Behind the namespace in the name of a Service, and in that of a pod. */
const SVC_LABEL = '\x03svc'
const POD_LABEL = '\x03pod'

/** Anybody can write a longer list; of a cluster's there are three. */
const MAX_DOMAINS = 8
/**
 * How long the names may be in all that are looked for; eight of nine labels are within it. Whoever sends a hundred labels goes on by itself,
 * so that no query costs more than five ordinary ones.
 */
const MAX_LABELS_SEARCHED = 72
const MAX_OCTETS_SEARCHED = 3 * MAX_NAME_LENGTH
/** What begins there is no name. */
const NO_NAME = -1

/**
 * Goes on with a client's search list in its place (CoreDNS calls this autopath): what it asks for below `NAMESPACE.svc.ZONE`, the first of its
 * domains, is looked for in the others too, and it has its answer with one question. Made once per thread.
 *
 * Only for a client that is a pod of that namespace: there is a record `ADDRESS.NAMESPACE.pod.ZONE` of it. Anybody else may mean what it asks.
 */
export class SearchList {
  /** The name that was found: it answers. */
  readonly found = new FoldedName()
  /** The TTL of the CNAME that leads there. */
  ttl = 0
  readonly #settings: QuerySettings
  readonly #wildcards: Wildcards
  readonly #client: QueryClient
  readonly #forwarding: QueryForwarding | undefined
  readonly #pod = new FoldedName()
  readonly #octets = new Uint8Array(16)
  readonly #bytes = new Uint8Array(2 * MAX_NAME_LENGTH)

  constructor(
    settings: QuerySettings,
    wildcards: Wildcards,
    client: QueryClient,
    forwarding: QueryForwarding | undefined,
  ) {
    this.#settings = settings
    this.#wildcards = wildcards
    this.#client = client
    this.#forwarding = forwarding
  }

  /**
   * Whether another name answers for that of the question, which is not there. The list is under the index' cursor, at a wildcard right below
   * the name's suffix from `label` on.
   */
  find(context: QueryContext, label: number): boolean {
    const { index, zones } = this.#settings
    const { name, type } = context.question
    const { bytes, wireStart } = index
    let at = wireStart + RDLENGTH_SIZE
    // Of several records, which have no order, the first.
    const end = at + ((bytes[wireStart]! << 8) | bytes[wireStart + 1]!)
    this.ttl = index.ttl
    if (!this.#client.readAddress() || !this.#isPodOf(name, label, context)) return false
    let labels = 0
    let octets = 0
    for (let i = 0; i < MAX_DOMAINS && at < end; i++) {
      const from = at
      at = nameEnd(bytes, at, end)
      if (at === NO_NAME) return false
      if (!this.#readCandidate(name, label, bytes, from, at)) continue
      labels += this.found.labelCount
      octets += this.found.length
      if (labels > MAX_LABELS_SEARCHED || octets > MAX_OCTETS_SEARCHED) return false
      const zone = zones.match(this.found)
      // Others are asked once, and what they say holds. Who may not have them asked goes on by itself.
      if (this.#forwarding?.takes(this.found, type, zone)) return mayForward(context)
      if (zone !== undefined && this.#exists(zone)) return true
    }
    return false
  }

  #isPodOf(name: FoldedName, label: number, context: QueryContext): boolean {
    const { index } = this.#settings
    const namespace = name.labelStarts[label]!
    const service = name.labelStarts[label + 1]!
    const zone = service + SVC_LABEL.length
    if (label + 1 >= name.labelCount || !isAt(name.bytes, service, SVC_LABEL)) return false
    const bytes = this.#bytes
    const size = readClient(context.client, 0, this.#octets, 0)
    let at = writeAddressLabel(this.#octets, size, bytes, 1)
    bytes[0] = at - 1
    for (let i = namespace; i < service; i++) bytes[at++] = name.bytes[i]!
    for (let i = 0; i < POD_LABEL.length; i++) bytes[at++] = POD_LABEL.charCodeAt(i)
    for (let i = zone; i < name.length; i++) bytes[at++] = name.bytes[i]!
    return this.#pod.read(bytes, 0, at, index.seed) && index.findFolded(this.#pod)
  }

  /** The labels that the client meant, before a domain. False where there is no room for it. */
  #readCandidate(name: FoldedName, label: number, domain: Uint8Array, start: number, end: number): boolean {
    const bytes = this.#bytes
    const length = name.labelStarts[label]!
    if (length + end - start > MAX_NAME_LENGTH) return false
    for (let i = 0; i < length; i++) bytes[i] = name.bytes[i]!
    for (let i = start; i < end; i++) bytes[length + i - start] = domain[i]!
    return this.found.read(bytes, 0, length + end - start, this.#settings.index.seed)
  }

  /** Whether it is anything but NXDOMAIN. */
  #exists(zone: Zone): boolean {
    const { index, zones } = this.#settings
    const name = this.found
    if (findCut(index, zone, name, Type.A) !== NO_CUT || index.findFolded(name)) return true
    if (name.labelCount === zone.labelCount || zones.isAboveZone(name)) return true
    // A wildcard that has a list itself, or addresses in labels, has no name of its own.
    return this.#wildcards.find(zone, name) && !isSynthesis(index)
  }
}

/** Whether the entry under the cursor says how names are made up, and nothing else. */
function isSynthesis(index: RecordIndexReader): boolean {
  return index.rrsetCount === 1 && (index.findType(SEARCH_LIST) || index.findType(ADDRESS_LABELS))
}

function mayForward({ header, question, forwardFlags }: QueryContext): boolean {
  return (header.flags & FLAG_RD) !== 0 && forwardFlags !== 0 && question.type !== Type.ANY
}

/** Behind a name that ends before `end`, and is not longer than names are; else NO_NAME. */
function nameEnd(bytes: Uint8Array, start: number, end: number): number {
  const last = Math.min(end, start + MAX_NAME_LENGTH) - 1
  let at = start
  while (at <= last) {
    const length = bytes[at]!
    if (length === 0) return at + 1
    at += length + 1
  }
  return NO_NAME
}

function isAt(bytes: Uint8Array, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false
  return true
}
