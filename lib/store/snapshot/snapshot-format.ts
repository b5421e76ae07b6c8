import { createHash, type Hash } from 'node:crypto'
import { endianness } from 'node:os'
import { ContainerDnsError } from '../../errors.js'

// A snapshot file:
//
//   header, HEADER_BYTES long:  | magic, 8 bytes | version u32 | length of the description u32 | SHA-256, 32 bytes | description, JSON | zeros |
//   blocks:                     | bytes of the block u32, this word included | entry | entry | …
//     entry, in whole words:    | words << 8, key length u32 | key, padded with zeros | payload as in a table entry, padded with zeros |
//
// Numbers, and those of the payload, are in the byte order of the machine that wrote it, which is part of the description. The
// hash is over the blocks and then the header with zeros in its own place: the header is written last.

export const HEADER_BYTES = 4096
/** The longest entry is half a segment of payload; blocks are read whole. */
export const MAX_BLOCK_BYTES = 1 << 20
export const BLOCK_HEADER_BYTES = 4
export const ENTRY_WORDS_SHIFT = 8
export const ENTRY_KEY_MASK = 0xff
/**
 * Counts the changes of all that a file holds: of what is drawn above, of the payload of an entry (record-index/layout.ts), and of the side data
 * (records/rrset-side.ts, store/etcd/leaf.ts). 2: leaves that are a whole RRset, are held back with a type, or have several kinds of
 * paths; the octet before them; the mark of synthesized RRsets.
 */
const FORMAT_VERSION = 3

const MAGIC = Buffer.from('CDNSsnap', 'latin1')
const VERSION_AT = MAGIC.length
const LENGTH_AT = VERSION_AT + 4
const HASH_AT = LENGTH_AT + 4
const HASH_BYTES = 32
const DESCRIPTION_AT = HASH_AT + HASH_BYTES

/** What a snapshot is of. */
export interface SnapshotOrigin {
  /** Which source the records are from: the id of etcd's cluster. */
  readonly source: string
  /** The revision of the source that is in it for certain. What came while it was being written may be in it too. */
  readonly revision: number
  /** Milliseconds since 1970. */
  readonly writtenAt: number
  /** Stands for the options that decide what a source's keys are turned into. */
  readonly fingerprint: string
}

export interface SnapshotDescription extends SnapshotOrigin {
  readonly byteOrder: string
  /** Of the whole file. */
  readonly bytes: number
  readonly names: number
}

export function snapshotHash(): Hash {
  return createHash('sha256')
}

/** `hash` has seen the blocks. */
export function packHeader(given: Omit<SnapshotDescription, 'byteOrder'>, hash: Hash): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  const length = header.write(JSON.stringify({ ...given, byteOrder: endianness() }), DESCRIPTION_AT)
  header.set(MAGIC)
  header.writeUInt32LE(FORMAT_VERSION, VERSION_AT)
  header.writeUInt32LE(length, LENGTH_AT)
  header.set(hash.update(header).digest(), HASH_AT)
  return header
}

/** Throws CDNS_SNAPSHOT_INVALID and CDNS_SNAPSHOT_MISMATCH. That the header is whole is known only once the hash has been checked. */
export function unpackHeader(header: Buffer, fileBytes: number, fingerprint: string): SnapshotDescription {
  if (header.length < HEADER_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw invalid('it is none, or was cut off in its first bytes')
  }
  const version = header.readUInt32LE(VERSION_AT)
  if (version !== FORMAT_VERSION) throw mismatch(`it has format ${version}, this version reads ${FORMAT_VERSION}`)
  const description = parseDescription(header)
  if (description.byteOrder !== endianness()) throw mismatch('it was written on a machine with another byte order')
  if (description.bytes !== fileBytes) throw invalid(`it has ${fileBytes} bytes, and should have ${description.bytes}`)
  if (description.fingerprint !== fingerprint) throw mismatch('it was written with other options of the store')
  return description
}

/** Throws CDNS_SNAPSHOT_INVALID unless the hash over the blocks and this header is the one that stands in it. */
export function checkHash(header: Buffer, hash: Hash): void {
  const written = Buffer.from(header.subarray(HASH_AT, HASH_AT + HASH_BYTES))
  const cleared = Buffer.from(header).fill(0, HASH_AT, HASH_AT + HASH_BYTES)
  if (!hash.update(cleared).digest().equals(written)) throw invalid('its checksum is wrong')
}

export function invalid(reason: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_SNAPSHOT_INVALID', `the snapshot cannot be used: ${reason}`)
}

function mismatch(reason: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_SNAPSHOT_MISMATCH', `the snapshot cannot be used: ${reason}`)
}

function parseDescription(header: Buffer): SnapshotDescription {
  const length = header.readUInt32LE(LENGTH_AT)
  if (length > HEADER_BYTES - DESCRIPTION_AT) throw invalid('its header is damaged')
  let given: unknown
  try {
    given = JSON.parse(header.toString('utf8', DESCRIPTION_AT, DESCRIPTION_AT + length))
  } catch {
    throw invalid('its header is damaged')
  }
  if (!isDescription(given)) throw invalid('its header is damaged')
  return given
}

function isDescription(given: unknown): given is SnapshotDescription {
  if (typeof given !== 'object' || given === null) return false
  const { source, fingerprint, byteOrder, revision, writtenAt, bytes, names } = given as Record<string, unknown>
  const isText = [source, fingerprint, byteOrder].every((value) => typeof value === 'string')
  return (
    isText && [revision, writtenAt, bytes, names].every((value) => Number.isSafeInteger(value) && Number(value) >= 0)
  )
}
