import type { ContainerDns } from '../container-dns.js'
import type { ContainerDnsOptions } from '../options.js'
import type { RRset } from '../records/rrset.js'
import { createContainerDns } from '../server.js'
import { memoryStore } from '../store/memory/memory-store.js'

/** What `createTestServer` takes: the options of a server, and the records that it is to answer with. */
export interface TestServerOptions extends Omit<ContainerDnsOptions, 'store'> {
  /** Answered from the start. */
  rrsets?: RRset[]
}

/** A server that answers on one port of 127.0.0.1 (or of the `listen.host` given). */
export interface TestServer extends ContainerDns {
  readonly host: string
  readonly port: number
}

/**
 * Starts a real DNS server for a test: port 0, one thread, the zones `example`, `example.org` and `test` unless told otherwise.
 *
 * `await using server = await createTestServer({ rrsets })` closes it at the end of the block, and nothing of it is left.
 */
export async function createTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { rrsets = [], ...rest } = options
  const server = await createContainerDns({
    zones: ['example', 'example.org', 'test'],
    listen: { port: 0 },
    workers: 1,
    ...rest,
    store: memoryStore({ rrsets }),
  })
  const { host, port } = server.addresses[0]!
  return Object.assign(server, { host, port })
}
