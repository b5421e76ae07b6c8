import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { ReaderSlot } from '../../lib/shared-table/epochs.js'
import { ENTRY_HEADER_WORDS, ENTRY_KEY_LENGTH_MASK, keyWords } from '../../lib/shared-table/layout.js'
import { type Segment, SegmentSet } from '../../lib/shared-table/segments.js'
import { TableReader } from '../../lib/shared-table/table-reader.js'
import { checkPayload, FIRE, type FireData, keyAboutToMove, kindOf, READER, readerWord } from './fire-protocol.js'

/** A walker of the fire test: visits the bucket that is to be split next, again and again, and ends with an error when it meets the wrong entries. */

const { reader, control, table } = workerData as FireData
const port = parentPort!
const words = new Int32Array(control)
const tableControl = new Int32Array(table)
const slot = new ReaderSlot(tableControl, reader)
const lookups = new TableReader(tableControl, new SegmentSet([], receive))

const metKeys: number[] = []
const metAt: number[] = []
const metWords: Int32Array[] = []

port.postMessage('ready')
while (Atomics.load(words, FIRE.stop) === 0) {
  slot.enter()
  visitNextToSplit()
  slot.leave()
  Atomics.add(words, readerWord(reader, READER.lookups), 1)
}
port.close()

function receive(): Segment | undefined {
  return (receiveMessageOnPort(port) as { message: Segment } | undefined)?.message
}

function visitNextToSplit(): void {
  metKeys.length = 0
  metAt.length = 0
  metWords.length = 0
  const putBelow = Atomics.load(words, FIRE.putBelow)
  const { bucketCount } = lookups
  const bucket = bucketCount - (1 << (31 - Math.clz32(bucketCount)))
  lookups.visitBucket(bucket, bucketCount, (_hash, entryWord, entryWords) => {
    const keyAt = entryWord + ENTRY_HEADER_WORDS
    const key = entryWords[keyAt]!
    if (metKeys.includes(key)) fail(`key ${key} was met twice`)
    metKeys.push(key)
    metAt.push(keyAt + keyWords(entryWords[entryWord]! & ENTRY_KEY_LENGTH_MASK))
    metWords.push(entryWords)
  })
  for (let nth = 0; nth < 8; nth++) {
    const key = keyAboutToMove(bucketCount, nth)
    if (key < putBelow && kindOf(key) === 'stays' && !metKeys.includes(key)) fail(`key ${key} was not met`)
  }
  // They stay as they are until the walker leaves, whatever is written.
  for (let look = 0; look < 20; look++) {
    for (const [i, key] of metKeys.entries()) {
      if (checkPayload(metWords[i]!, metAt[i]!, key) === -1) fail(`the entry of key ${key} is a mixture`)
    }
  }
  Atomics.add(words, readerWord(reader, READER.hits), metKeys.length)
}

function fail(message: string): never {
  slot.leave()
  throw new Error(message)
}
