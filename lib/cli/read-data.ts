import { ContainerDnsError } from '../errors.js'
import type { RecordData } from '../wire/rdata/record-data.js'
import { ZoneFileReader } from '../zone-file/zone-file-reader.js'

/**
 * An item of data as people write it: as in a zone file, with names absolute; TXT without quotes is one string; `{` begins JSON, for weights.
 * Throws CDNS_DATA_INVALID.
 */
export function dataFromArgument(type: string, text: string): RecordData {
  try {
    if (/^\s*[{[]/.test(text)) return JSON.parse(text) as RecordData
    if (/[\r\n]/.test(text)) throw new Error('data is a line')
    if (type.toUpperCase() === 'TXT' && !text.includes('"')) return text
    const reader = new ZoneFileReader(Buffer.from(`. IN ${type} ${text}\n`), '.')
    reader.next()
    return reader.data
  } catch (cause) {
    const reason = (cause as Error).message.replace(/^line 1: /, '')
    throw new ContainerDnsError('CDNS_DATA_INVALID', `${JSON.stringify(text)} is no data of ${type}: ${reason}`, {
      cause,
    })
  }
}
