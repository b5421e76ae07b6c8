import { closeSync, constants, fstatSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { MessagePort } from 'node:worker_threads'
import { ALL_VIEWS, type RecordIndexHandle, RecordIndexReader } from '../../record-index/record-index-reader.js'
import { ENTRY_HEADER_BYTES } from '../../shared-table/layout.js'
import { receiveSegment } from '../../threads/receive-segment.js'
import {
  BLOCK_HEADER_BYTES,
  ENTRY_WORDS_SHIFT,
  HEADER_BYTES,
  MAX_BLOCK_BYTES,
  packHeader,
  type SnapshotOrigin,
  snapshotHash,
} from './snapshot-format.js'

/** What the thread is given that writes a snapshot. A plain object, but for the port, which is transferred. */
export interface SnapshotWriteTask {
  readonly kind: 'writeSnapshot'
  readonly file: string
  readonly origin: SnapshotOrigin
  /** A reader slot that nobody else uses meanwhile. */
  readonly index: RecordIndexHandle
  /** Where new segments of the index are posted. */
  readonly port: MessagePort
}

export interface SnapshotWritten {
  readonly names: number
  readonly bytes: number
}

/** For us alone: the names of a platform's services are no secret, but they are nobody else's either. */
const MODE = 0o600

/**
 * Loader thread: writes what the index holds to a file beside the given one, which then takes its place in one step: whenever the
 * machine stops, there is the old snapshot or the new one. Throws what the system says.
 */
export async function writeSnapshot({ file, origin, index, port }: SnapshotWriteTask): Promise<SnapshotWritten> {
  const temporary = `${file}.tmp`
  // What another process has left, or is writing: that one will notice.
  rmSync(temporary, { force: true })
  const descriptor = openSync(temporary, 'wx', MODE)
  try {
    const reader = RecordIndexReader.open(index, () => receiveSegment(port)?.segment)
    reader.view = ALL_VIEWS
    const written = writeIndex(descriptor, origin, reader)
    fsyncSync(descriptor)
    if (statSync(temporary).ino !== fstatSync(descriptor).ino)
      throw new Error('another process writes the same snapshot')
    renameSync(temporary, file)
    syncFolder(dirname(file))
    return written
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  } finally {
    closeSync(descriptor)
    port.close()
  }
}

function writeIndex(descriptor: number, origin: SnapshotOrigin, index: RecordIndexReader): SnapshotWritten {
  const blocks = new BlockWriter(descriptor)
  const { bucketCount } = index
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    // No longer than for one bucket, so that the index' writer gets its memory back.
    index.enter()
    index.visitBucket(bucket, bucketCount, (_hash, bytes, nameStart, nameLength) => {
      if (index.rrsetCount > 0) blocks.add(bytes, nameStart - ENTRY_HEADER_BYTES, index.entryEnd, nameLength)
    })
    index.leave()
    blocks.flushIfFull()
  }
  blocks.flush()
  const { names, position: bytes } = blocks
  writeAll(descriptor, packHeader({ ...origin, names, bytes }, blocks.hash), 0)
  return { names, bytes }
}

/** Collects entries into blocks. While the index is entered nothing is written: a slow disk must not hold its memory up. */
class BlockWriter {
  readonly hash = snapshotHash()
  names = 0
  /** Where the next block begins. */
  position = HEADER_BYTES
  readonly #descriptor: number
  /** Blocks that are full, and after them the one that is being filled. */
  #bytes = Buffer.alloc(2 * MAX_BLOCK_BYTES)
  #words = wordsOf(this.#bytes)
  #blockStart = 0
  #end = BLOCK_HEADER_BYTES

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  add(source: Uint8Array, start: number, end: number, keyLength: number): void {
    const wordCount = (end - start + 3) >>> 2
    if (this.#end + 4 * wordCount - this.#blockStart > MAX_BLOCK_BYTES) this.#endBlock()
    if (this.#end + 4 * wordCount > this.#bytes.length) this.#grow()
    const at = this.#end
    // The last word may have bytes in it that are left from an older entry.
    this.#words[at / 4 + wordCount - 1] = 0
    const bytes = this.#bytes
    for (let i = ENTRY_HEADER_BYTES; i < end - start; i++) bytes[at + i] = source[start + i]!
    this.#words[at / 4] = (wordCount << ENTRY_WORDS_SHIFT) | keyLength
    this.#end += 4 * wordCount
    this.names++
  }

  flushIfFull(): void {
    if (this.#end >= MAX_BLOCK_BYTES) this.flush()
  }

  flush(): void {
    this.#endBlock()
    const written = this.#bytes.subarray(0, this.#blockStart)
    this.hash.update(written)
    writeAll(this.#descriptor, written, this.position)
    this.position += written.length
    this.#blockStart = 0
    this.#end = BLOCK_HEADER_BYTES
  }

  #endBlock(): void {
    const size = this.#end - this.#blockStart
    if (size === BLOCK_HEADER_BYTES) return
    this.#words[this.#blockStart / 4] = size
    this.#blockStart = this.#end
    this.#end += BLOCK_HEADER_BYTES
  }

  #grow(): void {
    const grown = Buffer.alloc(2 * this.#bytes.length)
    grown.set(this.#bytes)
    this.#bytes = grown
    this.#words = wordsOf(grown)
  }
}

function wordsOf(buffer: Buffer): Int32Array {
  return new Int32Array(buffer.buffer, buffer.byteOffset, buffer.length / 4)
}

/** The system may take less at a time than it is given. */
function writeAll(descriptor: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done)
  }
}

/** So that the new name is there after a power cut as well. Windows cannot open a folder, and needs nothing of the kind. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
