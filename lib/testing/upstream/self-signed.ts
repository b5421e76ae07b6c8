import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { addressFromText } from '../../clients/client-address.js'
import type { UpstreamCertificate } from './upstream-streams.js'

/** Makes a certificate that it has signed itself, good for a day, for names and addresses. Node makes keys, but no certificates: the DER of RFC 5280 is written here. */
export function selfSigned(subjects: readonly string[]): UpstreamCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = Date.now()
  const name = sequence(set(sequence(COMMON_NAME, der(UTF8_STRING, Buffer.from('containerdns test upstream')))))
  const toBeSigned = sequence(
    der(VERSION, der(INTEGER, VERSION_3)),
    der(INTEGER, Buffer.concat([POSITIVE, randomBytes(8)])),
    ECDSA_WITH_SHA256,
    name,
    sequence(utcTime(now - HOUR_MS), utcTime(now + DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(
      EXTENSIONS,
      sequence(sequence(ALTERNATIVE_NAMES, der(OCTET_STRING, sequence(...subjects.map(alternativeName))))),
    ),
  )
  const signature = der(BIT_STRING, Buffer.concat([NO_UNUSED_BITS, sign('sha256', toBeSigned, privateKey)]))
  return {
    cert: pem(sequence(toBeSigned, ECDSA_WITH_SHA256, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

// Tags of DER (X.690), and those that RFC 5280 §4.1 has of its own.
const INTEGER = 0x02
const BIT_STRING = 0x03
const OCTET_STRING = 0x04
const UTF8_STRING = 0x0c
const UTC_TIME = 0x17
const SEQUENCE = 0x30
const SET = 0x31
const VERSION = 0xa0
const EXTENSIONS = 0xa3
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87

const VERSION_3 = Buffer.of(2)
const POSITIVE = Buffer.of(1)
const NO_UNUSED_BITS = Buffer.of(0)
/** 2.5.4.3, 2.5.29.17 and, in a sequence, 1.2.840.10045.4.3.2. */
const COMMON_NAME = Buffer.from('0603550403', 'hex')
const ALTERNATIVE_NAMES = Buffer.from('0603551d11', 'hex')
const ECDSA_WITH_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex')

function der(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), lengthOf(content), content])
}

/** Up to 127 in one octet, else how many octets and those. */
function lengthOf({ length }: Buffer): Buffer {
  if (length < 0x80) return Buffer.of(length)
  if (length < 0x100) return Buffer.of(0x81, length)
  return Buffer.of(0x82, length >>> 8, length)
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(SEQUENCE, Buffer.concat(parts))
}

function set(...parts: readonly Buffer[]): Buffer {
  return der(SET, Buffer.concat(parts))
}

/** Two digits of the year are good until 2049 (RFC 5280 §4.1.2.5). */
function utcTime(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().replace(/\D/g, '')
  return der(UTC_TIME, Buffer.from(`${digits.slice(2, 14)}Z`))
}

function alternativeName(subject: string): Buffer {
  if (isIP(subject) === 0) return der(DNS_NAME, Buffer.from(subject))
  return der(IP_ADDRESS, Buffer.from(addressFromText(subject)!))
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g)!
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
