import { readFile } from 'node:fs/promises'
import { ContainerDnsError } from '../../errors.js'
import { viewNumber } from '../../records/view.js'
import { DEFAULT_WEIGHT } from '../../wire/rdata/address-codecs.js'
import { MAX_RDATA_SIZE, rdataCodec } from '../../wire/rdata/codec.js'
import { typeCode } from '../../wire/rdata/record-type.js'
import { SyntaxFault } from '../../zone-file/syntax-fault.js'
import { ZoneFileReader } from '../../zone-file/zone-file-reader.js'
import type { ParsedZoneFile } from './options.js'
import type { RecordsSource, Staging } from './records-source.js'
import { NO_TTL } from './staged-records.js'

/** One reading of a zone file. */
export class ZoneFile implements RecordsSource {
  readonly path: string
  readonly #bytes: Buffer
  readonly #origin: string | undefined
  readonly #view: string | undefined

  private constructor({ path, origin, view }: ParsedZoneFile, bytes: Buffer) {
    this.path = path
    this.#origin = origin
    this.#view = view
    this.#bytes = bytes
  }

  /** Throws CDNS_ZONE_FILE_INVALID when it cannot be read. */
  static async read(file: ParsedZoneFile): Promise<ZoneFile> {
    try {
      return new ZoneFile(file, await readFile(file.path))
    } catch (cause) {
      const reason = (cause as Error).message
      throw new ContainerDnsError('CDNS_ZONE_FILE_INVALID', `${file.path} cannot be read: ${reason}`, { cause })
    }
  }

  get size(): number {
    return this.#bytes.length
  }

  *stage({ staged, source, sink }: Staging): Generator<void, void, void> {
    const view = viewNumber(sink.views, this.#view)
    const reader = new ZoneFileReader(this.#bytes, this.#origin)
    const bytes = new Uint8Array(MAX_RDATA_SIZE)
    while (this.#next(reader)) {
      const { owner, type, data, ttl = NO_TTL, line } = reader
      try {
        const length = rdataCodec(type).encode(data, bytes, 0)
        const record = {
          type: typeCode(type),
          ttl,
          weight: DEFAULT_WEIGHT,
          view,
          source,
          place: line,
          bytes,
          start: 0,
          length,
        }
        staged.add(owner, record)
        if (type === 'SOA') staged.addZone(owner, source, view)
      } catch (cause) {
        throw this.invalid(line, cause)
      }
      yield
    }
  }

  invalid(line: number, cause: unknown): ContainerDnsError {
    return faultIn('CDNS_ZONE_FILE_INVALID', this.path, line, cause)
  }

  #next(reader: ZoneFileReader): boolean {
    try {
      return reader.next()
    } catch (fault) {
      if (!(fault instanceof SyntaxFault)) throw fault
      throw this.invalid(fault.line, fault.cause ?? fault)
    }
  }
}

/** The error for a fault in a line of a file. */
export function faultIn(
  code: 'CDNS_ZONE_FILE_INVALID' | 'CDNS_HOSTS_FILE_INVALID',
  path: string,
  line: number,
  cause: unknown,
): ContainerDnsError {
  return new ContainerDnsError(code, `${path}, line ${line}: ${(cause as Error).message}`, { cause })
}
