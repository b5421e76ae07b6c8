import { randomBytes } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { getSystemErrorName } from 'node:util'
import { ContainerDnsError } from '../../errors.js'
import { batchObstacle, type Libc, loadLibc } from '../../transport/libc.js'
import {
  AF_INET,
  AF_INET6,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
} from '../../transport/linux-constants.js'
import { encodeSocketAddress } from '../../transport/socket-address.js'
import { type OnOutcome, outcomeOf, type RunningProbe } from './check.js'

// An echo message (RFC 792, RFC 4443 §4.1): | type u8 | code u8 | checksum u16 | identifier u16 | sequence u16 | token 8 |
const TYPE = 0
const CODE = 1
const CHECKSUM = 2
const IDENTIFIER = 4
const SEQUENCE = 6
const TOKEN = 8
const TOKEN_BYTES = 8
const ECHO_SIZE = TOKEN + TOKEN_BYTES

const ECHO_REQUEST_V4 = 8
const ECHO_REPLY_V4 = 0
const ECHO_REQUEST_V6 = 128
const ECHO_REPLY_V6 = 129

/** How often the sockets are read while a probe waits: far below any timeout, and one call when there is nothing. */
const READ_MS = 5
/** Replies that are heard in one turn of the event loop: whoever floods this machine with more must not stop the rest. */
const READS_AT_ONCE = 1_000
/** Room for an IP header with options, an echo message, and no more of what others get. */
const READ_BYTES = 256

interface IcmpSocket {
  readonly fd: number
  /** A raw IPv4 socket brings the IP header along, and wants a checksum. */
  readonly isRaw: boolean
  readonly isV6: boolean
}

interface Waiting {
  readonly onOutcome: OnOutcome
}

/**
 * Sends ICMP echo requests, and hears the replies, on one socket for each family. A reply is known by eight random bytes that it must bring
 * back: nobody who has not seen the request can make one. Its sequence, and its identifier where that is ours, are the first of them. Sockets are of the kind that unprivileged processes may have (`net.ipv4.ping_group_range`), or raw ones.
 */
export class IcmpProber {
  readonly #libc: Libc
  readonly #sockets: { readonly v4: IcmpSocket | undefined; readonly v6: IcmpSocket | undefined }
  /** By their tokens, in latin1. */
  readonly #waiting = new Map<string, Waiting>()
  readonly #buffer = new Uint8Array(READ_BYTES)
  #timer: NodeJS.Timeout | undefined

  /** Throws CDNS_ICMP_UNAVAILABLE where neither kind of socket can be had for either family. */
  constructor() {
    const obstacle = batchObstacle()
    if (obstacle !== undefined) throw unavailable(obstacle)
    this.#libc = loadLibc()
    this.#sockets = { v4: this.#open(false), v6: this.#open(true) }
    if (this.#sockets.v4 !== undefined || this.#sockets.v6 !== undefined) return
    throw unavailable('the process needs CAP_NET_RAW, or a group in net.ipv4.ping_group_range')
  }

  probe(address: string, onOutcome: OnOutcome): RunningProbe {
    const token = randomBytes(TOKEN_BYTES)
    const key = token.toString('latin1')
    const probe: Waiting = { onOutcome }
    this.#waiting.set(key, probe)
    // Later, so that whoever asks has the probe in hand when it has come to its end already.
    setImmediate(() => {
      if (this.#waiting.get(key) !== probe) return
      const failure = this.#send(address, token)
      if (failure !== undefined) this.#finish(key, failure)
      else this.#timer ??= setInterval(() => this.#read(), READ_MS)
    })
    return { cancel: () => this.#forget(key) }
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#waiting.clear()
    for (const socket of [this.#sockets.v4, this.#sockets.v6]) if (socket !== undefined) this.#libc.close(socket.fd)
  }

  #open(isV6: boolean): IcmpSocket | undefined {
    const family = isV6 ? AF_INET6 : AF_INET
    for (const type of [SOCK_DGRAM, SOCK_RAW]) {
      const protocol = isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP
      const fd = this.#libc.socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol)
      if (fd >= 0) return { fd, isRaw: type === SOCK_RAW, isV6 }
    }
    return undefined
  }

  /** The system's name of what has failed. */
  #send(address: string, token: Uint8Array): string | undefined {
    const socket = isIPv6(address) ? this.#sockets.v6 : this.#sockets.v4
    if (socket === undefined) return 'EAFNOSUPPORT'
    const target = encodeSocketAddress(this.#libc, address, 0)
    if (target === undefined) return 'EINVAL'
    const request = echoRequest(token, socket.isV6)
    if (this.#libc.sendto(socket.fd, request, request.length, 0, target, target.length) >= 0) return undefined
    return getSystemErrorName(-this.#libc.errno())
  }

  #read(): void {
    for (const socket of [this.#sockets.v4, this.#sockets.v6]) {
      if (socket === undefined) continue
      for (let reads = 0; reads < READS_AT_ONCE; reads++) {
        const length = this.#receive(socket)
        // Nothing to give: EAGAIN, or an error that a router has sent, which may be anybody's.
        if (length < 0) break
        this.#take(socket, length)
      }
    }
    if (this.#waiting.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #receive(socket: IcmpSocket): number {
    return this.#libc.read(socket.fd, this.#buffer, READ_BYTES)
  }

  #take(socket: IcmpSocket, length: number): void {
    const key = tokenOfReply(this.#buffer, length, socket)
    const probe = key === undefined ? undefined : this.#waiting.get(key)
    if (probe === undefined) return
    this.#forget(key!)
    probe.onOutcome('alive', '')
  }

  #finish(key: string, failure: string): void {
    const probe = this.#waiting.get(key)!
    this.#forget(key)
    probe.onOutcome(outcomeOf(failure), failure)
  }

  #forget(key: string): void {
    this.#waiting.delete(key)
  }
}

/** The token that an echo reply brings back, in latin1; undefined for whatever else there is, and for a reply that is not as its request was. */
export function tokenOfReply(
  bytes: Uint8Array,
  length: number,
  { isRaw, isV6 }: Pick<IcmpSocket, 'isRaw' | 'isV6'>,
): string | undefined {
  // RFC 791 §3.1: the low half of the first octet is the length of the header, in words.
  const start = isRaw && !isV6 ? 4 * (bytes[0]! & 0x0f) : 0
  if (start + ECHO_SIZE > length) return undefined
  if (bytes[start + TYPE] !== (isV6 ? ECHO_REPLY_V6 : ECHO_REPLY_V4) || bytes[start + CODE] !== 0) return undefined
  // Identifier and sequence are the token's first bytes. The kernel has an identifier of its own for each socket that is not raw, and hands over replies to that alone.
  for (let i = isRaw ? IDENTIFIER : SEQUENCE; i < TOKEN; i++) {
    if (bytes[start + i] !== bytes[start + TOKEN + i - IDENTIFIER]) return undefined
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset + start + TOKEN, TOKEN_BYTES).toString('latin1')
}

/** A token is eight random bytes. */
export function echoRequest(token: Uint8Array, isV6: boolean): Uint8Array {
  const request = new Uint8Array(ECHO_SIZE)
  request[TYPE] = isV6 ? ECHO_REQUEST_V6 : ECHO_REQUEST_V4
  request.set(token.subarray(0, 4), IDENTIFIER)
  request.set(token, TOKEN)
  // That of ICMPv6 covers addresses, and is the kernel's.
  if (!isV6) new DataView(request.buffer).setUint16(CHECKSUM, checksum(request))
  return request
}

/** RFC 1071 §1: the complement of the sum of all words, in ones' complement. */
function checksum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function unavailable(reason: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_ICMP_UNAVAILABLE', `ICMP echo cannot be sent here: ${reason}`)
}
