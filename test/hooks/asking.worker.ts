import { createSocket } from 'node:dgram'
import { parentPort, workerData } from 'node:worker_threads'
import { buildQuery } from '../support/build-query.js'

/** Asks from a thread of its own, so that it can while the main thread is blocked: all at once, and tells how many were answered. */

export interface AskingData {
  readonly port: number
  readonly name: string
  readonly count: number
  /** One word: how many were answered so far; whoever waits for it is woken. */
  readonly answered: Int32Array
}

/** How many were answered in the end. */
export type AskingReport = number

const { port, name, count, answered } = workerData as AskingData
const unanswered = new Set<number>()
// All answers may come before one is read: 300 of 1280 bytes each, as the kernel counts them, where 212 992 is usual and is doubled.
const socket = createSocket({ type: 'udp4', recvBufferSize: 212_992 })
const end = () => {
  socket.close()
  parentPort!.postMessage(answered[0] satisfies AskingReport | undefined)
}
socket.on('message', (message) => {
  const id = message.readUInt16BE(0)
  // A second answer to a query is one too many.
  if (!unanswered.delete(id)) throw new Error(`nobody asked for answer ${id}`)
  Atomics.add(answered, 0, 1)
  Atomics.notify(answered, 0)
  if (unanswered.size > 0) return
  clearTimeout(timer)
  end()
})
let timer: NodeJS.Timeout
socket.bind(0, '127.0.0.1', () => parentPort!.postMessage('ready'))
parentPort!.once('message', () => {
  timer = setTimeout(end, GIVE_UP_MS)
  for (let id = 0; id < count; id++) {
    unanswered.add(id)
    socket.send(buildQuery(name, 'A', { id }), port, '127.0.0.1')
  }
})

const GIVE_UP_MS = 10_000
