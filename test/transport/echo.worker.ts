import { workerData } from 'node:worker_threads'
import type { DatagramHandler, EventLoopControl } from '../../lib/transport/datagram-transport.js'
import { serveDatagrams } from '../../lib/transport/serve.js'
import { COMMAND, type EchoThreadData, WORD } from './echo-protocol.js'

/** A DNS thread with no DNS in it: answers a request with itself, or does what its first byte says. */

const { endpoints, shared } = workerData as EchoThreadData
const words = new Int32Array(shared)
let answered = 0
let lastTick = performance.now()

const handler: DatagramHandler = {
  beginBatch() {
    answered = 0
  },
  answer(request, start, length, response, responseStart, responseCapacity) {
    const command = length === 0 ? COMMAND.echo : request[start]
    if (command === COMMAND.drop) return 0
    answered++
    if (command === COMMAND.fill) {
      response.fill(request[start + 1]!, responseStart, responseStart + responseCapacity)
      return responseCapacity
    }
    if (command === COMMAND.length || length === 0) {
      response[responseStart] = length >>> 8
      response[responseStart + 1] = length & 0xff
      return 2
    }
    for (let i = 0; i < length; i++) response[responseStart + i] = request[start + i]!
    return length
  },
  endBatch(sendFailures) {
    Atomics.add(words, WORD.answered, answered)
    Atomics.add(words, WORD.sendFailures, sendFailures)
  },
}

const control: EventLoopControl = {
  isDraining: false,
  tick() {
    const now = performance.now()
    if (now - lastTick > Atomics.load(words, WORD.longestGapMs)) {
      Atomics.store(words, WORD.longestGapMs, Math.ceil(now - lastTick))
    }
    lastTick = now
    Atomics.add(words, WORD.ticks, 1)
    return Atomics.load(words, WORD.stop) === 0
  },
  async stopped() {
    await Atomics.waitAsync(words, WORD.stop, 0).value
  },
}

await serveDatagrams(endpoints, handler, control)
