import { Counter } from '../metrics/counters.js'
import { serveStreams } from '../transport/serve-streams.js'
import type { ConnectionEvent, StreamEndpoints, StreamHandler, StreamLimits } from '../transport/stream-transport.js'
import { type AnsweringTask, openAnswering } from './answering.js'
import { liveThread } from './thread-life.js'

/** What the stream thread is given: a plain object, posted to it. */
export interface StreamThreadTask extends AnsweringTask {
  readonly endpoints: StreamEndpoints
  readonly limits: StreamLimits
}

/** The life of the stream thread: answers its connections on its event loop until it is told to stop. */
export function runStreamThread(task: StreamThreadTask, handlerFor = createStreamHandler): Promise<void> {
  return liveThread(task, (control) => serveStreams(task.endpoints, task.limits, handlerFor(task), control))
}

/** Binds the query pipeline to the bursts of the transport. */
export function createStreamHandler(task: StreamThreadTask): StreamHandler {
  const { index, counters, pipeline } = openAnswering(task, 1)
  const { values } = counters
  // The connections of a thread that died have died with it, uncounted.
  values[Counter.tcpClosed] = values[Counter.tcpAccepted]!
  counters.flush()
  return {
    beginBurst: () => index.enter(),
    answer(request, start, length, response, responseStart, capacity) {
      values[Counter.tcpQueries]!++
      pipeline.take(0, request, start, length)
      return pipeline.answerStream(0, response, responseStart, capacity)
    },
    endBurst() {
      index.leave()
      counters.flush()
    },
    onConnection(event) {
      values[CONNECTION_COUNTERS[event]]!++
      counters.flush()
    },
  }
}

const CONNECTION_COUNTERS: Readonly<Record<ConnectionEvent, number>> = {
  accepted: Counter.tcpAccepted,
  refused: Counter.tcpRefused,
  idleClosed: Counter.tcpIdleClosed,
  evicted: Counter.tcpEvicted,
  closed: Counter.tcpClosed,
}
