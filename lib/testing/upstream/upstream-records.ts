import type { RRset } from '../../records/rrset.js'
import { MAX_NAME_LENGTH } from '../../wire/constants.js'
import { nameToText, writeNameFromText } from '../../wire/name.js'
import type { RecordData } from '../../wire/rdata/record-data.js'
import { ZoneFileReader } from '../../zone-file/zone-file-reader.js'
import type { UpstreamQuery } from './upstream-query.js'
import type { UpstreamRecord, UpstreamResponse } from './upstream-response.js'

/** The records of an upstream, and what is answered from them: CNAME chains, wildcards, NXDOMAIN and NODATA with the SOA that there is. */
export class UpstreamRecords {
  readonly #byOwner = new Map<string, UpstreamRecord[]>()
  /** Names that have no records and names below them that have. */
  readonly #parents = new Set<string>()

  /** `zone` is the text of a master file; relative names in it need an `$ORIGIN`. Throws SyntaxFault. */
  constructor(rrsets: readonly RRset[], zone: string | undefined) {
    for (const { name, type, ttl, data } of rrsets) {
      for (const each of data as readonly RecordData[]) {
        this.#add({ name, type, data: each, ...(ttl !== undefined && { ttl }) })
      }
    }
    if (zone !== undefined) this.#addZone(zone)
  }

  answer({ name, type }: UpstreamQuery): UpstreamResponse {
    const answer: UpstreamRecord[] = []
    let owner = name
    for (let links = 0; links < MOST_LINKS; links++) {
      const found = this.#find(owner)
      if (found === undefined) return { rcode: 'NXDOMAIN', answer, authority: this.#soaOver(owner) }
      const asked = found.filter((record) => record.type === type || type === ANY)
      answer.push(...asked.map((record) => ({ ...record, name: owner })))
      const cname = found.find((record) => record.type === 'CNAME')
      if (asked.length > 0) return { answer }
      if (cname === undefined) return { answer, authority: this.#soaOver(owner) }
      answer.push({ ...cname, name: owner })
      owner = cname.data as string
    }
    return { answer }
  }

  #addZone(text: string): void {
    const reader = new ZoneFileReader(Buffer.from(text))
    while (reader.next()) {
      const { owner, type, ttl, data } = reader
      this.#add({ name: nameToText(owner), type, data, ...(ttl !== undefined && { ttl }) })
    }
  }

  #add(record: UpstreamRecord): void {
    const owner = keyOf(record.name)
    const records = this.#byOwner.get(owner)
    if (records === undefined) this.#byOwner.set(owner, [record])
    else records.push(record)
    for (const parent of parentsOf(owner)) this.#parents.add(parent)
  }

  /** The records of a name, or of the wildcard that stands for it (RFC 4592); none for a name with names below it; undefined where there is no such name. */
  #find(name: string): readonly UpstreamRecord[] | undefined {
    const key = keyOf(name)
    const own = this.#byOwner.get(key)
    if (own !== undefined) return own
    if (this.#parents.has(key)) return []
    const encloser = parentsOf(key).find((parent) => this.#byOwner.has(parent) || this.#parents.has(parent))
    return encloser === undefined ? undefined : this.#byOwner.get(encloser === ROOT ? '*' : `*.${encloser}`)
  }

  #soaOver(name: string): UpstreamRecord[] {
    const key = keyOf(name)
    for (const owner of [key, ...parentsOf(key)]) {
      const soa = this.#byOwner.get(owner)?.find((record) => record.type === 'SOA')
      if (soa !== undefined) return [soa]
    }
    return []
  }
}

const MOST_LINKS = 16
const ANY = 'TYPE255'
const ROOT = '.'

/** One spelling for a name, so that names can be compared: lower case, escapes as we write them, no last dot. */
function keyOf(name: string): string {
  const wire = new Uint8Array(MAX_NAME_LENGTH + 1)
  writeNameFromText(name, wire)
  return nameToText(wire).toLowerCase()
}

/** From the nearest to the root. A dot behind a backslash is no border. */
function parentsOf(key: string): string[] {
  if (key === ROOT) return []
  const labels = key.match(/(?:\\.|[^.\\])+/gs) ?? []
  return [...labels.map((_, i) => labels.slice(i + 1).join('.')).slice(0, -1), ROOT]
}
