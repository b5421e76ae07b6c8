import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { queryMessage } from '../../../lib/wire/query-message.js'
import { hostAddress, hostName } from '../names.js'
import { EditConnection } from './edit-connection.js'

/** A process that edits RRsets over the API and asks for some of them in DNS: takes its plan as its argument, and ends with its message. */

export interface EditPlan {
  readonly apiPort: number
  readonly dnsPort: number
  readonly token: string
  /** Each sends the next edit as soon as the one before is answered. */
  readonly connections: number
  readonly seconds: number
  /** RRsets that are edited, in a ring. */
  readonly names: number
  /** The first edit of the ring, so that no two loads of one server give a name the address that it has. */
  readonly from: number
}

export interface EditLoadMessage {
  readonly type: 'edited'
  readonly elapsedMs: number
  /** From the request until the API's answer, of each edit. */
  readonly latenciesMs: readonly number[]
  /** From the request until DNS has answered with the new address, of some. */
  readonly visibleMs: readonly number[]
  readonly failed: number
  /** DNS had the address before, though the API had answered. */
  readonly stale: number
}

/** Each of so many edits is asked for in DNS as soon as it is answered. */
const ASKED_EVERY = 20
const TYPE_A = 1

const plan = JSON.parse(process.argv[2]!) as EditPlan
const latenciesMs: number[] = []
const visibleMs: number[] = []
let failed = 0
let stale = 0
let next = plan.from

const startedAt = performance.now()
const until = startedAt + 1000 * plan.seconds
await Promise.all(Array.from({ length: plan.connections }, lane))
const elapsedMs = performance.now() - startedAt
const message: EditLoadMessage = { type: 'edited', elapsedMs, latenciesMs, visibleMs, failed, stale }
process.send!(message, () => process.disconnect())

async function lane(): Promise<void> {
  const http = new EditConnection(connect(plan.apiPort, '127.0.0.1'), plan.token)
  const udp = createSocket('udp4')
  while (performance.now() < until) {
    const number = next++
    const [name, address] = [hostName(number % plan.names), hostAddress(number)]
    const sentAt = performance.now()
    if ((await http.put(name, address)) >= 300) failed++
    latenciesMs.push(performance.now() - sentAt)
    if (number % ASKED_EVERY !== 0) continue
    if ((await addressOf(udp, name)) === address) visibleMs.push(performance.now() - sentAt)
    else stale++
  }
  http.close()
  udp.close()
}

/** The address is the last thing in an answer of one A record. */
async function addressOf(udp: UdpSocket, name: string): Promise<string> {
  udp.send(queryMessage(name, TYPE_A, 0), plan.dnsPort, '127.0.0.1')
  const [response] = (await once(udp, 'message')) as [Buffer]
  return response.subarray(-4).join('.')
}
