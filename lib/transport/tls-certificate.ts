import { readFile, stat } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { ContainerDnsError } from '../errors.js'

/** Where a certificate (with its chain) and its key come from: each is PEM text, or the path of a file that holds it. */
export interface CertificateSource {
  readonly cert: string
  readonly key: string
}

/** A certificate and its key as PEM text. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** What a server shows to its clients. A plain object: it is posted to the stream thread. */
export interface TlsIdentity {
  readonly source: CertificateSource
  /** As read at the start: good, whatever has become of the files since. */
  readonly certificate: Certificate
}

/** PEM begins with `-----BEGIN`, which no path does. */
export function isPem(text: string): boolean {
  return text.trimStart().startsWith('-----BEGIN')
}

/** Reads both, and tries them. Rejects with CDNS_CERTIFICATE_MISSING or CDNS_CERTIFICATE_INVALID. */
export async function readCertificate(source: CertificateSource): Promise<Certificate> {
  const certificate = { cert: await readPem('cert', source.cert), key: await readPem('key', source.key) }
  try {
    createSecureContext(secureOptions(certificate))
  } catch (cause) {
    const what = `tls.cert ${nameOf(source.cert)} and tls.key ${nameOf(source.key)}`
    const { message } = cause as Error
    throw new ContainerDnsError('CDNS_CERTIFICATE_INVALID', `${what} are no certificate and its key: ${message}`, {
      cause,
    })
  }
  return certificate
}

/** What tells one state of the files from another; undefined where there are none, and nothing ever changes. */
export async function stampOf({ cert, key }: CertificateSource): Promise<string | undefined> {
  const files = [cert, key].filter((each) => !isPem(each))
  if (files.length === 0) return undefined
  return (await Promise.all(files.map(stampOfFile))).join(' ')
}

/** How TLS is set up, for DoT and DoH alike. Node never accepts early data, and resumes sessions by tickets. */
export function secureOptions({ cert, key }: Certificate): SecureContextOptions {
  // RFC 7858 §3.2 by way of RFC 9325 §3.1.1: 1.2 at least. No client shows a certificate, so the 140 roots that Node knows are not needed.
  return { cert, key, ca: [], minVersion: 'TLSv1.2' }
}

async function readPem(option: 'cert' | 'key', given: string): Promise<string> {
  if (isPem(given)) return given
  let text: string
  try {
    text = await readFile(given, 'utf8')
  } catch (cause) {
    const { message } = cause as Error
    throw new ContainerDnsError('CDNS_CERTIFICATE_MISSING', `tls.${option} cannot be read: ${message}`, { cause })
  }
  // Text may stand before it, as openssl writes it.
  if (text.includes('-----BEGIN')) return text
  throw new ContainerDnsError('CDNS_CERTIFICATE_INVALID', `tls.${option} ${nameOf(given)} is not PEM`)
}

/** A key has no business in a message. */
function nameOf(given: string): string {
  return isPem(given) ? 'as given' : JSON.stringify(given)
}

async function stampOfFile(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path)
    return `${mtimeMs}:${size}:${ino}`
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
