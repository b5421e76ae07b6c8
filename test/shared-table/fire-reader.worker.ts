import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { ReaderSlot } from '../../lib/shared-table/epochs.js'
import { CONTROL_BUCKET_COUNT } from '../../lib/shared-table/layout.js'
import { type Segment, SegmentSet } from '../../lib/shared-table/segments.js'
import { TableKey } from '../../lib/shared-table/table-key.js'
import { TableReader } from '../../lib/shared-table/table-reader.js'
import {
  checkPayload,
  FIRE,
  type FireData,
  hashOf,
  keyAboutToMove,
  kindOf,
  Random,
  READER,
  readerWord,
  writeKey,
} from './fire-protocol.js'

/** A reader of the fire test: looks keys up as fast as it can and ends with an error when something is not as it must be. */

const BATCH = 32

const { reader, control, generations, table } = workerData as FireData
const port = parentPort!
const words = new Int32Array(control)
const published = new Int32Array(generations)
const tableControl = new Int32Array(table)
const seen = new Int32Array(published.length)
const random = new Random(0x1234567 * (reader + 1))
const slot = new ReaderSlot(tableControl, reader)
const lookups = new TableReader(tableControl, new SegmentSet([], receive))
const keyBytes = new Uint8Array(64)
const tableKey = new TableKey()

// What a batch has found, to be looked at once more before it ends.
const foundKeys = new Int32Array(BATCH)
const foundAt = new Int32Array(BATCH)
const foundGenerations = new Int32Array(BATCH)
const foundWords: Int32Array[] = []
let found = 0

port.postMessage('ready')
while (Atomics.load(words, FIRE.stop) === 0) {
  slot.enter()
  found = 0
  for (let i = 0; i < BATCH; i++) lookUp(pickKey())
  checkAgain()
  if (Atomics.load(words, FIRE.hold) === reader + 1) holdForEver()
  slot.leave()
  Atomics.add(words, readerWord(reader, READER.lookups), BATCH)
  Atomics.add(words, readerWord(reader, READER.hits), found)
}
port.close()

function receive(): Segment | undefined {
  const received = receiveMessageOnPort(port) as { message: Segment } | undefined
  if (received !== undefined) Atomics.add(words, readerWord(reader, READER.segments), 1)
  return received?.message
}

/** A quarter of the lookups is for any key, the others for those that the next split will move or the last one has moved. */
function pickKey(): number {
  const putBelow = Atomics.load(words, FIRE.putBelow)
  const aim = random.below(4)
  if (aim === 0) return random.below(putBelow)
  const bucketCount = Atomics.load(tableControl, CONTROL_BUCKET_COUNT) - (aim === 1 ? 1 : 0)
  const key = keyAboutToMove(bucketCount, random.below(4))
  return key < putBelow ? key : random.below(putBelow)
}

function lookUp(key: number): void {
  tableKey.set(keyBytes, 0, writeKey(key, keyBytes))
  const atLeast = Atomics.load(published, key)
  const isRemoved = key < Atomics.load(words, FIRE.removedBelow) && kindOf(key) === 'removed once'
  const isFound = lookups.find(hashOf(key), tableKey.words, tableKey.length)
  if (!isFound) {
    if (kindOf(key) === 'stays') fail(`key ${key} is missing`)
    return
  }
  if (isRemoved) fail(`key ${key} is there after it was removed`)
  const generation = checkPayload(lookups.words, lookups.payloadWord, key)
  if (generation === -1) fail(`the entry of key ${key} is a mixture`)
  if (generation < atLeast) fail(`key ${key} is of generation ${generation} though ${atLeast} had been published`)
  if (generation < seen[key]!) fail(`key ${key} has gone back from generation ${seen[key]} to ${generation}`)
  seen[key] = generation
  foundKeys[found] = key
  foundAt[found] = lookups.payloadWord
  foundGenerations[found] = generation
  foundWords[found++] = lookups.words
}

/** Until the reader leaves, what it found must stay as it was. */
function checkAgain(): void {
  for (let i = 0; i < found; i++) {
    if (checkPayload(foundWords[i]!, foundAt[i]!, foundKeys[i]!) !== foundGenerations[i]) {
      fail(`the entry of key ${foundKeys[i]} changed while the reader was entered`)
    }
  }
}

function holdForEver(): never {
  for (;;) {
    checkAgain()
    Atomics.add(words, readerWord(reader, READER.held), 1)
  }
}

function fail(message: string): never {
  slot.leave()
  throw new Error(message)
}
