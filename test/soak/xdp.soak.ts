import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { eventually } from '../support/eventually.js'
import { NetworkNamespaces, type NetworkSide, namespaceObstacle } from '../support/network-namespaces.js'
import { buildFrame, FrameSocket } from '../transport/xdp/raw-frames.js'
import type { Soak } from './soak.js'
import { DatagramAccount } from './xdp/datagram-account.js'
import { NOT_OURS } from './xdp/fuzzed-frames.js'
import { networkCounts } from './xdp/network-counts.js'
import { WrongAnswers } from './xdp/wrong-answers.js'
import type { XdpFloodPlan, XdpFloodReport } from './xdp/xdp-flood.js'
import { queriesOf, type XdpQueries } from './xdp/xdp-queries.js'
import type { XdpServerMessage, XdpServerPlan } from './xdp/xdp-server.js'

const PORT = 5353
const LOOK_EACH_MS = 1_000
const REPORT_EACH_MS = 60_000
/** What is sent after that, in seconds, to account for it to the last datagram. */
const ACCOUNT_SECONDS = 5
/** Processes that send: one for each core of a machine that has two. */
const FLOODS = 2
/** A small claim to the cores: the server gets what is left, so that it takes less than half of what comes. */
const NICENESS = '10'

/**
 * Sends frames as fast as they can be sent, half of them wrong somewhere, over IPv4 and IPv6: the server lives on, nothing is answered that
 * was not for it, and in the end each of its frames is where it belongs. And then queries with nothing wrong, of which each has
 * been answered, or been counted where it was lost.
 */
export const soak: Soak = {
  name: 'xdp',
  minutes: 10,
  async run(report, minutes) {
    const obstacle = namespaceObstacle()
    if (obstacle !== undefined) throw new Error(`the soak xdp takes network namespaces: ${obstacle}`)
    using cable = new NetworkNamespaces()
    await using run = await FloodedServer.start(cable)
    await run.fuzz(report, minutes)
    await run.account(report)
  },
}

/** A server, and who floods it. */
class FloodedServer implements AsyncDisposable {
  readonly #cable: NetworkNamespaces
  readonly #child: ChildProcess
  readonly #queries: XdpQueries
  readonly #wrong: WrongAnswers
  readonly #floods = new Set<ChildProcess>()

  static async start(cable: NetworkNamespaces): Promise<FloodedServer> {
    const { server } = cable
    const plan: XdpServerPlan = { hosts: [server.ipv4, server.ipv6], port: PORT, interface: server.interface }
    const flooded = new FloodedServer(cable, run(server, 'xdp-server.js', plan, ['nice', '-n', NICENESS]))
    await flooded.#told()
    return flooded
  }

  private constructor(cable: NetworkNamespaces, child: ChildProcess) {
    const { client, server } = cable
    this.#cable = cable
    this.#child = child
    this.#wrong = cable.on(client, () => new WrongAnswers(client.interface))
    const macOf = (side: NetworkSide) => cable.on(side, () => Array.from(hardwareAddress(side.interface)))
    this.#queries = {
      client,
      server,
      clientMac: macOf(client),
      serverMac: macOf(server),
      clientPort: 40_000,
      serverPort: PORT,
    }
  }

  async fuzz(report: (line: string) => void, minutes: number): Promise<void> {
    await this.#tryWrongAnswers()
    const seed = Date.now() & 0x7fffffff
    report(`seed ${seed}`)
    const floods = await this.#flood(Array.from({ length: FLOODS }, (_, i) => seed + i))
    let nextReport = performance.now() + REPORT_EACH_MS
    for (const end = performance.now() + minutes * 60_000; performance.now() < end; ) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EACH_MS))
      this.#look()
      if (performance.now() < nextReport) continue
      nextReport += REPORT_EACH_MS
      report(JSON.stringify((await this.#ask()).queue))
    }
    const { sent } = await this.#stop(floods)
    const { queue, counters, restarts } = await this.#settled()
    this.#look()
    const taken = queue.received + queue.malformed + queue.badChecksum + queue.unanswerable
    report(`${sent} frames, ${taken} of them taken, ${queue.dropped} dropped: ${JSON.stringify(queue)}`)
    refuse(restarts > 0, `threads were started again ${restarts} times`)
    refuse(queue.badDescriptors > 0, 'descriptors were wrong')
    refuse(queue.dropped < taken, 'it was less than twice of what was taken')
    for (const kind of ['malformed', 'badChecksum', 'unanswerable', 'sent'] as const) {
      refuse(queue[kind] === 0, `no frame was ${kind}`)
    }
    refuse(counters.queries <= queue.received, 'nothing came through the kernel')
  }

  /** Each of some millions of queries over IPv4 is found again. */
  async account(report: (line: string) => void): Promise<void> {
    const { client } = this.#cable
    // It reads as fast as it can, which is not fast enough.
    const socket = this.#cable.openSocket(client, client.ipv4)
    let answers = 0
    socket.on('message', () => answers++)
    try {
      const account = new DatagramAccount(this.#cable, await this.#settled())
      const floods = await this.#flood([undefined], socket.address().port)
      await new Promise((resolve) => setTimeout(resolve, 1_000 * ACCOUNT_SECONDS))
      const flood = await this.#stop(floods)
      const found = account.close(flood, await this.#settled())
      for (const [place, count] of found.places) report(`${String(count).padStart(9)} ${place}`)
      refuse(found.unexplained !== 0, `${found.unexplained} datagrams are nowhere`)
      refuse(answers === 0, 'no query was answered')
      refuse(answers !== found.read, `${found.read} answers came, and ${answers} were read`)
    } finally {
      socket.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [...this.#floods, this.#child]) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    this.#wrong[Symbol.dispose]()
  }

  /** Whether wrong answers would be seen: a query that is right, with their id. */
  async #tryWrongAnswers(): Promise<void> {
    const { client } = this.#cable
    using socket = this.#cable.on(client, () => new FrameSocket(client.interface, 0))
    for (const query of queriesOf(this.#queries)) {
      for (const vlans of [[], [30], [30, 40]]) {
        const payload = Buffer.from(query.payload)
        payload.writeUInt16BE(NOT_OURS)
        socket.send(buildFrame({ ...query, vlans, payload }))
        await eventually(() => this.#wrong.take().length === 1)
      }
    }
  }

  async #flood(seeds: readonly (number | undefined)[], clientPort = this.#queries.clientPort): Promise<ChildProcess[]> {
    const { client } = this.#cable
    const floods = seeds.map((seed) => {
      const plan: XdpFloodPlan = { interface: client.interface, queries: { ...this.#queries, clientPort }, seed }
      return run(client, 'xdp-flood.js', plan)
    })
    for (const flood of floods) this.#floods.add(flood)
    await Promise.all(floods.map((flood) => once(flood, 'message', { signal: AbortSignal.timeout(60_000) })))
    return floods
  }

  async #stop(floods: readonly ChildProcess[]): Promise<XdpFloodReport> {
    const reports = floods.map(async (flood) => {
      flood.send('stop')
      const [message] = await once(flood, 'message', { signal: AbortSignal.timeout(60_000) })
      await once(flood, 'exit')
      this.#floods.delete(flood)
      return message as XdpFloodReport
    })
    const all = await Promise.all(reports)
    const total = (kind: keyof XdpFloodReport) => all.reduce((sum, each) => sum + each[kind], 0)
    return { sent: total('sent'), refused: total('refused') }
  }

  #look(): void {
    const { exitCode, signalCode } = this.#child
    refuse(exitCode !== null || signalCode !== null, 'the server has ended')
    const [wrong] = this.#wrong.take()
    refuse(wrong !== undefined, `this must not have been answered: ${wrong?.toString('hex')}`)
  }

  /** Once each frame is in a place of its own, no socket has anything to read, and as much was counted as the time before. */
  #settled(): Promise<XdpServerMessage> {
    let before = ''
    return eventually(async () => {
      const now = await this.#ask()
      const { frames, framesSeen } = now.queue
      if (framesSeen !== frames) throw new Error(`${framesSeen} of ${frames} frames are accounted for`)
      const { client, server } = this.#cable
      const waiting = [client, server].map((side) => networkCounts(this.#cable, side).udpWaiting)
      const seen = JSON.stringify([now, waiting])
      if (waiting.every((bytes) => bytes === 0) && seen === before) return now
      before = seen
      throw new Error('something still comes')
    })
  }

  #ask(): Promise<XdpServerMessage> {
    this.#child.send('tell')
    return this.#told()
  }

  async #told(): Promise<XdpServerMessage> {
    const [message] = await once(this.#child, 'message', { signal: AbortSignal.timeout(60_000) })
    return message as XdpServerMessage
  }
}

function run(side: NetworkSide, file: string, plan: object, before: readonly string[] = []): ChildProcess {
  const program = [process.execPath, fileURLToPath(new URL(file, import.meta.url)), JSON.stringify(plan)]
  return spawn('ip', ['netns', 'exec', side.namespace, ...before, ...program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

function hardwareAddress(interfaceName: string): Uint8Array {
  using socket = new FrameSocket(interfaceName, 0)
  return socket.mac
}

function refuse(isWrong: boolean, what: string): void {
  if (isWrong) throw new Error(what)
}
