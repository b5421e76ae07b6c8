import { createSocket } from 'node:dgram'
import { parentPort, workerData } from 'node:worker_threads'
import { buildQuery } from '../support/build-query.js'

/** Asks from a thread of its own, so that it can while the main thread is blocked: all at once, and tells how long each took. */

export interface AskingData {
  readonly port: number
  readonly name: string
  readonly count: number
}

export interface AskingReport {
  /** In milliseconds; of those that were answered within three seconds. */
  readonly latencies: readonly number[]
}

const { port, name, count } = workerData as AskingData
const latencies: number[] = []
const sentAt = new Map<number, number>()
const socket = createSocket('udp4')
const end = () => {
  socket.close()
  parentPort!.postMessage({ latencies } satisfies AskingReport)
}
socket.on('message', (message) => {
  const id = message.readUInt16BE(0)
  const sent = sentAt.get(id)
  // A second answer to a query is one too many.
  if (sent === undefined) throw new Error(`nobody asked for answer ${id}`)
  sentAt.delete(id)
  latencies.push(performance.now() - sent)
  if (latencies.length < count) return
  clearTimeout(timer)
  end()
})
let timer: NodeJS.Timeout
socket.bind(0, '127.0.0.1', () => parentPort!.postMessage('ready'))
parentPort!.once('message', () => {
  timer = setTimeout(end, 3_000)
  ask()
})

function ask(): void {
  for (let id = 0; id < count; id++) {
    sentAt.set(id, performance.now())
    socket.send(buildQuery(name, 'A', { id }), port, '127.0.0.1')
  }
}
