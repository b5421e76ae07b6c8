export { createTestServer, type TestServer, type TestServerOptions } from './testing/create-test-server.js'
export type { ActiveFault, FaultOptions, QueryFault, UpstreamFault } from './testing/upstream/fault-script.js'
export {
  startTestUpstream,
  type TestUpstream,
  type TestUpstreamOptions,
  type UpstreamAnswer,
} from './testing/upstream/test-upstream.js'
export type { UpstreamProtocol, UpstreamQuery } from './testing/upstream/upstream-query.js'
export type { RcodeName, UpstreamRecord, UpstreamResponse } from './testing/upstream/upstream-response.js'
export type { UpstreamCertificate } from './testing/upstream/upstream-streams.js'
