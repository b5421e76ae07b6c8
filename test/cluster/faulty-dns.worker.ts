import { createHandler, type DnsThreadTask, runDnsThread } from '../../lib/cluster/dns-thread.js'
import type { DatagramHandler } from '../../lib/transport/datagram-transport.js'
import { obey } from './faults.js'

// Such a thread dies before it has begun its task.
if (process.env['CONTAINERDNS_TEST_UNBOOTABLE'] === '1') throw new Error('told not to boot')

/** A DNS thread that does what the first label of a question says. */
export default (task: DnsThreadTask): Promise<void> =>
  runDnsThread(task, (given, calls) => faulty(createHandler(given, calls)))

function faulty(handler: DatagramHandler): DatagramHandler {
  return {
    ...(handler.late === undefined ? {} : { late: handler.late }),
    beginBatch: (batch) => handler.beginBatch(batch),
    endBatch: (sendFailures) => handler.endBatch(sendFailures),
    answer(request, start, length, response, responseStart, capacity) {
      obey(request, start)
      return handler.answer(request, start, length, response, responseStart, capacity)
    },
  }
}
