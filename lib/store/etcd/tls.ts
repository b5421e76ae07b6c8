import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { checkServerIdentity, createSecureContext, type PeerCertificate } from 'node:tls'
import { refuseUnknownKeys } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'

export interface EtcdTlsOptions {
  /** The authorities that etcd's certificate may be from, instead of the public ones. */
  ca?: PemSource
  /** Our own certificate with those that lead to its authority, and its key: both or none. */
  cert?: PemSource
  key?: PemSource
  /** The name that etcd's certificate must be for, when it is not that of the host. */
  serverName?: string
  /** false believes anyone to be etcd: for trying things out. Default: true. */
  rejectUnauthorized?: boolean
}

/** The text itself, or where it lies. A file is read at the start and anew for each connection, so that it may be replaced. */
export type PemSource = string | Uint8Array | { file: string }

/** Plain data, so that it can go to another thread. */
export interface ParsedTls {
  readonly ca?: ParsedPem
  readonly cert?: ParsedPem
  readonly key?: ParsedPem
  readonly serverName?: string
  readonly rejectUnauthorized: boolean
}

type ParsedPem = { readonly pem: string } | { readonly file: string }

/** What TLS needs for one connection. */
export interface TlsMaterial {
  readonly ca: Buffer | null
  readonly cert: Buffer | null
  readonly key: Buffer | null
}

const KEYS = [
  'ca',
  'cert',
  'key',
  'serverName',
  'rejectUnauthorized',
] as const satisfies readonly (keyof EtcdTlsOptions)[]

/** Throws CDNS_OPTION_UNKNOWN and CDNS_OPTION_INVALID, the latter for files and keys that TLS cannot use, too. */
export function parseTls(given: EtcdTlsOptions = {}): ParsedTls {
  refuseUnknownKeys('etcdStore.tls', given, KEYS)
  const { serverName, rejectUnauthorized = true } = given
  if (serverName !== undefined && (typeof serverName !== 'string' || serverName === ''))
    throw invalid('etcdStore.tls.serverName must be a name')
  if (typeof rejectUnauthorized !== 'boolean') throw invalid('etcdStore.tls.rejectUnauthorized must be true or false')
  if ((given.cert === undefined) !== (given.key === undefined))
    throw invalid('etcdStore.tls must have both cert and key, or neither')
  const tls: ParsedTls = Object.freeze({
    ...(given.ca === undefined ? {} : { ca: parsePem('ca', given.ca) }),
    ...(given.cert === undefined ? {} : { cert: parsePem('cert', given.cert) }),
    ...(given.key === undefined ? {} : { key: parsePem('key', given.key) }),
    ...(serverName === undefined ? {} : { serverName }),
    rejectUnauthorized,
  })
  try {
    const { ca, cert, key } = readTls(tls)
    // Node passes over what it cannot read among authorities, and then trusts nobody.
    if (ca !== null) new X509Certificate(ca)
    createSecureContext({ ca: ca ?? undefined, cert: cert ?? undefined, key: key ?? undefined })
  } catch (error) {
    throw invalid(`etcdStore.tls cannot be used: ${(error as Error).message}`)
  }
  return tls
}

/** Reads the files as they are now. Throws what reading them throws. */
export function readTls({ ca, cert, key }: ParsedTls): TlsMaterial {
  return { ca: read(ca), cert: read(cert), key: read(key) }
}

/** How a certificate is checked, for a connection to `host`, an address or a name without its port. */
export interface ServerCheck {
  /** The name that we tell etcd in the handshake, when it is not that of the host. */
  readonly nameSent?: string
  readonly checkServerIdentity?: (name: string, certificate: PeerCertificate) => Error | undefined
}

/**
 * An address cannot be a name in the handshake (RFC 6066 §3), and Node prints a warning to the host's output when asked to send one, as
 * grpc-js does. So another name is sent, and the certificate is checked against the address.
 */
export function serverCheck({ serverName }: ParsedTls, host: string): ServerCheck {
  const expected = serverName ?? host.replace(/^\[(.*)\]$/, '$1')
  if (isIP(expected) === 0) return serverName === undefined ? {} : { nameSent: serverName }
  return { nameSent: NO_NAME, checkServerIdentity: (_, certificate) => checkServerIdentity(expected, certificate) }
}

/** RFC 2606: nobody has it. */
const NO_NAME = 'etcd.invalid'

function parsePem(key: 'ca' | 'cert' | 'key', given: unknown): ParsedPem {
  if (typeof given === 'string' || given instanceof Uint8Array) {
    const pem = Buffer.from(given as string).toString('latin1')
    if (pem.includes('-----BEGIN ')) return Object.freeze({ pem })
  } else if (typeof given === 'object' && given !== null) {
    refuseUnknownKeys(`etcdStore.tls.${key}`, given, ['file'])
    const { file } = given as { file?: unknown }
    if (typeof file === 'string' && file !== '') return Object.freeze({ file })
  }
  throw invalid(`etcdStore.tls.${key} must be the text of a PEM file, or { file } with its path`)
}

function read(pem: ParsedPem | undefined): Buffer | null {
  if (pem === undefined) return null
  return 'pem' in pem ? Buffer.from(pem.pem, 'latin1') : readFileSync(pem.file)
}

function invalid(message: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_OPTION_INVALID', message)
}
