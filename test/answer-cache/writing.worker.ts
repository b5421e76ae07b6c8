import { parentPort, workerData } from 'node:worker_threads'
import type { AnswerCacheHandle } from '../../lib/answer-cache/answer-cache-memory.js'
import { AnswerCacheWriter } from '../../lib/answer-cache/answer-cache-writer.js'
import { folded, keep, numberedAnswer } from './checked-cache.js'

/** A forward thread that writes answers as fast as it can until it is ended, in the middle of whatever it does. */

export interface WritingData {
  readonly handle: AnswerCacheHandle
  readonly names: number
  /** | rounds | */
  readonly control: SharedArrayBuffer
}

const { handle, names, control } = workerData as WritingData
const rounds = new Int32Array(control)
const writer = new AnswerCacheWriter(handle)
const folds = Array.from({ length: names }, (_, i) => folded(`n${i}.example`))
parentPort!.postMessage('writing')
for (let i = 0; ; i++) {
  const number = Math.imul(i, 7919) >>> 8
  writer.put(folds[number % names]!, 1, 1, 0, 0, keep(numberedAnswer(number % names, i)))
  if (i % 500 === 0) writer.sweep(1)
  Atomics.add(rounds, 0, 1)
}
