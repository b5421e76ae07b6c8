import { existsSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import type { Bench } from '../bench.js'
import { freePort } from '../processes/free-port.js'
import { type RunningProcess, SERVER_CORE } from '../processes/processes.js'
import { eventuallyAnswers } from './answers.js'
import type { Peer, PeerNetwork } from './peer.js'

/** Where a peer's program is; undefined where it is not installed. */
export function findProgram({ program }: Peer): string | undefined {
  if (isAbsolute(program)) return program
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, program)).find(existsSync)
}

/** A peer that answers. */
export class RunningPeer implements AsyncDisposable {
  readonly peer: Peer
  readonly process: RunningProcess
  readonly port: number
  readonly names: number
  readonly network: PeerNetwork | undefined

  private constructor(
    peer: Peer,
    running: RunningProcess,
    port: number,
    names: number,
    network: PeerNetwork | undefined,
  ) {
    this.peer = peer
    this.process = running
    this.port = port
    this.names = names
    this.network = network
  }

  /** Starts it on the servers' core, and waits until it knows the last host. */
  static async start(bench: Bench, peer: Peer, names: number, network?: PeerNetwork): Promise<RunningPeer> {
    const folder = bench.folders.make(peer.name)
    const port = await freePort()
    const programArguments = peer.prepare({ folder, port, names, ...(network && { host: network.host }) })
    const running = bench.processes.start(findProgram(peer)!, programArguments, {
      core: SERVER_CORE,
      folder,
      ...(network && { namespace: network.serverNamespace }),
      speaks: peer.speaks ?? false,
    })
    const ended = running.ended.then((end) => Promise.reject(running.failure(end)))
    await Promise.race([eventuallyAnswers(port, peer, names, network), ended])
    return new RunningPeer(peer, running, port, names, network)
  }

  get pid(): number {
    return this.process.pid
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.end()
  }
}
