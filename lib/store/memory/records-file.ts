import { isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import { ContainerDnsError } from '../../errors.js'
import { checkRRset, type RRset } from '../../records/rrset.js'
import { isWeighted, weightAt } from '../../records/rrset-side.js'
import { viewNumber } from '../../records/view.js'
import { RDLENGTH_SIZE } from '../../wire/constants.js'
import { DEFAULT_WEIGHT } from '../../wire/rdata/address-codecs.js'
import { jsonArrayElements } from './json-array.js'
import type { RecordsSource, Staging } from './records-source.js'
import { NO_TTL } from './staged-records.js'

/** One reading of a JSON file of RRsets. A place in it is the number of an entry. */
export class RecordsFile implements RecordsSource {
  readonly path: string
  readonly #bytes: Buffer

  private constructor(path: string, bytes: Buffer) {
    this.path = path
    this.#bytes = bytes
  }

  /** Throws CDNS_RECORDS_FILE_INVALID when it cannot be read. */
  static async read(path: string): Promise<RecordsFile> {
    try {
      const bytes = await readFile(path)
      // RFC 8259 §8.1: JSON between systems is UTF-8; a decoder would put U+FFFD where it is not.
      if (!isUtf8(bytes)) throw new Error('it is not UTF-8')
      return new RecordsFile(path, bytes)
    } catch (cause) {
      throw new ContainerDnsError('CDNS_RECORDS_FILE_INVALID', `${path} cannot be read: ${(cause as Error).message}`, {
        cause,
      })
    }
  }

  get size(): number {
    return this.#bytes.length
  }

  *stage(staging: Staging): Generator<void, void, void> {
    const elements = jsonArrayElements(this.#bytes)
    for (let index = 0; ; index++) {
      const element = this.#explain(index, () => elements.next())
      if (element.done === true) return
      const rrset = element.value
      this.#explain(index, () => {
        checkRRset(rrset)
        stageRRset(rrset, index, staging)
      })
      yield
    }
  }

  /** The error for something that is wrong with an entry. */
  invalid(index: number, cause: unknown): ContainerDnsError {
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new ContainerDnsError('CDNS_RECORDS_FILE_INVALID', `${this.path}, entry ${index}: ${reason}`, { cause })
  }

  #explain<T>(index: number, step: () => T): T {
    try {
      return step()
    } catch (cause) {
      throw this.invalid(index, cause)
    }
  }
}

/** Throws the codes of the encoder, and Error when the file has had that name, type and view already. */
function stageRRset(rrset: RRset, place: number, { staged, source, sink, encoder }: Staging): void {
  encoder.reset()
  const wire = encoder.encode(rrset.type, rrset.ttl ?? 0, rrset.data, rrset)
  const owner = encoder.name(rrset.name)
  const { type, bytes } = wire
  const view = viewNumber(sink.views, rrset.view)
  if (staged.has(owner, type, view, source)) {
    throw new Error(`${rrset.name} ${rrset.type} stands in an earlier entry already`)
  }
  const { selection, fallback, owner: holder } = rrset
  const saysAnything = selection !== undefined || fallback !== undefined || holder !== undefined
  let start = wire.start + RDLENGTH_SIZE
  for (let i = 0; i < wire.count; i++) {
    const length = (bytes[start - 2]! << 8) | bytes[start - 1]!
    const weight = isWeighted(wire) ? weightAt(wire, i) : DEFAULT_WEIGHT
    const record = { type, ttl: rrset.ttl ?? NO_TTL, weight, view, source, place, bytes, start, length }
    // With its first record, as an RRset has none without.
    staged.add(owner, i === 0 && saysAnything ? { ...record, said: { selection, fallback, owner: holder } } : record)
    start += length + RDLENGTH_SIZE
  }
}
