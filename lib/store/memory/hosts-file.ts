import { readFile } from 'node:fs/promises'
import { isIPv4 } from 'node:net'
import { ContainerDnsError } from '../../errors.js'
import { DEFAULT_WEIGHT } from '../../wire/rdata/address-codecs.js'
import { rdataCodec } from '../../wire/rdata/codec.js'
import type { RecordData } from '../../wire/rdata/record-data.js'
import { type RecordType, typeCode } from '../../wire/rdata/record-type.js'
import { HostsFileReader, reverseName } from '../../zone-file/hosts-file-reader.js'
import { SyntaxFault } from '../../zone-file/syntax-fault.js'
import type { RecordsSource, Staging } from './records-source.js'
import { NO_TTL } from './staged-records.js'
import { faultIn } from './zone-file.js'

/** One reading of a hosts file: an address for each name that lies in a zone of ours, and a PTR to the first where the address does. */
export class HostsFile implements RecordsSource {
  readonly path: string
  readonly #bytes: Buffer
  /** What an address or a name takes on the wire. */
  readonly #rdata = new Uint8Array(256)

  private constructor(path: string, bytes: Buffer) {
    this.path = path
    this.#bytes = bytes
  }

  /** Throws CDNS_HOSTS_FILE_INVALID when it cannot be read. */
  static async read(path: string): Promise<HostsFile> {
    try {
      return new HostsFile(path, await readFile(path))
    } catch (cause) {
      const reason = (cause as Error).message
      throw new ContainerDnsError('CDNS_HOSTS_FILE_INVALID', `${path} cannot be read: ${reason}`, { cause })
    }
  }

  get size(): number {
    return this.#bytes.length
  }

  *stage(staging: Staging): Generator<void, void, void> {
    const reader = new HostsFileReader(this.#bytes)
    while (this.#next(reader)) {
      const { address, names, line } = reader
      const type = isIPv4(address) ? 'A' : 'AAAA'
      try {
        const addressLength = this.#encode(type, address)
        const reverse = reverseName(this.#rdata.subarray(0, addressLength))
        this.#stageOne(staging, reverse, 'PTR', names[0]!, line)
        for (const name of names) {
          this.#stageOne(staging, name, type, address, line)
          yield
        }
      } catch (cause) {
        throw this.invalid(line, cause)
      }
    }
  }

  invalid(line: number, cause: unknown): ContainerDnsError {
    return faultIn('CDNS_HOSTS_FILE_INVALID', this.path, line, cause)
  }

  #stageOne(staging: Staging, name: string, type: RecordType, data: RecordData, place: number): void {
    const { staged, source, sink, encoder } = staging
    const owner = encoder.name(name)
    const code = typeCode(type)
    if (!isOurs(owner, code, sink)) return
    const length = this.#encode(type, data)
    const bytes = this.#rdata
    const weight = DEFAULT_WEIGHT
    staged.add(owner, { type: code, ttl: NO_TTL, weight, view: 0, source, place, bytes, start: 0, length })
  }

  #encode(type: RecordType, data: RecordData): number {
    return rdataCodec(type).encode(data, this.#rdata, 0)
  }

  #next(reader: HostsFileReader): boolean {
    try {
      return reader.next()
    } catch (fault) {
      if (!(fault instanceof SyntaxFault)) throw fault
      throw this.invalid(fault.line, fault.cause ?? fault)
    }
  }
}

/** A hosts file tells of all the world, `localhost` among others; what is in none of our zones is passed over. */
function isOurs(owner: Uint8Array, type: number, sink: Staging['sink']): boolean {
  try {
    sink.checkPlace(owner, type)
    return true
  } catch (error) {
    if ((error as Partial<ContainerDnsError>).code === 'CDNS_NAME_OUT_OF_ZONE') return false
    throw error
  }
}
