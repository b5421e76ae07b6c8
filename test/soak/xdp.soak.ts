import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { FastRandom } from '../../lib/fast-random.js'
import { queryMessage } from '../../lib/wire/query-message.js'
import { eventually } from '../support/eventually.js'
import { NetworkNamespaces, namespaceObstacle } from '../support/network-namespaces.js'
import { type FrameParts, FrameSocket } from '../transport/xdp/raw-frames.js'
import type { Soak } from './soak.js'
import { fuzzedFrames, NOT_OURS } from './xdp/fuzzed-frames.js'
import type { XdpServerMessage, XdpServerPlan } from './xdp/xdp-server.js'

const PORT = 5353
const TYPE_A = 1
const REPORT_EACH_MS = 60_000
/** Frames between two looks at what has come back, and how many different ones there are. */
const ROUND = 512
const DIFFERENT = 8192
/** Where a frame without tags has the port that it comes from, and the id of its DNS message. */
const SOURCE_PORT_AT = 34
const ID_AT = 42

/**
 * Sends frames as fast as they can be sent, half of them wrong somewhere: the server lives on, nothing is answered that was not for it, and in
 * the end each of its frames is where it belongs.
 */
export const soak: Soak = {
  name: 'xdp',
  minutes: 10,
  async run(report, minutes) {
    const obstacle = namespaceObstacle()
    if (obstacle !== undefined) throw new Error(`the soak xdp takes network namespaces: ${obstacle}`)
    using cable = new NetworkNamespaces()
    const { client, server } = cable
    const plan: XdpServerPlan = { host: server.ipv4, port: PORT, interface: server.interface }
    const program = [process.execPath, fileURLToPath(new URL('xdp-server.js', import.meta.url)), JSON.stringify(plan)]
    const child = spawn('ip', ['netns', 'exec', server.namespace, ...program], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const told = async () =>
      (await once(child, 'message', { signal: AbortSignal.timeout(60_000) }))[0] as XdpServerMessage
    const ask = () => {
      child.send('tell')
      return told()
    }
    try {
      await told()
      const seed = Date.now() & 0x7fffffff
      report(`seed ${seed}`)
      using frames = cable.on(client, () => new FrameSocket(client.interface))
      const destinationMac = cable.on(server, () => macOf(server.interface))
      const query: FrameParts = {
        ...{ destinationMac, sourceMac: frames.mac, source: client.ipv4, destination: server.ipv4 },
        ...{ sourcePort: 40_000, destinationPort: PORT, payload: queryMessage('www.example.org', TYPE_A, 7) },
      }
      const lot = fuzzedFrames(query, DIFFERENT, new FastRandom(seed))
      let sent = 0
      let answers = 0
      let nextReport = performance.now() + REPORT_EACH_MS
      for (const end = performance.now() + minutes * 60_000; performance.now() < end; ) {
        for (let i = 0; i < ROUND; i++) frames.send(lot[sent++ % lot.length]!)
        answers += countAnswers(frames.receive(), destinationMac)
        if (child.exitCode !== null || child.signalCode !== null) throw new Error('the server has ended')
        await new Promise((resolve) => setImmediate(resolve))
        if (performance.now() < nextReport) continue
        nextReport += REPORT_EACH_MS
        report(`${sent} frames, ${answers} answers seen: ${JSON.stringify((await ask()).queue)}`)
      }
      const { queue, restarts } = await eventually(async () => {
        const now = await ask()
        if (now.queue.framesSeen === now.queue.frames) return now
        throw new Error(`${now.queue.framesSeen} of ${now.queue.frames} frames are accounted for`)
      })
      report(`${sent} frames, ${answers} answers seen: ${JSON.stringify(queue)}`)
      refuse(restarts > 0, `threads were started again ${restarts} times`)
      refuse(queue.badDescriptors > 0, 'descriptors were wrong')
      refuse(queue.dropped === 0, 'it was no overload: no frame was dropped')
      refuse(queue.badChecksum === 0 || queue.malformed === 0, 'nothing that was wrong has come')
      refuse(answers === 0, 'no answer was seen')
    } finally {
      child.kill('SIGTERM')
    }
  },
}

function macOf(interfaceName: string): Uint8Array {
  using socket = new FrameSocket(interfaceName)
  return socket.mac
}

/** Of what was seen on the cable: the answers; throws where one is to a frame that was for somebody else. */
function countAnswers(seen: readonly Buffer[], serverMac: Uint8Array): number {
  const answers = seen.filter(
    (frame) =>
      Buffer.compare(frame.subarray(6, 12), serverMac) === 0 &&
      frame.length > ID_AT + 2 &&
      frame.readUInt16BE(SOURCE_PORT_AT) === PORT,
  )
  refuse(
    answers.some((frame) => frame.readUInt16BE(ID_AT) === NOT_OURS),
    'a frame that was for somebody else was answered',
  )
  return answers.length
}

function refuse(isWrong: boolean, what: string): void {
  if (isWrong) throw new Error(what)
}
