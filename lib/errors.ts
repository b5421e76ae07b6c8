/**
 * Every code a `ContainerDnsError` can carry, with what it means.
 *
 * `docs/errors.md` lists the same sentences; a test holds the two together.
 */
export const ERROR_CODES = {
  CDNS_OPTION_UNKNOWN: 'An option has a name that we do not know; the message says which known name is nearest.',
  CDNS_OPTION_INVALID: 'An option has a value of the wrong kind or out of its range.',
  CDNS_ZONE_INVALID: 'A zone is not a domain name, or is listed twice.',
  CDNS_NAME_INVALID:
    'A domain name is empty, or has an empty label, a bad escape, or a character that must be escaped.',
  CDNS_NAME_TOO_LONG: 'A domain name has more than 255 octets in wire form.',
  CDNS_LABEL_TOO_LONG: 'A label of a domain name has more than 63 octets.',
  CDNS_TYPE_UNSUPPORTED: 'A record type is not one that a record can have, or goes by another name here.',
  CDNS_TTL_INVALID: 'A TTL is not a whole number of seconds from 0 to 2147483647.',
  CDNS_DATA_EMPTY: 'An RRset has no data.',
  CDNS_DATA_INVALID: 'Record data is not of the kind that its type wants, or has unknown fields.',
  CDNS_ADDRESS_INVALID:
    'An address is not one of IPv4 or IPv6, not of the family that its type wants, or names an interface of one host.',
  CDNS_NUMBER_INVALID: 'A number in record data is missing, not whole, or out of its range.',
  CDNS_STRING_TOO_LONG: 'A string in record data has more than 255 octets.',
  CDNS_CAA_INVALID: 'The tag of a CAA record is not made of letters and digits (RFC 8659 §4.1).',
  CDNS_NAPTR_INVALID:
    'The flags or the regexp of a NAPTR record are wrong, or it has a replacement too (RFC 3403 §4.1).',
  CDNS_SVCB_INVALID:
    'Parameters of an SVCB or HTTPS record are malformed, out of order, there twice, or lack a mandatory key (RFC 9460).',
  CDNS_GENERIC_INVALID:
    'Data in the form of RFC 3597 has bad digits or another length than it says, or does not fit its type.',
  CDNS_RRSET_INVALID: 'An RRset is not an object, has unknown fields, or holds more than one CNAME or SOA.',
  CDNS_RRSET_TOO_LARGE: 'An RRset, or all RRsets of one name, are larger than a DNS message can carry.',
  CDNS_CNAME_CONFLICT: "A CNAME would stand beside other data of the same name, or at a zone's apex (RFC 1034 §3.6.2).",
  CDNS_NAME_OUT_OF_ZONE: 'A record belongs to a name in none of our zones, so nobody could ever be answered with it.',
  CDNS_VIEW_UNKNOWN: "A view is named that is not one of the server's `views`.",
  CDNS_RECORDS_FILE_INVALID: 'A file of records cannot be read, is not JSON, or holds something other than RRsets.',
  CDNS_CIDR_INVALID:
    'A network of clients is no address with a prefix length, has bits set behind its prefix, or is listed twice.',
  CDNS_HEALTH_INVALID: 'A health state is none of healthy, unhealthy and unknown.',
  CDNS_ICMP_UNAVAILABLE:
    'The system lets this process send no ICMP echo requests; the message says what it would take.',
  CDNS_ZONE_FILE_INVALID:
    'A zone file cannot be read, or has a fault; the message names the file, the line and the reason.',
  CDNS_HOSTS_FILE_INVALID:
    'A hosts file cannot be read, or has a fault; the message names the file, the line and the reason.',
  CDNS_UPSTREAM_INVALID:
    'An upstream is no IP address with an optional port, has settings that do not go with its protocol, or is listed twice; or there are none.',
  CDNS_RESOLV_CONF_INVALID:
    'The file of `forward.resolvConf` cannot be read, or names no upstream. What it said before stays good. Logged only.',
  CDNS_FORWARD_LOOP:
    'What an upstream is asked comes back to us as a query; it is left out until it no longer does. Logged, and an `error` event.',
  CDNS_PORT_IN_USE: 'Another socket is bound to the address and port.',
  CDNS_ADDRESS_UNAVAILABLE: 'The address to listen on is not one of this host.',
  CDNS_PERMISSION_DENIED: 'The system does not let this process bind the port; ports below 1024 need a privilege.',
  CDNS_SOCKET_FAILED: 'The system refused a socket call for a reason that has no code of its own; see the cause.',
  CDNS_CERTIFICATE_MISSING: 'An address for DoT or DoH has no certificate or no key, or their file cannot be read.',
  CDNS_CERTIFICATE_INVALID: 'A certificate or its key is not PEM, is not usable, or the two do not belong together.',
  CDNS_TRANSPORT_UNAVAILABLE: 'The transport that was asked for does not work on this system.',
  CDNS_XDP_INTERFACE:
    'An interface of `xdp.interfaces` is not there, not up, or carries no Ethernet frames; or it has no such queue.',
  CDNS_XDP_NOT_PERMITTED:
    'The system does not let this process use AF_XDP: it takes CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF.',
  CDNS_XDP_BUSY: 'Another program has attached to an interface of `xdp.interfaces`, or has one of its queues.',
  CDNS_XDP_MEMORY: 'The frames of AF_XDP are more memory than RLIMIT_MEMLOCK lets this process lock.',
  CDNS_XDP_UNAVAILABLE: 'The kernel or the driver of an interface cannot do what `xdp` asks for; see the cause.',
  CDNS_THREAD_FAILED: 'A DNS thread could not be started; see the cause.',
  CDNS_HOOK_MODULE_FAILED: 'A module of a hook cannot be imported, or exports no function for it.',
  CDNS_HOOK_INVALID: 'A hook has returned what makes no sense there; the query was answered without it. Logged only.',
  CDNS_HOOKS_OFF: 'Hooks from modules have hung or ended three threads, and are off for this server.',
  CDNS_QUERY_DROPPED: 'The hook onQuery has dropped a query of the host itself, which has no answer then.',
  CDNS_QUERY_LOG_FAILED: 'The file of the query log cannot be opened; see the cause.',
  CDNS_LOG_FILE_FAILED: 'The file of the log, or of what the API has changed, cannot be opened; the message says why.',
  CDNS_RESPONSE_UNREADABLE:
    'The response to a query of the host itself has data, from an upstream or a hook, that does not make sense for its type.',
  CDNS_START_TIMEOUT: 'The store had not loaded within startTimeoutMs.',
  CDNS_ABORTED: 'The AbortSignal that was passed in has been aborted.',
  CDNS_CONFIG_INVALID:
    'A config cannot be read or has a fault; the message names the file, the line, the key and the reason.',
  CDNS_RESTART_NEEDED: 'A reload would change what takes a restart; the message names it. Nothing was changed.',
  CDNS_RELOAD_TIMEOUT: 'A reload was not ready in time, most often because of its `load`. Nothing was changed.',
  CDNS_FLUSH_FAILED:
    'The answer cache could not be flushed: the forward thread does not answer, or has too much to do.',
  CDNS_CLOSED: 'The server or store has been closed.',
  CDNS_STORE_IN_USE: 'The store already belongs to another server.',
  CDNS_STORE_UNAVAILABLE: 'The store cannot be reached, or did not answer in time.',
  CDNS_STORE_CONFLICT: 'Others kept changing the same records while we tried to.',
  CDNS_SNAPSHOT_INVALID:
    'A snapshot is cut off, damaged or none at all. It was not used; the start goes on without it.',
  CDNS_SNAPSHOT_MISMATCH:
    'A snapshot has the format of another version or machine, or was written with other options of the store. It was not used.',
  CDNS_SNAPSHOT_FAILED: 'A snapshot could not be read or written; see the cause. The server goes on without it.',
  CDNS_STORE_UNSUPPORTED: 'The records of the store are read only; they are changed by the program that writes them.',
  CDNS_KUBERNETES_CLIENT_MISSING:
    'A kubeconfig asks for a login that needs the package `@kubernetes/client-node`, which cannot be loaded.',
  CDNS_KUBECONFIG_INVALID:
    'A kubeconfig cannot be read, names no cluster, or asks for what is not to be done; the message says which.',
  CDNS_SHARED_MEMORY_FULL:
    'The shared memory of the record index has reached its 32 GiB, or the system has no more memory.',
  CDNS_API_UNPROTECTED:
    'The API would listen where others reach it, with no token configured; without tokens it answers on loopback only.',
  CDNS_TOKENS_INVALID: 'The tokens of the API, or their file, cannot be read or have a fault; the message says where.',
  CDNS_REQUEST_INVALID: 'A request to the API is not what its OpenAPI document says it must be.',
  CDNS_UNAUTHENTICATED: 'A request to the API has no token, or one that nobody has.',
  CDNS_FORBIDDEN: 'The token of a request to the API is not for what was asked: another verb, zone or owner.',
  CDNS_RECORD_READ_ONLY: 'A record comes from Kubernetes, and is to be changed there.',
  CDNS_NOT_FOUND: 'The API has no such path, method, zone or record.',
  CDNS_PRECONDITION_FAILED: 'A record is not in the state that If-Match or If-None-Match names.',
  CDNS_RATE_LIMITED: 'A client of the API has sent more requests than it may.',
  CDNS_BULK_REFUSED: 'A change of a bulk request is wrong; none of its changes was made.',
  CDNS_BULK_INCOMPLETE: 'Some changes of a bulk request failed after others were made; the results say which.',
  CDNS_NOT_SERVED_HERE: 'This process has no DNS server, or not the part of it that the API was asked about.',
  CDNS_API_UNREACHABLE: 'A command got no answer of the API that it was to ask; the message says why.',
  CDNS_API_FAILED: 'The API met an error that it has no code for; the log has it.',
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** The one error class of the library. Match on `code`: texts change, and two copies of the class may be loaded. */
export class ContainerDnsError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ContainerDnsError'
    this.code = code
  }
}

/** An error with more to tell than its message, by name: JSON that a problem of the API shows, too. */
export class DetailedError extends ContainerDnsError {
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>>, options?: ErrorOptions) {
    super(code, message, options)
    this.details = details
  }
}

/** What an error tells beside its message; nothing, of most. Two copies of the class may be loaded. */
export function detailsOf(error: unknown): Readonly<Record<string, unknown>> {
  const { details } = (error ?? {}) as { details?: unknown }
  return typeof details === 'object' && details !== null ? (details as Record<string, unknown>) : {}
}

/** Runs code of the host's: a listener, a logger. What it throws is the host's uncaught exception, and does not go through what we are doing. */
export function callHost(code: () => void): void {
  try {
    code()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
