import {
  type ContainerDns,
  type ContainerDnsOptions,
  createContainerDns,
  memoryStore,
  type WorkerRestart,
} from 'containerdns'
import { TEST_WORKERS } from '../support/build-for-tests.js'

/** The files of threads that do what the first label of a question says: see `faults.ts`. */
export const FAULTY_THREADS = {
  dns: new URL('faulty-dns.worker.js', TEST_WORKERS),
  stream: new URL('faulty-stream.worker.js', TEST_WORKERS),
}

/** A server of one DNS thread with such threads, that knows `www.example`. */
export function startFaulty(options: ContainerDnsOptions = {}): Promise<ContainerDns> {
  const store = memoryStore({ rrsets: [{ name: 'www.example', type: 'A', data: ['192.0.2.1'] }] })
  const defaults = { zones: ['example'], listen: { port: 0 }, workers: 1, store, workerFiles: FAULTY_THREADS }
  return createContainerDns({ ...defaults, ...options })
}

export function nextRestart(server: ContainerDns): Promise<WorkerRestart> {
  return new Promise((resolve) => server.once('workerRestart', resolve))
}
