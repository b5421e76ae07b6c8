import { isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import { ContainerDnsError } from '../../errors.js'
import { checkRRset, type RRset } from '../../records/rrset.js'
import { jsonArrayElements } from './json-array.js'

/** One reading of a JSON file of RRsets. Can be gone through more than once. */
export class RecordsFile {
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

  /** A number of RRsets that it cannot go beyond. */
  get mostRRsets(): number {
    return Math.ceil(this.#bytes.length / SHORTEST_ENTRY.length)
  }

  /** Its RRsets, in the order of the file. Throws CDNS_RECORDS_FILE_INVALID, naming the entry. */
  *rrsets(): Generator<RRset, void, void> {
    const elements = jsonArrayElements(this.#bytes)
    for (let index = 0; ; index++) {
      const element = this.#explain(index, () => elements.next())
      if (element.done === true) return
      const rrset = element.value
      this.#explain(index, () => checkRRset(rrset))
      yield rrset as RRset
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

const SHORTEST_ENTRY = '{"name":"a","type":"A","data":["1.1.1.1"]}'
