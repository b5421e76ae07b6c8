import { type ChildProcess, fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Etcd3 } from 'etcd3'
import { queryMessage } from '../../lib/wire/query-message.js'
import { quantile } from '../bench/statistics.js'
import { megabytes, number } from '../bench/table.js'
import { eventually } from '../support/eventually.js'
import { Etcd } from '../support/start-etcd.js'
import { CheckedLoad } from './churn/checked-load.js'
import type { ChurnMessage, ChurnState } from './churn/churn-server.js'
import { EtcdHistory } from './churn/etcd-history.js'
import type { Soak } from './soak.js'

const HOSTS = 500
const CLIENTS = 64
const PUTS_PER_SECOND = 100
const KILL_EVERY_MS = 10_000
const RESTART_EVERY_MS = 60_000
const SAMPLE_EVERY_MS = 2_000
const TYPE_A = 1

/** An answer may be one that etcd held so long ago. */
const FRESH_MS = 1_000
/** What a thread that dies may have in its hands: a batch. */
const BATCH = 64
/** What one change of one name retires, and more. */
const ONE_CHANGE_BYTES = 256
/** gRPC keeps a connection or two more for a while after etcd was away: 42 to 44 in all over 5 minutes (2026-11). */
const SPARE_DESCRIPTORS = 4
/** Of the first and the last third of what was measured after the warm-up, the medians may grow by so much. */
const RSS_GROWTH = 0.05
const WARM_UP_SHARE = 0.2

/** Full load, records that change in etcd, threads that die, an etcd that is killed. */
export const soak: Soak = {
  name: 'churn',
  minutes: 60,
  async run(report, minutes) {
    await using etcd = await Etcd.start()
    await using churn = await Churn.start(etcd)
    await churn.run(minutes * 60_000, report)
    await churn.checkEnd(report)
  },
}

class Churn implements AsyncDisposable {
  readonly #etcd: Etcd
  readonly #client: Etcd3
  readonly #server: ChildProcess
  readonly #port: number
  readonly #history = new EtcdHistory(HOSTS)
  readonly #samples: ChurnState[] = []
  #before: ChurnState | undefined
  #load: CheckedLoad | undefined
  readonly #putting = new Set<number>()
  #puts = 0
  #kills = 0
  #etcdRestarts = 0
  /** While etcd is away and a second after the server has it back, it cannot know what is in it. */
  #mayBeStale = false
  #oldestMs = 0
  readonly #wrong: string[] = []

  private constructor(etcd: Etcd, client: Etcd3, server: ChildProcess, port: number) {
    this.#etcd = etcd
    this.#client = client
    this.#server = server
    this.#port = port
  }

  static async start(etcd: Etcd): Promise<Churn> {
    const client = new Etcd3({ hosts: etcd.host })
    const server = fork(fileURLToPath(new URL('churn-server.js', import.meta.url)), [etcd.host])
    const [message] = (await once(server, 'message')) as [ChurnMessage]
    if (message.type !== 'serving') throw new Error('the server did not say where it answers')
    const churn = new Churn(etcd, client, server, message.port)
    for (let host = 0; host < HOSTS; host++) await churn.#put(host)
    await eventually(async () => (await churn.#state()).names === HOSTS)
    churn.#before = await churn.#state()
    return churn
  }

  async run(milliseconds: number, report: (line: string) => void): Promise<void> {
    const load = new CheckedLoad(
      this.#port,
      Array.from({ length: HOSTS }, (_, host) => nameOf(host)),
      CLIENTS,
      this.#check,
    )
    this.#load = load
    const pace = [
      every(1000 / PUTS_PER_SECOND, async () => void this.#put(Math.floor(Math.random() * HOSTS))),
      every(KILL_EVERY_MS, async () => this.#killThread()),
      every(RESTART_EVERY_MS, () => this.#restartEtcd()),
      every(SAMPLE_EVERY_MS, async () => void this.#samples.push(await this.#state())),
      every(RESTART_EVERY_MS, async () => report(this.#summary())),
    ]
    await new Promise((resolve) => setTimeout(resolve, milliseconds))
    await Promise.all(pace.map((stop) => stop()))
    load[Symbol.dispose]()
    report(this.#summary())
  }

  /** Throws for the bars that were missed. */
  async checkEnd(report: (line: string) => void): Promise<void> {
    await eventually(() => !this.#mayBeStale, 60_000)
    await eventually(() => this.#putting.size === 0)
    // Values of which nobody knows are known again.
    for (let host = 0; host < HOSTS; host++) await this.#put(host)
    const end = await eventually(async () => {
      // What was retired is given back at the next change, which retires a little itself.
      await this.#put(0)
      const state = await this.#state()
      if (state.retiredBytes > ONE_CHANGE_BYTES) throw new Error(`${state.retiredBytes} bytes are still retired`)
      return state
    })
    await this.#expectAllCurrent()
    const measured = this.#samples.slice(Math.floor(this.#samples.length * WARM_UP_SHARE))
    const third = Math.ceil(measured.length / 3)
    const rss = (samples: readonly ChurnState[]) =>
      quantile(
        samples.map(({ residentBytes }) => residentBytes),
        0.5,
      )
    const [first, last] = [rss(measured.slice(0, third)), rss(measured.slice(-third))]
    report(`RSS ${megabytes(first, 1)} → ${megabytes(last, 1)} MB, ${JSON.stringify(end)}`)
    const missed = [
      ...this.#wrong.slice(0, 10),
      ...(this.#load!.lost > BATCH * this.#kills ? [`${this.#load!.lost} lost, ${this.#kills} threads killed`] : []),
      ...(last / first - 1 > RSS_GROWTH ? [`RSS went from ${first} to ${last} bytes`] : []),
      ...(end.descriptors > this.#before!.descriptors + SPARE_DESCRIPTORS
        ? [`${end.descriptors} descriptors, ${this.#before!.descriptors} at first`]
        : []),
      ...(end.threads > this.#before!.threads ? [`${end.threads} threads, ${this.#before!.threads} at first`] : []),
    ]
    if (missed.length > 0) throw new Error(missed.join('; '))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close()
    const ended = once(this.#server, 'exit')
    this.#server.disconnect()
    await ended
  }

  readonly #check = (host: number, address: string | undefined, sentAtMs: number): void => {
    const ageMs = address === undefined ? undefined : this.#history.ageMs(host, address, sentAtMs)
    if (ageMs === undefined) this.#wrong.push(`${nameOf(host)} was answered with ${address}`)
    else if (!this.#mayBeStale) {
      this.#oldestMs = Math.max(this.#oldestMs, ageMs)
      if (ageMs > FRESH_MS) this.#wrong.push(`${nameOf(host)} was answered with what etcd held ${ageMs} ms before`)
    }
  }

  /** One at a time for a host: of two at once, nobody knows which is the last. */
  async #put(host: number): Promise<void> {
    if (this.#putting.has(host)) return
    this.#putting.add(host)
    const address = `10.${(this.#puts >>> 16) & 0xff}.${(this.#puts >>> 8) & 0xff}.${this.#puts & 0xff}`
    this.#puts++
    const held = this.#history.begin(host, address, performance.now())
    try {
      await this.#client
        .put(`/containerdns/example/soak/host-${host}/0a000001/`)
        .value(JSON.stringify({ type: 'A', host: address, ttl: 30 }))
      this.#history.settle(host, held, performance.now())
    } catch {
      // etcd is away: the history takes it for possible.
    } finally {
      this.#putting.delete(host)
    }
  }

  /** A DNS thread: the one that the sender's port leads to. */
  async #killThread(): Promise<void> {
    this.#kills++
    const socket = createSocket('udp4')
    await new Promise((resolve) =>
      socket.send(queryMessage('exit.soak.example', TYPE_A, 0), this.#port, '127.0.0.1', resolve),
    )
    socket.close()
  }

  async #restartEtcd(): Promise<void> {
    this.#etcdRestarts++
    this.#mayBeStale = true
    await this.#etcd.restart()
    await eventually(async () => (await this.#state()).isConnected, 60_000)
    await new Promise((resolve) => setTimeout(resolve, FRESH_MS))
    this.#mayBeStale = false
  }

  async #expectAllCurrent(): Promise<void> {
    await eventually(async () => {
      const socket = createSocket('udp4')
      try {
        for (let host = 0; host < HOSTS; host++) {
          socket.send(queryMessage(nameOf(host), TYPE_A, 1), this.#port, '127.0.0.1')
          const [response] = (await once(socket, 'message')) as [Buffer]
          const address = response.subarray(-4).join('.')
          if (address !== this.#history.last(host))
            throw new Error(`${nameOf(host)} is ${address}, and ${this.#history.last(host)} in etcd`)
        }
      } finally {
        socket.close()
      }
    })
  }

  async #state(): Promise<ChurnState> {
    const answer = once(this.#server, 'message')
    this.#server.send('state')
    const [message] = (await answer) as [ChurnMessage]
    if (message.type !== 'state') throw new Error(`the server said ${message.type}`)
    return message.state
  }

  #summary(): string {
    const { answered, lost } = this.#load!
    const state = this.#samples.at(-1)
    return [
      `${number(answered)} answers, ${lost} lost, ${this.#wrong.length} wrong, oldest ${number(this.#oldestMs)} ms`,
      `${this.#puts} puts, ${this.#kills} threads killed (${state?.restarts} run again), etcd killed ${this.#etcdRestarts} times`,
      `RSS ${megabytes(state?.residentBytes ?? 0, 1)} MB, ${state?.descriptors} descriptors, ${state?.threads} threads, ${state?.retiredBytes} bytes retired`,
    ].join('; ')
  }
}

function nameOf(host: number): string {
  return `host-${host}.soak.example`
}

/** Does something again and again, never twice at once; gives back what stops it and waits for the last time. */
function every(milliseconds: number, work: () => Promise<void>): () => Promise<void> {
  let isStopped = false
  let running = Promise.resolve()
  const timer = setInterval(() => {
    running = running.then(() => (isStopped ? undefined : work()))
  }, milliseconds)
  return () => {
    isStopped = true
    clearInterval(timer)
    return running
  }
}
