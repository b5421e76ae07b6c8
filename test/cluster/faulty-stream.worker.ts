import { createStreamHandler, runStreamThread, type StreamThreadTask } from '../../lib/cluster/stream-thread.js'
import { obey } from './faults.js'

/** A stream thread that does what the first label of a question says. */
export default (task: StreamThreadTask): Promise<void> =>
  runStreamThread(task, (given) => {
    const handler = createStreamHandler(given)
    return {
      ...handler,
      answer(request, start, length, response, responseStart, capacity) {
        obey(request, start)
        return handler.answer(request, start, length, response, responseStart, capacity)
      },
    }
  })
