import { LATER } from '../handoff/layout.js'
import type { Hooks } from '../hooks/hooks.js'
import { Counter } from '../metrics/counters.js'
import { type MessageFromThread, toPlainError } from '../threads/messages.js'
import { writeClientAddress } from '../transport/client-address.js'
import { serveStreams } from '../transport/serve-streams.js'
import type {
  ConnectionEvent,
  LateReceiver,
  StreamEndpoints,
  StreamHandler,
  StreamLimits,
  StreamProtocol,
  StreamService,
} from '../transport/stream-transport.js'
import { isPem } from '../transport/tls-certificate.js'
import { freshness } from '../wire/freshness.js'
import { type AnsweringTask, importThreadHooks, openAnswering, type PostedPolicy } from './answering.js'
import type { ThreadControl } from './cluster-control.js'
import { LateStreamResponses } from './late-stream-responses.js'
import { liveThread } from './thread-life.js'

/** What the stream thread is given: a plain object, posted to it. */
export interface StreamThreadTask extends AnsweringTask {
  readonly endpoints: StreamEndpoints
  readonly services: readonly StreamService[]
  readonly limits: StreamLimits
}

/** The life of the stream thread: answers its connections on its event loop until it is told to stop. */
export function runStreamThread(task: StreamThreadTask, handlerFor = createStreamHandler): Promise<void> {
  const { endpoints, services, limits } = task
  return liveThread(task, async (control) => {
    const hooks = await importThreadHooks(task)
    await serveStreams(endpoints, services, limits, handlerFor(task, hooks, control), control)
  })
}

/** Binds the query pipeline to the bursts of the transport. */
export function createStreamHandler(task: StreamThreadTask, calls: Hooks = {}, control?: ThreadControl): StreamHandler {
  let renew: (services: readonly StreamService[]) => void = () => {}
  const changes = control && { control, onTaken: ({ services }: PostedPolicy) => renew(services) }
  const answering = openAnswering(task, 1, calls, changes)
  const { counters, meter, pipeline, hooks, forwarding, late } = answering
  control?.onTick(() => meter.tick())
  const lateForwarded = late.forwarding && new LateStreamResponses(late.forwarding)
  const isForwarded = (from: LateReceiver) => {
    if (!forwarding?.hasParked) return false
    lateForwarded!.expect(forwarding.parkedSlot, from)
    return true
  }
  const lateAnswers = late.hooks && new LateStreamResponses(late.hooks, isForwarded)
  const { values } = counters
  // The connections of a thread that died have died with it, uncounted.
  values[Counter.tcpClosed] = values[Counter.tcpAccepted]!
  let client = ''
  let isEncrypted = false
  let queries = Counter.tcpQueries
  let receiver: LateReceiver | undefined
  pipeline.clients = {
    areOnStreams: true,
    clientAddress: (_, target) => writeClientAddress(client, target),
    clientPort: () => receiver?.ends?.remotePort ?? 0,
    serverAddress: (_, target) => writeClientAddress(receiver?.ends?.localAddress ?? '', target),
    serverPort: () => receiver?.ends?.localPort ?? 0,
  }
  return {
    beginBurst(address, protocol, from) {
      client = address
      receiver = from
      if (hooks !== undefined) hooks.origin.protocol = protocol
      if (forwarding !== undefined) forwarding.protocol = protocol
      isEncrypted = protocol !== 'tcp'
      queries = QUERY_COUNTERS[protocol]
      answering.enter()
      meter.begin()
      meter.protocol = protocol
    },
    answer(request, start, length, response, responseStart, capacity) {
      values[queries]!++
      pipeline.take(0, request, start, length)
      pipeline.prefetch(1)
      const size = pipeline.answerStream(0, response, responseStart, capacity, isEncrypted)
      pipeline.measure()
      if (size === LATER && !isForwarded(receiver!)) lateAnswers!.expect(hooks!.parked!.parkedSlot, receiver!)
      return size
    },
    giveUp() {
      lateForwarded?.giveUp()
      lateAnswers?.giveUp()
    },
    endBurst() {
      answering.leave()
    },
    onConnection(event) {
      values[CONNECTION_COUNTERS[event]]!++
    },
    onListening(renewal) {
      renew = renewal
    },
    freshness,
    onCertificate(source, failure) {
      const error = failure && toPlainError(failure)
      task.port.postMessage({
        type: 'certificate',
        file: isPem(source.cert) ? source.key : source.cert,
        error,
      } satisfies MessageFromThread)
    },
  }
}

const QUERY_COUNTERS: Readonly<Record<StreamProtocol, number>> = {
  tcp: Counter.tcpQueries,
  dot: Counter.dotQueries,
  doh: Counter.dohQueries,
}

const CONNECTION_COUNTERS: Readonly<Record<ConnectionEvent, number>> = {
  accepted: Counter.tcpAccepted,
  refused: Counter.tcpRefused,
  idleClosed: Counter.tcpIdleClosed,
  evicted: Counter.tcpEvicted,
  handshakeFailed: Counter.tlsHandshakesFailed,
  closed: Counter.tcpClosed,
}
