import { startTestUpstream } from '../../../lib/testing/upstream/test-upstream.js'
import type { Bench } from '../bench.js'
import type { Peer } from './peer.js'
import { RunningPeer } from './running-peer.js'

/** A forwarder that answers, by an upstream that is there until it does: whoever loads it is its upstream from then on. */
export async function startForwarder(
  bench: Bench,
  peer: Peer,
  { names, upstreamPort }: { names: number; upstreamPort: number },
): Promise<RunningPeer> {
  await using _upstream = await startTestUpstream({
    port: upstreamPort,
    answer: ({ name }) => ({ answer: [{ name, type: 'A', data: '192.0.2.1' }] }),
  })
  // Not without `await`: the upstream has to be there for so long.
  return await RunningPeer.start(bench, peer, names)
}
