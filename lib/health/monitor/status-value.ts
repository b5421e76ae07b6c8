/** What a status key says: ContainerDNS's fields, and whatever else others have put there. */
export type StatusFields = Readonly<Record<string, unknown>>

export type Status = 'UP' | 'DOWN'

/** Undefined for a value that is no JSON object: it is not ours to mend. */
export function parseStatus(value: Buffer): StatusFields | undefined {
  try {
    const fields: unknown = JSON.parse(value.toString('utf8'))
    return typeof fields === 'object' && fields !== null && !Array.isArray(fields)
      ? (fields as StatusFields)
      : undefined
  } catch {
    // Not JSON. The DNS servers tell of it, as of any key that makes no sense.
    return undefined
  }
}

/** The value with another status, and everything else as it was; undefined where it says so already. */
export function withStatus(fields: StatusFields, status: Status): string | undefined {
  return fields['status'] === status ? undefined : JSON.stringify({ ...fields, status })
}

/** The ports that are to be probed. */
export function portsOfStatus({ ports }: StatusFields): number[] {
  if (!Array.isArray(ports)) return []
  const numbers = ports.map(Number).filter((port) => Number.isInteger(port) && port >= 1 && port <= 65_535)
  return [...new Set(numbers)].sort((a, b) => a - b).slice(0, MAX_PORTS)
}

/** Each is a connection for each probe. */
const MAX_PORTS = 16
