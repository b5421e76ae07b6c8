import type { Decoded } from '../support/udp-client.js'

/** `name ttl type data` of a section, sorted. */
export function linesOf(records: Decoded['answers']): string[] {
  return (records ?? [])
    .filter(({ type }) => type !== 'OPT')
    .map((record) => {
      const { name, ttl, type, data } = record as unknown as { name: string; ttl: number; type: string; data: unknown }
      return `${name} ${ttl} ${type} ${textOf(data)}`
    })
    .sort()
}

/** The answers, or in their place the code of a negative answer. Throws for one that has no SOA of its zone beside it. */
export function answerLines(packet: Decoded): string[] {
  const answers = linesOf(packet.answers)
  if (answers.length > 0) return answers
  const beside = packet.authorities?.map((record) => record.type).join()
  if (beside !== 'SOA') throw new Error(`${packet.rcode} with ${beside} in its authority section`)
  return [packet.rcode === 'NOERROR' ? 'NODATA' : packet.rcode]
}

function textOf(data: unknown): string {
  if (Array.isArray(data)) return data.map((item) => `"${String(item)}"`).join(' ')
  if (typeof data !== 'object' || data === null || data instanceof Uint8Array) return String(data)
  const { priority, weight, port, target } = data as Record<string, unknown>
  return [priority, weight, port, target].join(' ')
}
