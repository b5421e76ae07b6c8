import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createContainerDns } from 'containerdns'
import type { ReadRecord } from '../../support/read-message.js'
import { concurrently } from '../../support/udp-asker.js'
import { type Answer, Answered, describeQuestion, recordLine } from '../answered.js'
import type { InteropZone } from '../interop-zones.js'
import type { Question } from '../questions.js'
import { type ReferenceName, startReference } from '../reference-server.js'

const AT_ONCE = 50

/** What came of asking a server directly and through a forwarder of ours. */
export interface ForwardedReport {
  /** For people, one for each question that was answered differently. */
  readonly differences: readonly string[]
  readonly asked: number
  /** Questions whose answer came over TCP. */
  readonly overTcp: number
}

/** Starts a server with a zone, and one of ours that knows nothing and forwards to it; asks both the same. */
export async function compareForwarded(
  upstream: ReferenceName,
  folder: string,
  zone: InteropZone,
  questions: readonly Question[],
): Promise<ForwardedReport> {
  const place = join(folder, upstream)
  mkdirSync(place, { recursive: true })
  await using server = await startReference(upstream, place, [zone])
  await using forwarder = await createContainerDns({
    ...{ zones: ['local.example'], listen: { port: 0 }, workers: 1 },
    // Slow machines answer late, and nobody here is down.
    forward: { upstreams: [`${server.host}:${server.port}`], tryTimeoutMs: 5_000, timeoutMs: 20_000 },
  })
  await using directly = await Answered.open(server)
  await using forwarded = await Answered.open(forwarder.addresses[0]!)
  const differences: string[] = []
  await concurrently(questions, AT_ONCE, async (question) => {
    const [their, our] = await Promise.all([directly.ask(question), forwarded.ask(question)])
    const found = differencesOf(their, our)
    if (found.length > 0) differences.push([describeQuestion(question), ...found].join('\n  '))
  })
  return { differences, asked: questions.length, overTcp: forwarded.truncated }
}

/** The RCODE and each section as a set must be the same, and no TTL may be higher than it was. */
function differencesOf(their: Answer, our: Answer): string[] {
  const found = their.rcode === our.rcode ? [] : [`RCODE ${our.rcode}, not ${their.rcode}`]
  for (const section of ['answer', 'authority', 'additional'] as const) {
    const [theirs, ours] = [ttlsOf(their[section]), ttlsOf(our[section])]
    for (const [line, ttl] of ours) {
      const right = theirs.get(line)
      if (right === undefined) found.push(`only here: ${section} ${line}`)
      else if (ttl > right) found.push(`${section} ${line} has TTL ${ttl}, above ${right}`)
    }
    for (const line of theirs.keys()) if (!ours.has(line)) found.push(`missing: ${section} ${line}`)
  }
  return found
}

function ttlsOf(records: readonly ReadRecord[]): Map<string, number> {
  return new Map(records.map((record) => [recordLine({ ...record, ttl: 0 }), record.ttl]))
}
