import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent, request as requestSecure } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { dataOf, UdpClient } from '../../support/udp-client.js'
import type { AskedServer, ChangeLoadMessage, ChangeLoadPlan } from './change-load-plan.js'

/** Changes slices as fast as an API server takes it, and asks servers for the changes that it has just been told of. A process of its own. */

const LOST_MS = 2_000
/** After the last change, for what is still to be answered. */
const GRACE_MS = 5_000

const plan = JSON.parse(process.argv[2]!) as ChangeLoadPlan
const agent = new Agent({ keepAlive: true })
const PATH = `/apis/discovery.k8s.io/v1/namespaces/${plan.namespace}/endpointslices`

interface Change {
  readonly changer: number
  readonly number: number
  readonly at: number
}

/** The last change of each changer that has been sent. */
const sent = new Array<number>(plan.changers).fill(0)
/** When another watch told of a change, by `changer number`. */
const toldAt = new Map<string, number>()
let newest: Change | undefined
let announce: () => void = () => {}
let announced = new Promise<void>((resolve) => {
  announce = resolve
})
let taken = 0
let isOver = false

async function main(): Promise<void> {
  const watch = await send('GET', `${PATH}?watch=true`)
  void readEvents(watch)
  const asking = plan.servers.map((server) => ask(server))
  const startedAt = performance.now()
  const until = startedAt + 1000 * plan.seconds
  await Promise.all(Array.from({ length: plan.changers }, (_, changer) => changeUntil(changer, until)))
  const seconds = (performance.now() - startedAt) / 1000
  isOver = true
  announce()
  const servers = await Promise.all(asking)
  const message: ChangeLoadMessage = { changesPerSecond: taken / seconds, servers }
  process.send!(message, () => process.exit(0))
}

async function changeUntil(changer: number, until: number): Promise<void> {
  const name = `${plan.service}-${changer}`
  for (let number = 1; performance.now() < until; number++) {
    const startedAt = performance.now()
    sent[changer] = number
    const slice = {
      metadata: { name: `${name}-x1`, namespace: plan.namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [`10.${128 + changer}.${number >> 8}.${number & 255}`] }],
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
    }
    const response = await send('PUT', `${PATH}/${name}-x1`, slice)
    response.resume()
    await once(response, 'end')
    taken++
    newest = { changer, number, at: performance.now() }
    announce()
    announced = new Promise((resolve) => {
      announce = resolve
    })
    const leftMs = startedAt + plan.everyMs - performance.now()
    if (leftMs > 0) await sleep(leftMs)
  }
}

/** Takes the newest change there is, asks until it is answered, and so on. */
async function ask({ name, host, port }: ChangeLoadPlan['servers'][number]): Promise<AskedServer> {
  await using client = await UdpClient.open({ host, port })
  const seen = new Array<number>(plan.changers).fill(0)
  const sinceResponse: number[] = []
  const sinceEvent: number[] = []
  const startedAt = performance.now()
  const wrong: string[] = []
  let [asked, lost] = [0, 0]
  while (!isOver) {
    await announced
    const change = newest
    if (change === undefined || isOver) continue
    const { changer, number, at } = change
    while (seen[changer]! < number && performance.now() < at + GRACE_MS) {
      asked++
      const found = await addressesAt(client, changer)
      if (found === 'lost') {
        lost++
        continue
      }
      const last = found.length === 1 ? numberIn(found[0]!, changer) : -1
      if (last < seen[changer]! || last > sent[changer]!)
        wrong.push(`${found.join(' and ') || 'nothing'} after ${seen[changer]} of ${sent[changer]}`)
      else seen[changer] = last
    }
    const now = performance.now()
    sinceResponse.push(Math.max(0, now - at))
    const told = toldAt.get(`${changer} ${number}`)
    if (told !== undefined) sinceEvent.push(now - told)
  }
  const queriesPerSecond = (1000 * asked) / (performance.now() - startedAt)
  const sorted = (values: number[]) => values.sort((a, b) => a - b)
  return {
    name,
    queriesPerSecond,
    wrong: wrong.length,
    firstWrong: wrong.slice(0, 5),
    lost,
    sinceResponse: sorted(sinceResponse),
    sinceEvent: sorted(sinceEvent),
  }
}

async function addressesAt(client: UdpClient, changer: number): Promise<string[] | 'lost'> {
  const name = `${plan.service}-${changer}.${plan.namespace}.svc.cluster.local`
  try {
    return dataOf(await client.ask(name, 'A', LOST_MS)).map(String)
  } catch {
    return 'lost'
  }
}

/** The number of the change that has made an address; -1 for an address that is none of them. */
function numberIn(address: string, changer: number): number {
  const [, net, high, low] = address.split('.').map(Number)
  return net === 128 + changer ? 256 * high! + low! : -1
}

async function readEvents(watch: AsyncIterable<Buffer>): Promise<void> {
  let text = ''
  for await (const chunk of watch) {
    const at = performance.now()
    const lines = (text + chunk.toString('utf8')).split('\n')
    text = lines.pop()!
    for (const line of lines) {
      const address = /"addresses":\["10\.(\d+)\.(\d+)\.(\d+)"\]/.exec(line)
      if (address === null) continue
      const [net, high, low] = address.slice(1).map(Number)
      toldAt.set(`${net! - 128} ${256 * high! + low!}`, at)
    }
  }
}

async function send(method: string, path: string, body?: object): Promise<IncomingMessage> {
  const headers = { authorization: `Bearer ${plan.token}`, ...(body && { 'content-type': 'application/json' }) }
  const request = requestSecure(plan.url + path, { method, headers, agent, ca: plan.authority })
  request.end(body && JSON.stringify(body))
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  if (response.statusCode! >= 300) throw new Error(`${method} ${path} was answered with ${response.statusCode}`)
  return response
}

await main()
