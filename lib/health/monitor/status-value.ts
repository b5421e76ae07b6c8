/** What a status key says: ContainerDNS's fields, and whatever else others have put there. */
export type StatusFields = Readonly<Record<string, unknown>>

export type Status = 'UP' | 'DOWN'

/** Of a status, and of whatever else stands beside it: thousands of domains. Reading it takes 2 ms; etcd takes values of 1.5 MB. */
export const MAX_VALUE_BYTES = 256 * 1024

/** Undefined for a value that is no JSON object, or too large: it is not ours to mend. */
export function parseStatus(value: Buffer): StatusFields | undefined {
  if (value.length > MAX_VALUE_BYTES) return undefined
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
  const numbers = ports
    .slice(0, MAX_LISTED)
    .map(Number)
    .filter((port) => Number.isInteger(port) && port >= 1 && port <= 65_535)
  return [...new Set(numbers)].sort((a, b) => a - b).slice(0, MAX_PORTS)
}

/** Each is a connection for each probe. */
const MAX_PORTS = 16
/** Of those that are listed, so many are looked at. */
const MAX_LISTED = 1_000
