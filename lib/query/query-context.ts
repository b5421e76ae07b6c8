import type { CidrTable } from '../clients/cidr-table.js'
import { ADDRESS_WORDS, writeClient } from '../clients/client-address.js'
import type { AclAction } from '../limits/acl.js'
import type { ServerCookies } from '../limits/server-cookies.js'
import type { RecordIndexReader } from '../record-index/record-index-reader.js'
import { Rcode } from '../wire/constants.js'
import { EdnsRequest, NO_EXTENDED_ERROR } from '../wire/edns.js'
import { Header } from '../wire/header.js'
import { Question } from '../wire/question.js'
import { WireReader } from '../wire/reader.js'
import type { ClientRules } from './client-rules.js'
import type { Identity } from './identity.js'
import type { AllUnhealthy } from './options.js'
import type { ResponseWriter } from './response-writer.js'
import { NO_ZONE, type Zone, type ZoneTable } from './zone.js'

/** What does not change from query to query. One for each thread. */
export interface QuerySettings {
  readonly index: RecordIndexReader
  readonly health: AddressHealth
  readonly zones: ZoneTable
  /** The largest UDP payload that we send, and the size that our OPT record says; 512 to 4096. */
  readonly udpPayloadSize: number
  /** Seconds that an NXDOMAIN or NODATA may be kept: the minimum of a synthesized SOA, and its TTL. */
  readonly negativeTtl: number
  /** What the server of a synthesized NS resolves to. */
  readonly ownAddresses: OwnAddresses
  /** Whether SRV weights are answered as shares of 100. */
  readonly normalizesSrvWeights: boolean
  /** What is answered in class CH. */
  readonly identity: Identity
  /** RFC 5001: what this server is called, as bytes; of no length to say nothing. */
  readonly nsid: Uint8Array
  /** Without any, cookies are an option that we do not know. */
  readonly cookies: ServerCookies | undefined
  /** Whether a client that knows cookies must have one of ours to be answered over UDP. */
  readonly requiresCookie: boolean
  /** Who may have what. */
  readonly clientRules: ClientRules
  /** How long a stream may be idle, in tenths of a second. */
  readonly keepaliveTimeout: number
  /** What is answered where all of an RRset's addresses are unhealthy. */
  readonly allUnhealthy: AllUnhealthy
  /** Whose word on a client's subnet counts (RFC 7871); without any, that is an option that we do not know. */
  readonly subnetSources: CidrTable | undefined
}

/** Which addresses are not to be answered with. */
export interface AddressHealth {
  /** Whether `isUnhealthy` can be true. */
  readonly anyUnhealthy: boolean
  /** Whether the address that stands as four or sixteen bytes at `start` is unhealthy. */
  isUnhealthy(bytes: Uint8Array, start: number, length: number): boolean
}

/** Addresses in wire form, one behind the other. */
export interface OwnAddresses {
  readonly ipv4: Uint8Array
  readonly ipv6: Uint8Array
}

/** Tells the addresses of the clients of a batch. */
export interface ClientAddresses {
  /** Writes the address from which request `i` came, 4 or 16 octets, and returns its length; 0 when it came from this process. */
  clientAddress(i: number, target: Uint8Array): number
  /** The port from which request `i` came; 0, and left out, where nobody knows. */
  clientPort?(i: number): number
  /** Writes the address that it was sent to, 4 or 16 octets, and returns its length; 0, and left out, where nobody knows. */
  serverAddress?(i: number, target: Uint8Array): number
  /** The port that it was sent to, likewise. */
  serverPort?(i: number): number
  /** Whether they are at the other ends of streams, and so where they say they are. */
  readonly areOnStreams?: boolean
}

/** What a client may have: an answer, REFUSED, or nothing; `limit`: it has had its share, and gets nothing, or REFUSED over a stream. */
export type Access = AclAction | 'limit'

/**
 * `accepted`: go on and look for an answer. `hooked`: a hook has one. `chaos`: say who we are. `answered`: the context says what to send.
 * `dropped`: send nothing.
 */
export type Verdict = 'accepted' | 'hooked' | 'chaos' | 'answered' | 'dropped'

/** One query on its way through the pipeline: what was asked, and what has been decided so far. One for each place in a batch. */
export class QueryContext {
  readonly settings: QuerySettings
  readonly reader = new WireReader()
  readonly header = new Header()
  readonly question = new Question()
  readonly edns = new EdnsRequest()
  readonly response: ResponseWriter

  /** The client's address, where `hasClient`: see `readClient`. */
  readonly client = new Int32Array(ADDRESS_WORDS)
  hasClient = false
  readonly #octets = new Uint8Array(4 * ADDRESS_WORDS)
  access: Access = 'allow'
  /** The number of the view whose records the client sees. */
  view = 0
  /** The hash of the name by which responses are alike: see `ResponseClass`. */
  limitHash = 0

  /** The longest of our zones that holds the question's name; and whether it is for others to answer all the same, or for lack of one. */
  ownZone: Zone | undefined
  isForOthers = false
  /** The number of the zone that the question's name was looked up in; for the figures. */
  zone = NO_ZONE
  verdict: Verdict = 'dropped'
  rcode: number = Rcode.NOERROR
  isAuthoritative = false
  isTruncated = false
  /** Whether the response repeats the question: not when we could not read it. */
  hasQuestion = false
  /** Whether there is no such data (RFC 2308 §2.2); for the counters. */
  isNodata = false
  /** RFC 8914: why the answer is what it is. A stale answer of a forwarder's cache will say so here, too. */
  extendedError = NO_EXTENDED_ERROR
  /** Whether what `settings.cookies` has found or made goes back to the client. */
  answersCookie = false
  /** Whether the client has shown that its address is its own, by a cookie of ours. */
  isClientVerified = false
  /** Whether somebody else has to decide first: there is no response yet. */
  isParked = false
  /** Where queries are forwarded: RA for who may have that; and AD and CD as they go into the answer of somebody else. */
  forwardFlags = 0
  /** RFC 7871: whether the client's subnet is from somebody who is believed, and so goes back, and how much of it the answer depends on. */
  answersSubnet = false
  subnetScope = 0
  /** Over what the query came: a datagram, or a stream, which may be encrypted. */
  isStream = false
  isEncrypted = false
  /** What answering has come to: octets, 0 for no response, LATER for one that is still to come. */
  responseLength = 0

  /** The writer is that of the thread: responses are written one after the other. */
  constructor(settings: QuerySettings, response: ResponseWriter) {
    this.settings = settings
    this.response = response
  }

  reset(request: Uint8Array, start: number, length: number): void {
    this.reader.reset(request, start, length)
    if (this.edns.present) this.#clearOptions()
    this.hasClient = false
    this.access = 'allow'
    this.view = 0
    this.limitHash = 0
    this.hasQuestion = false
    this.zone = NO_ZONE
    this.clearAnswer()
    this.isParked = false
  }

  comeInDatagram(): void {
    this.isStream = false
    this.isEncrypted = false
  }

  comeOverStream(isEncrypted: boolean): void {
    this.isStream = true
    this.isEncrypted = isEncrypted
  }

  /** Reads the client's address, once for a query, which is number `i` of those of `clients`. False for a query of this process. */
  readClient(clients: ClientAddresses, i: number): boolean {
    if (this.hasClient) return true
    const octets = this.#octets
    const length = clients.clientAddress(i, octets)
    if (length === 0) return false
    writeClient(this.client, 0, octets, length)
    this.hasClient = true
    return true
  }

  /** Forgets what has been found out for the question. */
  clearAnswer(): void {
    this.rcode = Rcode.NOERROR
    this.isAuthoritative = false
    this.isTruncated = false
    this.isNodata = false
    this.extendedError = NO_EXTENDED_ERROR
  }

  /** What only a query with an OPT record sets. */
  #clearOptions(): void {
    this.edns.clear()
    this.answersCookie = false
    this.isClientVerified = false
    this.answersSubnet = false
    this.subnetScope = 0
  }
}
