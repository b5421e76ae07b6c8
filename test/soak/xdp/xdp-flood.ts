import { FastRandom } from '../../../lib/fast-random.js'
import { BATCH_SIZE } from '../../../lib/transport/datagram-transport.js'
import { loadLibc } from '../../../lib/transport/libc.js'
import { MessageHeaders } from '../../../lib/transport/message-headers.js'
import { SlotMemory } from '../../../lib/transport/slot-memory.js'
import { buildFrame, FrameSocket } from '../../transport/xdp/raw-frames.js'
import { fuzzedFrames } from './fuzzed-frames.js'
import { queriesOf, type XdpQueries } from './xdp-queries.js'

/** A process that sends frames as fast as they can be sent until it is asked what it has sent. */

export interface XdpFloodPlan {
  readonly interface: string
  readonly queries: XdpQueries
  /** Undefined: nothing is wrong with any frame, and all go over IPv4. */
  readonly seed: number | undefined
}

export interface XdpFloodReport {
  readonly sent: number
  /** Those that the interface did not take. */
  readonly refused: number
}

/** How many different ones there are, in how many calls. */
const VOLLEYS = 128
const VOLLEYS_A_TURN = 16
const FRAME_ROOM = 1536

const plan = JSON.parse(process.argv[2]!) as XdpFloodPlan
const libc = loadLibc()
const kept: SlotMemory[] = []
const socket = new FrameSocket(plan.interface, 0)
const volleys = makeVolleys()
let sent = 0
let refused = 0
let isOver = false
process.on('message', () => (isOver = true))
process.on('disconnect', () => process.exit())
process.send!('ready')
while (!isOver) {
  for (let i = 0; i < VOLLEYS_A_TURN; i++) fire(volleys[Math.floor((sent + refused) / BATCH_SIZE) % VOLLEYS]!)
  await new Promise((resolve) => setImmediate(resolve))
}
process.send!({ sent, refused } satisfies XdpFloodReport, () => process.exit())

/** What is refused is not sent again; the others behind it are. */
function fire({ address }: MessageHeaders): void {
  for (let at = 0; at < BATCH_SIZE; ) {
    const taken = Math.max(0, socket.sendMany(address, at, BATCH_SIZE - at))
    sent += taken
    at += taken
    if (at === BATCH_SIZE) return
    refused++
    at++
  }
}

function makeVolleys(): MessageHeaders[] {
  const queries = queriesOf(plan.queries)
  const frames =
    plan.seed === undefined
      ? [buildFrame(queries[0])]
      : fuzzedFrames(queries, VOLLEYS * BATCH_SIZE, new FastRandom(plan.seed))
  const names = new SlotMemory(libc, BATCH_SIZE, 4)
  return Array.from({ length: VOLLEYS }, (_, volley) => {
    const payloads = new SlotMemory(libc, BATCH_SIZE, FRAME_ROOM)
    const headers = new MessageHeaders(libc, { payloads, names, controls: names })
    for (let i = 0; i < BATCH_SIZE; i++) {
      const frame = frames[(volley * BATCH_SIZE + i) % frames.length]!
      payloads.bytes.set(frame, i * FRAME_ROOM)
      headers.setPayloadLength(i, frame.length)
      headers.setRoom(i, 0, 0)
    }
    // The garbage collector is not told that the kernel reads them.
    kept.push(payloads, names)
    return headers
  })
}
