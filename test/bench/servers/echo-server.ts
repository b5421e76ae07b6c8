import { writeSync } from 'node:fs'
import { silentLogger } from '../../../lib/log.js'
import type { BatchEndpoints, DatagramHandler } from '../../../lib/transport/datagram-transport.js'
import { openDatagramSockets } from '../../../lib/transport/open-datagram-sockets.js'
import { serveBatch } from '../../../lib/transport/udp-batch.js'

/** The process of the floor: our transport with no DNS behind it. Takes its port as its argument, and serves until it is ended. */

const address = { host: '127.0.0.1', port: Number(process.argv[2]), share: false }
const sockets = await openDatagramSockets({ kind: 'batch', addresses: [address], threads: 1, logger: silentLogger })
/** Where a message has its flags, and the one that makes it a response. */
const FLAGS = 2
const QR = 0x80
const TICKS_PER_LOOK = 50

const parent = process.ppid
let ticks = 0
writeSync(process.stdout.fd, 'ready\n')

serveBatch(sockets.endpoints(0) as BatchEndpoints, createEcho(), {
  // The loop is blocked, so that nobody hears of a parent that is gone.
  tick: () => ++ticks % TICKS_PER_LOOK !== 0 || process.ppid === parent,
})

/** Returns the request with QR set. */
function createEcho(): DatagramHandler {
  return {
    beginBatch() {},
    answer(request, start, length, response, responseStart) {
      for (let i = 0; i < length; i++) response[responseStart + i] = request[start + i]!
      response[responseStart + FLAGS]! |= QR
      return length
    },
    endBatch() {},
  }
}
