import type { Bench } from '../bench.js'
import type { RunningPeer } from '../peers/running-peer.js'
import { LOAD_CORE, SERVER_CORE } from '../processes/processes.js'
import { type LoadMessage, type LoadPlan, type LoadResult, SOCKETS, WINDOW } from './load-plan.js'

/** What is asked, if not all that a server can answer of its own names. `rate` in queries a second; 0: all it can. `port`: of somebody else than the server. */
export type LoadKind = Partial<Pick<LoadPlan, 'rate' | 'asks' | 'upstreamPort' | 'port'>>

/** Loads a server from a process of its own, on the other core. */
export async function runLoad(bench: Bench, server: RunningPeer, kind: LoadKind = {}): Promise<LoadResult> {
  const { seconds, warmUpSeconds } = bench.options
  const plan: LoadPlan = {
    ...(server.network === undefined ? {} : { host: server.network.host }),
    port: server.port,
    names: server.names,
    expects: server.peer.expects ?? 'answer',
    sockets: SOCKETS,
    window: WINDOW,
    warmUpSeconds,
    seconds,
    rate: 0,
    asks: 'local',
    ...kind,
    serverPid: server.pid,
    serverCore: SERVER_CORE,
  }
  const generator = bench.processes.start(process.execPath, [GENERATOR, JSON.stringify(plan)], {
    core: LOAD_CORE,
    folder: bench.folders.make('load'),
    ...(server.network === undefined ? {} : { namespace: server.network.clientNamespace }),
    speaks: true,
  })
  const { result } = await generator.message<LoadMessage, 'measured'>('measured')
  await generator.ended
  return result
}

const GENERATOR = new URL('load-generator.js', import.meta.url).pathname
