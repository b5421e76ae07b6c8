import { readFileSync } from 'node:fs'
import type { NetworkNamespaces, NetworkSide } from '../../support/network-namespaces.js'

/** What the kernel has counted on one side of a cable. */
export interface NetworkCounts {
  /** Of the interface: `ip -s link`. */
  readonly received: number
  readonly receiveDropped: number
  readonly transmitted: number
  readonly transmitDropped: number
  /** Datagrams over IPv4 that programs have read, and those that no program did, by `nstat`. */
  readonly udpRead: number
  readonly udpNoPort: number
  readonly udpErrors: number
  readonly udpNoRoom: number
  /** Bytes that wait in the buffers of sockets: the receive queues of `ss -u`. */
  readonly udpWaiting: number
}

export function networkCounts(cable: NetworkNamespaces, side: NetworkSide): NetworkCounts {
  return cable.on(side, () => {
    // /proc/net is of the thread that the process began with.
    const line = readFileSync('/proc/thread-self/net/dev', 'utf8')
      .split('\n')
      .find((each) => each.trim().startsWith(`${side.interface}:`))!
    const words = line.split(':')[1]!.trim().split(/\s+/).map(Number)
    const udp = udpCounts(readFileSync('/proc/thread-self/net/snmp', 'utf8'))
    return {
      ...{ received: words[1]!, receiveDropped: words[3]!, transmitted: words[9]!, transmitDropped: words[11]! },
      ...{ udpRead: udp('InDatagrams'), udpNoPort: udp('NoPorts'), udpErrors: udp('InErrors') },
      ...{ udpNoRoom: udp('RcvbufErrors'), udpWaiting: waitingBytes('udp') + waitingBytes('udp6') },
    }
  })
}

/** Two lines that begin with `Udp:`, one of names and one of numbers. */
function udpCounts(text: string): (name: string) => number {
  const [names, values] = text
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' '))
  return (name) => Number(values![names!.indexOf(name)])
}

/** Lines whose fifth word is `sent:received` in hexadecimal. */
function waitingBytes(table: 'udp' | 'udp6'): number {
  const lines = readFileSync(`/proc/thread-self/net/${table}`, 'utf8').trim().split('\n').slice(1)
  const queues = lines.map((line) => line.trim().split(/\s+/)[4]!)
  return queues.reduce((total, queue) => total + Number.parseInt(queue.split(':')[1]!, 16), 0)
}

export function difference<Counts extends object>(after: Counts, before: Counts): Counts {
  const numbers = before as Record<string, number>
  const entries = Object.entries(after).map(([name, value]) => [name, (value as number) - numbers[name]!])
  return Object.fromEntries(entries) as Counts
}
