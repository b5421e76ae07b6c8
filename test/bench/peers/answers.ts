import { createSocket, type Socket } from 'node:dgram'
import { queryMessage } from '../../../lib/wire/query-message.js'
import { hostName } from '../names.js'
import type { Peer, PeerNetwork } from './peer.js'

const ASK_EVERY_MS = 50
const DEADLINE_MS = 120_000
const TYPE_A = 1

// Where a message has these, and what they hold when it is an answer of one record.
const FLAGS_HIGH = 2
const RCODE = 3
const ANCOUNT_LOW = 7
const RD = 0x01

/** Resolves once a server knows the last of the hosts. Rejects after two minutes. */
export async function eventuallyAnswers(
  port: number,
  { name, expects = 'answer' }: Peer,
  names: number,
  network?: PeerNetwork,
): Promise<void> {
  const socket = network?.openSocket() ?? createSocket('udp4')
  const host = network?.host ?? '127.0.0.1'
  const query = queryMessage(hostName(names - 1), TYPE_A, 0)
  // Without it no forwarder would ask elsewhere.
  query[FLAGS_HIGH]! |= RD
  // Nobody listens there yet, as the system says of a query before: that is no error here.
  socket.on('error', () => {})
  const asking = setInterval(() => socket.send(query, port, host), ASK_EVERY_MS)
  try {
    await answer(socket, (response) => expects === 'echo' || isAnswer(response), `${name} did not answer`)
  } finally {
    clearInterval(asking)
    socket.close()
  }
}

function answer(socket: Socket, isWanted: (response: Buffer) => boolean, otherwise: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(otherwise)), DEADLINE_MS)
    socket.on('message', (response) => {
      if (!isWanted(response)) return
      clearTimeout(deadline)
      resolve()
    })
  })
}

function isAnswer(response: Buffer): boolean {
  return (response[FLAGS_HIGH]! & 0x80) !== 0 && (response[RCODE]! & 0x0f) === 0 && response[ANCOUNT_LOW] === 1
}
