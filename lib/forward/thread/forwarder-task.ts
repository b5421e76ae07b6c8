import type { AnswerCacheHandle } from '../../answer-cache/answer-cache-memory.js'
import type { ParsedForward } from '../options.js'
import type { Listener } from '../own-listeners.js'
import type { ForwardRing } from './desk.js'

/** What the forward thread is given, beside what it answers by. A plain object: it is posted to the thread. */
export interface ForwarderTask {
  readonly forward: ParsedForward
  readonly cache: AnswerCacheHandle
  /** Of the threads that there are by now; of others it is told. */
  readonly rings: readonly ForwardRing[]
  /** On which the thread sleeps; one for all rings. */
  readonly bell: SharedArrayBuffer
  /** An eventfd that is written when the bell rings while the thread waits in a system call; `batch` only. */
  readonly wakeFd?: number
  /** Where this server answers: no upstream is there. */
  readonly listeners: readonly Listener[]
  /** How datagrams come, and so how upstreams are asked. */
  readonly transport: 'batch' | 'dgram'
  /** Where the thread notes the descriptors that it opens; `batch` only. */
  readonly descriptors?: SharedArrayBuffer
}
