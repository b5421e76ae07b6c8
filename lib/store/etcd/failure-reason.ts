/** How gRPC's errors read: `14 UNAVAILABLE: No connection established. Last error: …`. From a thread they come as text alone. */
const GRPC_MESSAGE = /^\d+ ([A-Z_]+): (.*)$/s
/** How etcd's own words begin in there. */
const SAID_BY_ETCD = 'etcdserver: '

const NO_CONNECTION =
  /^No connection established\. Last error: (?:Error: )?(.*?)(?: \(\d{4}-[^)]*Z\))?\.?\s*(?:Resolution note: .*)?$/s
const NO_ADDRESS = /^Name resolution failed for target (?:dns:)?(\S+)/
/** Of OpenSSL: `804CF0EC:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/…:350:`. */
const TLS_FAILURE = /error:[0-9A-F]{8}:[^:]*:[^:]*:([^:]+):/

/** What an operator can make something of: why etcd could not be asked, in words. The error itself belongs into the `cause`. */
export function failureReason({ message }: Error): string {
  const [, status, details] = GRPC_MESSAGE.exec(message) ?? []
  if (status === undefined || details === undefined) return message
  if (details.startsWith(SAID_BY_ETCD)) return `etcd says: ${details.slice(SAID_BY_ETCD.length)}`
  if (status === 'DEADLINE_EXCEEDED') return 'it did not answer in time'
  const [, target] = NO_ADDRESS.exec(details) ?? []
  if (target !== undefined) return `the name of ${target} has no address`
  const [, failure] = NO_CONNECTION.exec(details) ?? []
  if (failure !== undefined) return `there is no connection: ${inOneLine(failure)}`
  return details === '' ? status.toLowerCase().replaceAll('_', ' ') : inOneLine(details)
}

function inOneLine(text: string): string {
  const [, tls] = TLS_FAILURE.exec(text) ?? []
  return tls === undefined ? text.replaceAll(/\s+/g, ' ').trim() : `TLS failed, ${tls}`
}
