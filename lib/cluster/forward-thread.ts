import { randomInt } from 'node:crypto'
import { AnswerCacheWriter } from '../answer-cache/answer-cache-writer.js'
import { systemClock } from '../clock.js'
import { CheckedReply, type ReplyRules } from '../forward/reply/checked-reply.js'
import { AnswerInHand } from '../forward/thread/answer-in-hand.js'
import type { ForwardRing } from '../forward/thread/desk.js'
import { Forwarder } from '../forward/thread/forwarder.js'
import type { ForwarderTask } from '../forward/thread/forwarder-task.js'
import { RingWatch } from '../forward/thread/ring-watch.js'
import { sharedSeconds } from '../forward/thread/shared-seconds.js'
import { Upstreams } from '../forward/upstream/upstreams.js'
import { Bell } from '../handoff/bell.js'
import type { Hooks } from '../hooks/hooks.js'
import type { Logger } from '../log.js'
import { QueryPipeline } from '../query/pipeline.js'
import { type LogLevel, type MessageFromThread, type MessageToThread, toPlainError } from '../threads/messages.js'
import { type OtherMessage, receiveSegment } from '../threads/receive-segment.js'
import type { PostedSegment } from '../threads/segment-inbox.js'
import { DescriptorList } from '../transport/descriptor-list.js'
import { untilStopped } from '../transport/until-stopped.js'
import {
  type AnsweringTask,
  importThreadHooks,
  openTables,
  openTaps,
  openThreadHooks,
  type PolicyMessage,
  takePolicy,
} from './answering.js'
import { liveThread } from './thread-life.js'

/** What the forward thread is given: a plain object, posted to it. */
export interface ForwardThreadTask extends AnsweringTask {
  readonly forwarder: ForwarderTask
}

/** How often the main thread is told how upstreams are. */
const STATS_INTERVAL_MS = 500

/** The life of the forward thread: asks upstreams on its event loop, for all threads that park queries, until it is told to stop. */
export function runForwardThread(task: ForwardThreadTask): Promise<void> {
  return liveThread(task, async (control) => {
    const calls = await importThreadHooks(task)
    const { forwarder, upstreams, cache, mailbox, watch } = openForwarder(task, calls)
    for (const ring of task.forwarder.rings) forwarder.addRing(ring)
    watch.start(forwarder, upstreams)
    const stats = setInterval(() => postStats(task, forwarder, upstreams), STATS_INTERVAL_MS)
    try {
      await untilStopped(control, () => {
        mailbox.readAll()
        cache.sweep(sharedSeconds())
      })
    } finally {
      watch.stop()
      clearInterval(stats)
      forwarder.serve()
      forwarder.giveUp()
      await upstreams.close()
    }
  })
}

function openForwarder(task: ForwardThreadTask, calls: Hooks) {
  const { forward, cache: handle, transport, listeners, descriptors, bell, wakeFd } = task.forwarder
  const mailbox = new Mailbox(task, (message) => {
    if (message.type === 'ring') onRing(forwarder, message)
    else onPolicy(message)
  })
  const onPolicy = (message: PolicyMessage) => {
    const { posted, settings } = takePolicy(task, tables, answering.pipeline, message)
    forwarder.use(settings.zones, posted.forwarding!.forward)
  }
  const tables = openTables(task, () => mailbox.nextSegment())
  const { settings, counters, meter } = tables
  const { seed } = settings.index
  const cache = new AnswerCacheWriter(handle)
  const rules: ReplyRules = { ...forward.cache, mayAnswerFor: (name) => forwarder.mayAnswerFor(name) }
  const reply = new CheckedReply(seed, rules)
  const hand = new AnswerInHand(reply, cache.reader)
  const hooks = openThreadHooks(task, tables, calls)
  const taps = openTaps(task, tables)
  const answering = {
    enter() {
      tables.enter()
      cache.reader.enter()
    },
    leave() {
      cache.reader.leave()
      tables.leave()
      taps.queries?.flush()
    },
    counters,
    meter,
    pipeline: new QueryPipeline({
      settings,
      counters: counters.values,
      randomSeed: randomInt(1, 2 ** 31),
      batchSize: 1,
      hooks,
      meter,
      forwarding: hand,
    }),
  }
  answering.pipeline.tap = taps.queries
  const watch = new RingWatch(new Bell(bell))
  const upstreams = new Upstreams(forward, {
    clock: systemClock,
    logger: postedLogger(task),
    transport,
    listeners,
    ...(descriptors === undefined ? {} : { descriptors: new DescriptorList(descriptors) }),
    ...(wakeFd === undefined ? {} : { wakeFd }),
    work: watch,
    tap: taps.upstreams,
    onError: (error) => post(task, { type: 'error', error: toPlainError(error) }),
  })
  const { zones } = settings
  const forwarder: Forwarder = new Forwarder({
    options: forward,
    upstreams,
    cache,
    reply,
    hand,
    answering,
    hooks,
    zones,
    seed,
  })
  return { forwarder, upstreams, cache, mailbox, watch }
}

function onRing(forwarder: Forwarder, message: Extract<OtherMessage, { type: 'ring' }>): void {
  if (message.ring === undefined) forwarder.removeRing(message.thread)
  else forwarder.addRing(message.ring as ForwardRing)
}

/** What is posted to the forward thread: it has an event loop, and may still need a segment in the middle of a turn. */
class Mailbox {
  readonly #task: ForwardThreadTask
  readonly #onOther: (message: OtherMessage) => void
  readonly #segments: PostedSegment[] = []

  constructor(task: ForwardThreadTask, onOther: (message: OtherMessage) => void) {
    this.#task = task
    // Not in the middle of a turn: a ring has queries in it.
    this.#onOther = (message) => setImmediate(onOther, message)
    task.port.on('message', (message: MessageToThread) => {
      if (message.type === 'segment') this.#segments.push(message)
      else onOther(message)
    })
  }

  nextSegment(): PostedSegment | undefined {
    return this.#segments.shift() ?? receiveSegment(this.#task.port, this.#onOther)
  }

  /** The event loop does the same; this is for when it is busy. */
  readAll(): void {
    for (let segment = receiveSegment(this.#task.port, this.#onOther); segment !== undefined; ) {
      this.#segments.push(segment)
      segment = receiveSegment(this.#task.port, this.#onOther)
    }
  }
}

function postStats(task: ForwardThreadTask, forwarder: Forwarder, upstreams: Upstreams): void {
  post(task, { type: 'forwardStats', stats: { upstreams: upstreams.stats(), inFlight: forwarder.inFlight } })
}

/** The host's logger is the main thread's. */
function postedLogger(task: ForwardThreadTask): Logger {
  const log = (level: LogLevel) => (fields: object, text: string) => post(task, { type: 'log', level, fields, text })
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
}

function post(task: ForwardThreadTask, message: MessageFromThread): void {
  task.port.postMessage(message)
}
