import type { OurServerPlan } from '../servers/our-server-protocol.js'
import type { Peer } from './peer.js'

/** Our server from a build, its process started with further arguments of Node's. */
export function ours(
  name: string,
  plan: Pick<OurServerPlan, 'dist' | 'workers' | 'transport' | 'isAllOn' | 'etcd' | 'upstreamPort' | 'xdp' | 'metrics'>,
  nodeArguments: readonly string[] = [],
): Peer {
  return {
    name,
    program: process.execPath,
    speaks: true,
    prepare: ({ host, port, names }) => [
      '--expose-gc',
      ...nodeArguments,
      OUR_SERVER,
      JSON.stringify({ ...plan, ...(host === undefined ? {} : { host }), port, names } satisfies OurServerPlan),
    ],
  }
}

const OUR_SERVER = new URL('our-server.js', import.meta.url).pathname
