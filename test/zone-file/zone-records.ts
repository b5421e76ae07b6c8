import type { RRset } from '../../lib/records/rrset.js'
import { nameToText } from '../../lib/wire/name.js'
import { ZoneFileReader } from '../../lib/zone-file/zone-file-reader.js'

/** What a zone file says, an RRset of one record for each of its records. */
export function zoneRecords(text: string | Buffer, origin?: string): RRset[] {
  const reader = new ZoneFileReader(Buffer.from(text as string), origin)
  const records: RRset[] = []
  while (reader.next()) {
    const { owner, type, ttl, data } = reader
    records.push({ name: nameToText(owner), type, data: [data], ...(ttl === undefined ? {} : { ttl }) } as RRset)
  }
  return records
}
