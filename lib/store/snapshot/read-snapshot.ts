import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { IndexImage } from '../../record-index/index-image.js'
import {
  DIRECTORY,
  DIRECTORY_SIDE_BYTES,
  DIRECTORY_WIRE_BYTES,
  DIRECTORY_WORDS,
  RRSET_COUNT,
  RRSET_COUNT_MASK,
  WIRE_BYTES_MASK,
} from '../../record-index/layout.js'
import { RecordIndexBuilder } from '../../record-index/record-index-builder.js'
import { ENTRY_HEADER_WORDS, keyWords } from '../../shared-table/layout.js'
import { nameLength } from '../../wire/name.js'
import {
  BLOCK_HEADER_BYTES,
  checkHash,
  ENTRY_KEY_MASK,
  ENTRY_WORDS_SHIFT,
  HEADER_BYTES,
  invalid,
  MAX_BLOCK_BYTES,
  type SnapshotDescription,
  snapshotHash,
  unpackHeader,
} from './snapshot-format.js'

/** What the thread is given that reads a snapshot. A plain object: it is posted. */
export interface SnapshotReadTask {
  readonly kind: 'readSnapshot'
  readonly file: string
  readonly fingerprint: string
  readonly seed: number
}

export interface SnapshotRead {
  readonly image: IndexImage
  readonly description: SnapshotDescription
}

/**
 * Loader thread: makes an index of what a snapshot holds; undefined when there is no such file. All of it or nothing: the
 * hash is checked before anything is handed out.
 *
 * Throws CDNS_SNAPSHOT_INVALID, CDNS_SNAPSHOT_MISMATCH, and what the system says.
 */
export async function readSnapshot({ file, fingerprint, seed }: SnapshotReadTask): Promise<SnapshotRead | undefined> {
  const descriptor = openIfThere(file)
  if (descriptor === undefined) return undefined
  try {
    const { size } = fstatSync(descriptor)
    const header = Buffer.alloc(HEADER_BYTES)
    const description = unpackHeader(
      header.subarray(0, readAll(descriptor, header, 0, HEADER_BYTES, 0)),
      size,
      fingerprint,
    )
    // A number that cannot be right is found out by the hash; until then it must not cost us memory.
    const builder = new RecordIndexBuilder(seed, Math.min(description.names, size / LEAST_ENTRY_BYTES))
    const hash = snapshotHash()
    const names = readBlocks(descriptor, size, hash, builder)
    checkHash(header, hash)
    if (names !== description.names) throw invalid(`it holds ${names} names, and should hold ${description.names}`)
    return { image: builder.image(), description }
  } finally {
    closeSync(descriptor)
  }
}

/** Header, the shortest key, and the words before the first RRset's. */
const LEAST_ENTRY_BYTES = 4 * (ENTRY_HEADER_WORDS + 1 + DIRECTORY + DIRECTORY_WORDS)

function openIfThere(file: string): number | undefined {
  try {
    return openSync(file, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Returns how many entries there were. */
function readBlocks(
  descriptor: number,
  fileBytes: number,
  hash: ReturnType<typeof snapshotHash>,
  builder: RecordIndexBuilder,
): number {
  const buffer = Buffer.alloc(MAX_BLOCK_BYTES)
  const words = new Int32Array(buffer.buffer, buffer.byteOffset, buffer.length / 4)
  let names = 0
  for (let position = HEADER_BYTES; position < fileBytes; ) {
    const length = readAll(descriptor, buffer, 0, MAX_BLOCK_BYTES, position)
    const size = words[0]!
    if (size <= BLOCK_HEADER_BYTES || size > length || size % 4 !== 0) throw invalid('it is damaged')
    hash.update(buffer.subarray(0, size))
    for (let word = BLOCK_HEADER_BYTES / 4; word < size / 4; names++) {
      const wordCount = words[word]! >>> ENTRY_WORDS_SHIFT
      const keyLength = words[word]! & ENTRY_KEY_MASK
      if (!isEntry(words, buffer, word, wordCount, keyLength, size / 4)) throw invalid('it is damaged')
      builder.add(words, buffer, word, wordCount, keyLength)
      word += wordCount
    }
    position += size
  }
  return names
}

/** Whether an entry is of a piece, so that whoever reads it stays inside of it. */
function isEntry(
  words: Int32Array,
  bytes: Uint8Array,
  word: number,
  wordCount: number,
  keyLength: number,
  end: number,
): boolean {
  const key = 4 * (word + ENTRY_HEADER_WORDS)
  const payload = word + ENTRY_HEADER_WORDS + keyWords(keyLength)
  if (word + wordCount > end || payload + DIRECTORY > word + wordCount) return false
  if (keyLength === 0 || nameLength(bytes, key, key + keyLength) !== keyLength) return false
  const rrsetCount = words[payload + RRSET_COUNT]! & RRSET_COUNT_MASK
  const directoryEnd = payload + DIRECTORY + rrsetCount * DIRECTORY_WORDS
  if (rrsetCount < 1 || rrsetCount > wordCount || directoryEnd > word + wordCount) return false
  let size = 4 * (directoryEnd - word)
  for (let at = payload + DIRECTORY; at < directoryEnd; at += DIRECTORY_WORDS) {
    const wireBytes = words[at + DIRECTORY_WIRE_BYTES]! & WIRE_BYTES_MASK
    const sideBytes = words[at + DIRECTORY_SIDE_BYTES]!
    if (sideBytes < 0) return false
    size += wireBytes + sideBytes
  }
  return (size + 3) >>> 2 === wordCount
}

/** As many bytes as there are, up to the end of the file. */
function readAll(descriptor: number, target: Buffer, start: number, length: number, position: number): number {
  let done = 0
  while (done < length) {
    const count = readSync(descriptor, target, start + done, length - done, position + done)
    if (count === 0) break
    done += count
  }
  return done
}
