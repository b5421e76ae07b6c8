import type { ContainerDnsError } from '../../errors.js'
import type { RRsetEncoder } from '../../records/wire-rrset.js'
import type { StoreSink } from '../record-store.js'
import type { StagedRecords } from './staged-records.js'

/** What a source stages its records with. */
export interface Staging {
  readonly staged: StagedRecords
  /** The number of the source, for its records. */
  readonly source: number
  readonly sink: StoreSink
  readonly encoder: RRsetEncoder
}

/** A file of records that has been read. */
export interface RecordsSource {
  readonly path: string
  /** In bytes. */
  readonly size: number
  /** Stages all records; yields often, for others to have their turn. Throws what `invalid` makes. */
  stage(staging: Staging): Generator<void, void, void>
  /** The error for something that is wrong at a place in the file: a line, or the number of an entry. */
  invalid(place: number, cause: unknown): ContainerDnsError
}
