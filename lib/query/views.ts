import { describe, refuseUnknownKeys } from '../bounds.js'
import { buildCidrTable, type CidrEntry } from '../clients/build-cidr-table.js'
import { type Cidr, parseCidr, parseCidrs } from '../clients/cidr.js'
import { ContainerDnsError } from '../errors.js'
import { DEFAULT_VIEW, isViewName, MAX_VIEWS } from '../records/view.js'

/** Clients that see RRsets of their own. */
export interface View {
  /** Letters, digits, `_` and `-`, up to 63. RRsets name it as their `view`. */
  name: string
  /** Networks, such as `10.0.0.0/8` and `2001:db8::/32`, or single addresses. The longest of all views that holds a client counts. */
  clients: string[]
}

export interface ParsedViews {
  /** By their numbers; the first is the default view. */
  readonly names: readonly string[]
  /** The networks of each view but the default one, as they were given. */
  readonly clients: ReadonlyMap<string, readonly string[]>
  /** The data of a `CidrTable` that gives the number of a client's view; undefined without views. */
  readonly table: Int32Array | undefined
}

/** Throws CDNS_OPTION_UNKNOWN, CDNS_OPTION_INVALID and CDNS_CIDR_INVALID. */
export function parseViews(given: unknown = []): ParsedViews {
  if (!Array.isArray(given) || given.length > MAX_VIEWS) {
    const got = Array.isArray(given) ? `${given.length}` : describe(given)
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `views must be an array of up to ${MAX_VIEWS} views, got ${got}`)
  }
  const names = [DEFAULT_VIEW]
  const entries: CidrEntry[] = []
  const networks = new Map<string, readonly string[]>()
  for (const [i, view] of Array.from(given).entries()) {
    const option = `views[${i}]`
    refuseUnknownKeys(option, view, ['name', 'clients'])
    const { name, clients } = view as Partial<View>
    if (!isViewName(name) || names.includes(name)) {
      const wanted = `${option}.name must be letters, digits, _ and -, none that another view has`
      throw new ContainerDnsError('CDNS_OPTION_INVALID', `${wanted}, got ${describe(name)}`)
    }
    const value = names.push(name) - 1
    for (const cidr of parseCidrs(`${option}.clients`, clients)) entries.push({ cidr, value })
    networks.set(name, Object.freeze([...clients!]))
  }
  return Object.freeze({
    names: Object.freeze(names),
    clients: networks,
    table: given.length === 0 ? undefined : buildCidrTable(entries),
  })
}

/**
 * The table of views whose clients the store has found, too: networks of theirs by the name of the view. What the options say of a network counts more;
 * a view that is not there, or what is no network, is passed over. Undefined where there are no views.
 */
export function viewTable(
  { names, clients, table }: ParsedViews,
  found: ReadonlyMap<string, readonly string[]>,
): Int32Array | undefined {
  if (found.size === 0 || table === undefined) return table
  const entries = new Map<string | number, CidrEntry>()
  for (const of of [clients, found]) {
    for (const [name, networks] of of) {
      const value = names.indexOf(name)
      if (value < 1) continue
      for (const cidr of networks.map(cidrOf)) {
        if (cidr === undefined) continue
        const key = keyOf(cidr)
        if (!entries.has(key)) entries.set(key, { cidr, value })
      }
    }
  }
  return buildCidrTable([...entries.values()])
}

const LENGTHS = 256

/** A number for networks of IPv4: of them there may be very many. */
function keyOf({ words, length, family }: Cidr): string | number {
  return family === 4
    ? (words[3]! >>> 0) * LENGTHS + length
    : `${words[0]},${words[1]},${words[2]},${words[3]}/${length}`
}

function cidrOf(network: string): Cidr | undefined {
  try {
    return parseCidr('clients', network)
  } catch {
    // A node may say what it likes.
    return undefined
  }
}
