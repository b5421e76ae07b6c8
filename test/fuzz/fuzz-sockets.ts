import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Answering } from '../support/answering.js'
import { checkResponse, saysTheSame, wantsResponse } from './check-response.js'

interface Place {
  readonly host: string
  readonly port: number
}

/** How many datagrams are under way: many batches of a thread, and fewer than a socket's buffer holds. */
const AT_ONCE = 200
const MAX_ID = 0xffff
const ANSWER_WITHIN_MS = 20_000

/**
 * Sends datagrams from one socket to a server, each with an ID of its own. Each must be answered as `alone` answers it, which has
 * never seen an octet of another: what comes from reused memory shows. Rejects for a response too many, too few or other than that.
 */
export async function fuzzSockets(server: Place, alone: Answering, datagrams: readonly Uint8Array[]): Promise<number> {
  // IDs go on from one lot to the next, so that what comes late is known for it.
  let nextId = 0
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 21, sendBufferSize: 1 << 21 })
  try {
    socket.connect(server.port, server.host)
    await once(socket, 'connect')
    let answered = 0
    for (let from = 0; from < datagrams.length; from += AT_ONCE) {
      answered += await exchange(datagrams.slice(from, from + AT_ONCE))
    }
    return answered
  } finally {
    await new Promise<void>((resolve) => socket.close(() => resolve()))
  }

  async function exchange(lot: readonly Uint8Array[]): Promise<number> {
    const waiting = new Map<number, Uint8Array>()
    for (const datagram of lot) {
      if (datagram.length < 2) continue
      datagram[0] = nextId >>> 8
      datagram[1] = nextId
      if (wantsResponse(datagram)) waiting.set(nextId, datagram)
      nextId = (nextId + 1) & MAX_ID
    }
    const expected = waiting.size
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no answer to ${listed(waiting.values())}`)), ANSWER_WITHIN_MS)
      const take = (response: Buffer) => {
        try {
          takeResponse(waiting, new Uint8Array(response), alone)
        } catch (wrong) {
          end()
          reject(wrong as Error)
          return
        }
        if (waiting.size === 0) {
          end()
          resolve()
        }
      }
      const end = () => {
        clearTimeout(late)
        socket.off('message', take)
      }
      socket.on('message', take)
      for (const datagram of lot) socket.send(datagram)
      if (expected === 0) {
        end()
        resolve()
      }
    })
    return expected
  }
}

function takeResponse(waiting: Map<number, Uint8Array>, response: Uint8Array, alone: Answering): void {
  const id = (response[0]! << 8) | response[1]!
  const request = waiting.get(id)
  if (request === undefined) throw new Error(`an answer to nothing: ${Buffer.from(response).toString('hex')}`)
  waiting.delete(id)
  checkResponse(request, response)
  const expected = alone.ask(request)
  if (saysTheSame(response, expected, false)) return
  const [a, b, c] = [request, response, expected].map((bytes) => Buffer.from(bytes).toString('hex'))
  throw new Error(`to ${a} came ${b}, not ${c}`)
}

function listed(datagrams: Iterable<Uint8Array>): string {
  return [...datagrams].map((bytes) => Buffer.from(bytes).toString('hex')).join(' ')
}
