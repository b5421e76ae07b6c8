import { execFileSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { closeSync, existsSync, openSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isIPv6 } from 'node:net'

/** One side of a pair: its namespace, the name of its end of the cable, and its addresses there. */
export interface NetworkSide {
  readonly namespace: string
  readonly interface: string
  readonly ipv4: string
  /** Another one. */
  readonly ipv4Too: string
  readonly ipv6: string
}

/** Why this machine has no network namespaces for us; undefined where it has. */
export function namespaceObstacle(): string | undefined {
  if (process.platform !== 'linux') return `network namespaces are Linux', and this is ${process.platform}`
  try {
    ip('netns', 'add', `${PREFIX}${process.pid}-probe`)
    ip('netns', 'del', `${PREFIX}${process.pid}-probe`)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/**
 * Two network namespaces with a cable between them: a pair of veth. Made by `ip netns`, which takes root. The thread that calls `enter` is in
 * that namespace from then on, and so is what it starts; a socket stays where it was bound.
 */
export class NetworkNamespaces implements Disposable {
  readonly server: NetworkSide
  readonly client: NetworkSide
  readonly #home = openSync('/proc/thread-self/ns/net', 'r')
  readonly #fds = new Map<string, number>()
  readonly #onExit = () => this.#remove()

  /** `queues` of each end. */
  constructor({ queues = 1 }: { queues?: number } = {}) {
    removeLeftOvers()
    const number = next++
    const namespace = (name: string) => `${PREFIX}${process.pid}-${number}-${name}`
    this.server = { namespace: namespace('server'), ...SERVER_SIDE }
    this.client = { namespace: namespace('client'), ...sideOf('client', 2) }
    process.once('exit', this.#onExit)
    const { server, client } = this
    for (const { namespace } of [server, client]) ip('netns', 'add', namespace)
    const ofQueues = ['numrxqueues', String(queues), 'numtxqueues', String(queues)]
    ip(
      ...['link', 'add', server.interface, 'netns', server.namespace, ...ofQueues, 'type', 'veth'],
      ...['peer', 'name', client.interface, 'netns', client.namespace, ...ofQueues],
    )
    for (const each of [server, client]) this.#setUp(each)
    // Whoever is asked first would have to ask for the other's hardware address.
    this.#introduce(server, client)
    this.#introduce(client, server)
  }

  enter(side: NetworkSide): void {
    this.#setNamespace(this.#fdOf(side))
  }

  /** Back to where the process was. */
  leave(): void {
    this.#setNamespace(this.#home)
  }

  /** Runs what is synchronous on one side. */
  on<Result>(side: NetworkSide, run: () => Result): Result {
    const before = openSync('/proc/thread-self/ns/net', 'r')
    try {
      this.enter(side)
      return run()
    } finally {
      this.#setNamespace(before)
      closeSync(before)
    }
  }

  /** A socket for datagrams that is bound on a side. */
  openSocket(side: NetworkSide, address: string): Socket {
    const isV6 = isIPv6(address)
    // Node binds once a look-up is over, even of an address: it has to be over at once.
    const lookup = (name: string, _options: unknown, done: (error: null, address: string, family: number) => void) =>
      done(null, name, isV6 ? 6 : 4)
    const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', lookup: lookup as never })
    this.on(side, () => socket.bind(0, address))
    return socket
  }

  /** What `ip link show` says of an end of the cable. */
  describe(side: NetworkSide): string {
    return ip('-n', side.namespace, 'link', 'show', side.interface)
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#onExit)
    this.leave()
    this.#remove()
    for (const fd of this.#fds.values()) closeSync(fd)
    closeSync(this.#home)
  }

  #setUp(side: NetworkSide): void {
    const inside = (...command: string[]) => ip('-n', side.namespace, ...command)
    inside('link', 'set', 'lo', 'up')
    inside('address', 'add', `${side.ipv4}/24`, 'dev', side.interface)
    inside('address', 'add', `${side.ipv4Too}/24`, 'dev', side.interface)
    inside('address', 'add', `${side.ipv6}/64`, 'dev', side.interface, 'nodad')
    inside('link', 'set', side.interface, 'up')
  }

  #introduce(side: NetworkSide, other: NetworkSide): void {
    const mac = /link\/ether (\S+)/.exec(this.describe(other))![1]!
    for (const address of [other.ipv4, other.ipv4Too, other.ipv6]) {
      ip('-n', side.namespace, 'neigh', 'replace', address, 'lladdr', mac, 'dev', side.interface, 'nud', 'permanent')
    }
  }

  #fdOf({ namespace }: NetworkSide): number {
    const known = this.#fds.get(namespace)
    if (known !== undefined) return known
    const fd = openSync(`${FOLDER}/${namespace}`, 'r')
    this.#fds.set(namespace, fd)
    return fd
  }

  #setNamespace(fd: number): void {
    if (setns()(fd, 0) !== 0) throw new Error('setns failed')
  }

  #remove(): void {
    for (const { namespace } of [this.server, this.client]) {
      if (existsSync(`${FOLDER}/${namespace}`)) ip('netns', 'del', namespace)
    }
  }
}

function sideOf(name: string, last: number): Omit<NetworkSide, 'namespace'> {
  const ipv4 = `198.51.100.${last}`
  return { interface: `cdns-${name}`, ipv4, ipv4Too: `${ipv4}0`, ipv6: `2001:db8:51::${last}` }
}

/** The server's end of each cable. */
export const SERVER_SIDE = sideOf('server', 1)
export const SERVER_INTERFACE = SERVER_SIDE.interface

const FOLDER = '/run/netns'
const PREFIX = 'cdns-test-'
let next = 0

export function ip(...command: string[]): string {
  return execFileSync('ip', command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

let loaded: ((fd: number, type: number) => number) | undefined

/** The one call that the library has no use for. */
function setns(): (fd: number, type: number) => number {
  if (loaded !== undefined) return loaded
  const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi')
  loaded = koffi.load(null).func('int setns(int fd, int type)') as never
  return loaded!
}

/** Of test runs that were killed. */
function removeLeftOvers(): void {
  if (!existsSync(FOLDER)) return
  for (const namespace of readdirSync(FOLDER)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(namespace)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) ip('netns', 'del', namespace)
  }
}
