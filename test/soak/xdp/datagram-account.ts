import type { NetworkNamespaces } from '../../support/network-namespaces.js'
import { difference, type NetworkCounts, networkCounts } from './network-counts.js'
import type { XdpFloodReport } from './xdp-flood.js'
import type { XdpServerMessage } from './xdp-server.js'

export interface Account {
  /** How many datagrams got to which place and no further. */
  readonly places: readonly (readonly [place: string, count: number])[]
  /** Sent less all of these. */
  readonly unexplained: number
  /** Answers that the client has read. */
  readonly read: number
}

/** Where queries over IPv4 and the answers to them have gone, by what each place on their way has counted. docs/xdp.md tells an operator the same. */
export class DatagramAccount {
  readonly #cable: NetworkNamespaces
  readonly #before: Counted

  /** While nothing is on its way. */
  constructor(cable: NetworkNamespaces, server: XdpServerMessage) {
    this.#cable = cable
    this.#before = this.#count(server)
  }

  /** Again so. */
  close({ sent, refused }: XdpFloodReport, server: XdpServerMessage): Account {
    const after = this.#count(server)
    const near = difference(after.near, this.#before.near)
    const far = difference(after.far, this.#before.far)
    const { received, dropped, malformed, badChecksum, unanswerable, ...queue } = difference(
      numbersOf(after.server.queue),
      numbersOf(this.#before.server.queue),
    )
    const wrong = malformed! + badChecksum! + unanswerable!
    const silent = received! - queue['sent']! - queue['notSent']!
    const places = [
      ['lost on the way there: tx dropped of the client’s interface', near.transmitDropped],
      ['no frame to receive into: `dropped`, and rx dropped of the interface', dropped!],
      ['`malformed`, `badChecksum`, `unanswerable`', wrong],
      ['left to the kernel’s sockets', far.udpRead + far.udpNoPort + far.udpErrors],
      ['received, and not to be answered', silent],
      ['no frame to send from: `notSent`', queue['notSent']!],
      ['lost on the way back: tx dropped of the interface', far.transmitDropped],
      ['no room in the buffer of the client’s socket: RcvbufErrors', near.udpNoRoom],
      ['no such port, or another error, at the client', near.udpNoPort + near.udpErrors - near.udpNoRoom],
      ['answered', near.udpRead],
    ] as const
    const explained = places.reduce((total, [, count]) => total + count, 0)
    return { places, unexplained: sent + refused - explained, read: near.udpRead }
  }

  #count(server: XdpServerMessage): Counted {
    const { client, server: far } = this.#cable
    return { near: networkCounts(this.#cable, client), far: networkCounts(this.#cable, far), server }
  }
}

interface Counted {
  readonly near: NetworkCounts
  readonly far: NetworkCounts
  readonly server: XdpServerMessage
}

function numbersOf(queue: object): Record<string, number> {
  return Object.fromEntries(Object.entries(queue).filter(([, value]) => typeof value === 'number'))
}
