import { createHandler, type DnsThreadTask, runDnsThread } from '../../lib/cluster/dns-thread.js'
import type { DatagramHandler } from '../../lib/transport/datagram-transport.js'

/** A DNS thread that does what the first label of a question says: `exit`, `throw`, `hang`, `exhaust`. */
export default (task: DnsThreadTask): Promise<void> => runDnsThread(task, (given) => faulty(createHandler(given)))

const FIRST_LABEL = 12

function faulty(handler: DatagramHandler): DatagramHandler {
  return {
    beginBatch: (batch) => handler.beginBatch(batch),
    endBatch: (sendFailures) => handler.endBatch(sendFailures),
    answer(request, start, length, response, responseStart, capacity) {
      obey(labelAt(request, start + FIRST_LABEL))
      return handler.answer(request, start, length, response, responseStart, capacity)
    },
  }
}

function labelAt(request: Uint8Array, at: number): string {
  return Buffer.from(request.slice(at + 1, at + 1 + (request[at] ?? 0))).toString('latin1')
}

function obey(label: string): void {
  const hoard: number[][] = []
  switch (label) {
    case 'exit':
      process.exit(7)
      break
    case 'throw':
      throw new Error('told to throw')
    case 'hang':
      for (;;);
    case 'exhaust':
      for (;;) hoard.push(new Array(1_000_000).fill(Math.random()))
  }
}
