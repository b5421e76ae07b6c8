import type { RRset } from '../records/rrset.js'
import { ADDRESS_LABELS, SEARCH_LIST } from '../records/synthesis-types.js'
import { nameFromText } from '../wire/name.js'
import { genericText } from '../wire/rdata/generic.js'
import type { ClusterRecordsOptions, OwnerRecords } from './cluster-records.js'

export const SCHEMA_VERSION = '1.1.0'
/** As in the specification's example; it changes when the server does. */
const SCHEMA_TTL = 28_800

/**
 * Keeps a name there that has no records of its own: that of a namespace without services. No name of Kubernetes begins so, and with
 * a record below it the index answers for the name as for any other between two that have records (RFC 8020).
 */
const EXISTS_LABEL = '_exists'

/** As data of a type that says all by being there. */
const NO_DATA = genericText(new Uint8Array(0), 0, 0)

/** What is there in every cluster, whatever it holds. */
export function* fixedRecords({ zone, ttl }: ClusterRecordsOptions): Generator<OwnerRecords> {
  const name = `dns-version.${zone}`
  yield { name, source: 'svc', rrsets: [{ name, type: 'TXT', ttl: SCHEMA_TTL, data: [SCHEMA_VERSION] }] }
  yield exists(`svc.${zone}`, 'svc', ttl, true)
  yield exists(`pod.${zone}`, 'pod', ttl, true)
}

/** What a namespace is answered with whether there is anything in it or not. */
export class NamespaceRecords {
  readonly #options: ClusterRecordsOptions
  /** How the names below `svc` are made up, if they are. */
  readonly #searchList: string

  constructor(options: ClusterRecordsOptions) {
    this.#options = options
    this.#searchList = searchListOf(options.zone)
  }

  *of(namespace: string, isThere: boolean): Generator<OwnerRecords> {
    const { zone, ttl, pods, autopath } = this.#options
    const services = `${namespace}.svc.${zone}`
    yield exists(services, 'svc', ttl, isThere)
    if (autopath) yield synthesis(services, 'svc', SEARCH_LIST, this.#searchList, ttl, isThere)
    if (pods === 'disabled') return
    yield exists(`${namespace}.pod.${zone}`, 'pod', ttl, isThere)
    if (pods === 'insecure') yield synthesis(`${namespace}.pod.${zone}`, 'pod', ADDRESS_LABELS, NO_DATA, ttl, isThere)
  }
}

type Source = OwnerRecords['source']

function exists(above: string, source: Source, ttl: number, isThere: boolean): OwnerRecords {
  const name = `${EXISTS_LABEL}.${above}`
  const rrsets: RRset[] = isThere ? [{ name, type: 'TXT', ttl, data: ['kubernetes'] }] : []
  return { name, source, rrsets }
}

/** The names right below one are made up as they are asked for. */
function synthesis(
  above: string,
  source: Source,
  type: number,
  data: string,
  ttl: number,
  isThere: boolean,
): OwnerRecords {
  const name = `*.${above}`
  return { name, source, rrsets: isThere ? [{ name, type: `TYPE${type}`, ttl, data: [data] }] : [] }
}

/** What follows the first domain in the search list of every pod, and then the name as it was meant. */
function searchListOf(zone: string): string {
  const domains = Buffer.concat([`svc.${zone}`, zone, '.'].map((domain) => nameFromText(domain)))
  return genericText(domains, 0, domains.length)
}
